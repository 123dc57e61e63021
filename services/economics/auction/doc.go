// Package auction holds the pure rules of the life of an auction: who may bid, what a bid holds, when it closes and what is then paid.
// Winners and prices come from the packages mechanism and bundle. The end of an auction (winners, payments, fees, deliveries and
// contracts) is one command: it happens whole or not at all, and nothing stays held for an auction that has ended.
//
// Every accepted step is in the auction's transcript, from which Recompute finds the same end again.
package auction
