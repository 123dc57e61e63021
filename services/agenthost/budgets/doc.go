// Package budgets keeps what may be spent and what was. It owns the KV bucket <namespace>_budgets: one key per budget, which
// is namespace, agent.<id> or job.<id>, with the rules of package spend; 256 MiB at most, 16 revisions of each.
// Caps that are set and removed are told as events, from these revisions, as are those for which money is held once it is.
//
// Invariants: a cap that was acknowledged holds for every Reserve that begins later, since all that decides is read from the
// bucket's leader or written by compare-and-set. Spent and reserved together pass the cap only by calls that cost more than
// they stated, and by a cap that was set below what is spent. A call is reserved in all budgets that it counts in, or Reserve
// fails; there is no transaction over several keys, so they are reserved one after the other.
//
// What happens when a host dies: between two reservations of one call, or after the last, they stay, and count against the
// caps until the call's time has run out; then they count as spent at their maximum as soon as they are in another call's way.
// Never is less counted than the call may have cost. A death between two settlements of one call leaves the rest of them
// reserved alike. A write whose acknowledgement is lost is found again by the call's id.
//
// Where an account pays for a cap, what the cap lets be spent is held in the ledger of the economics service, in the payer's name and
// for the principal agenthost, and no more is let in than is held. Each operation in the ledger is written into the record before it is
// begun and crossed out when it is over (package spend): whoever finds it there carries it out, another host too, and the ids of its
// requests and what the hold has left tell what was done already. So a host that dies at any point leaves every unit in one place: in
// the account, in the hold, on the way back through an account of agenthost's that has a payer's money only, or collected. Hosts look
// for what was left every minute; what nobody knows of any more goes back by the hold's expiry.
//
// A budget begins to count when it is set: calls that are under way then are not in it. Budgets of jobs that have ended stay
// until somebody removes them.
//
// While the stream changes its leader, a server that has just been deposed may answer one more read without knowing. So a call
// can miss a cap that was set for the first time in that very moment; one that exists is safe, because a write decides.
package budgets
