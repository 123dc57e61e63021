// Package quota holds the pure rules of rates: what is left of an allowance, how long a call must wait for its share, and how
// often a failed call may be repeated. Time comes in as an argument and a state goes out, so the same rules serve a limit in
// memory and one that several hosts keep together in a store.
//
// # The bound
//
// An allowance of n per minute is a bucket measured in time: each use costs 1/n of a minute, debts are paid back a second per
// second, and no call is let through that would bring the debt above Burst percent of a minute (but one use is always
// possible). So for every span of time T
//
//	the calls let through in T use at most n × (Burst % of a minute + T) / a minute
//
// what was given back by Settle deducted: with a burst of 100 % that is n at once and n more evenly over the minute after, 2n
// in the worst sixty seconds, and n in the long run. There is no border between minutes at which anything starts anew. A cost
// is rounded down to a nanosecond, which at 100 000 uses a minute is less than two in a million. Use beyond what a call asked
// for is a debt that those after it pay, 24 hours at most.
//
// # Giving back
//
// A call takes its estimate and gives back what it has not used. Giving it all back whenever it ends would break the bound: the
// debt may have been paid by the passing of time already, and would be forgiven twice. So a bucket counts how much of its debt
// may still be given back (Held), and how much of that time has overtaken (Lost); a ticket remembers Lost as it was, and is
// worth that much less in the end. A ticket that is never settled (its host died) costs what it took, and nothing for ever.
package quota
