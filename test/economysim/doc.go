// Package economysim simulates the economy: the whole machine of services/economics on the pure engine of the log, under random commands
// of every kind, good and bad, of random principals, with timers, effects, repeated requests, entries that come twice, and replicas that
// lag, die and begin anew from snapshots. After every entry the money is counted and every hold has a reason; an auction that ends is
// judged by what was asked and answered, without its rules where that is simple; in the end all replicas are equal. A seed is a
// schedule: the same one gives the same log. Bugs are planted to show that each of them is found.
package economysim
