// Package balance holds the pure rules by which one of several agents is chosen for a message, from what the chooser has seen itself,
// what the agents' hosts tell of their load, and what is known of their usual latency. Time and randomness come in as arguments.
//
// The cost of an agent is the time in which it would be done with one more message: what a message takes there, times its place in
// the queue. What a message takes is a peak-EWMA, as in Twitter's Finagle (com.twitter.finagle.loadbalancer.PeakEwma): an observation
// above the average replaces it, one below it pulls it down by exp(-t/decay). Unlike there, a peak is what two observations in a row
// have, so that one hiccup does not leave an agent idle; an observation is divided by the queue that the message met, so that long
// queues do not count twice; and old knowledge fades to what the host tells, or to the others' median, and not to nothing. An error costs
// as much as BalanceConfig.ErrorCost, by its share beyond that of the others: an agent that is quick because it fails does not look good.
//
// The strategies:
//
//   - p2c_ewma: of two at random the cheaper, or of two that cost about the same the one with fewer messages (M. Mitzenmacher, "The Power
//     of Two Choices in Randomized Load Balancing", IEEE TPDS 12(10), 2001). What many choosers know is old news for all of them alike; two
//     at random keeps them from running to the same agent, which with n agents gets at most 2/n of the messages (Mitzenmacher, "How
//     Useful Is Old Information?", PODC 1997).
//   - round_robin: the next that is fit.
//   - least_outstanding: the fewest messages for its weight and concurrency.
//   - resource_aware: the least of 0.4 cpu + 0.3 memory + 0.3 active/10, as in the reference system, on reported load.
//   - performance_weighted: in proportion to weight and speed, by earliest virtual deadline: each message moves its agent's clock on
//     by what it takes there.
//   - capability_based: the most preferred capabilities, then the fewest that were not asked for, then the least cost.
//   - consistent_hash: multi-probe consistent hashing (B. Appleton, M. O'Reilly, arXiv:1505.00062, 2015) with bounded load
//     (V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018): a key whose agent has
//     LoadBound times the mean goes on to the next on the ring.
//
// Ties are broken at random. least_outstanding, resource_aware and performance_weighted look at 64 agents at most, a random stretch of
// the set, so that a choice among very many stays quick; capability_based looks at all that have what is required.
//
// An agent is left out (ejected) after errors in a row, for its share of errors or for its latency, if the others do much better, but
// never more than a share of all and never the last. When its time is over one message tries it; if that fails, the next time is
// twice as long. An agent that is new or back gets its share little by little (slow start).
//
// An agent is overloaded when it is over a threshold of the configuration, and is then chosen only if no other is fit, the cheapest or,
// of a key, its own; with Shed the message is refused instead. It is full when its host told of a mailbox that must still be full by the
// agent's own pace; a message that only full agents could take is refused.
//
// Tenants that want more than a set of agents takes get shares in proportion to their weights, and what one does not use goes to the
// others (weighted max-min fairness, as in A. Demers, S. Keshav, S. Shenker, SIGCOMM 1989). A tenant alone has no bound.
//
// Bounds: a Picker has some 400 bytes for each agent and 24 for each of its capabilities; at most 256 tenants for each capability,
// those beyond share one place.
package balance
