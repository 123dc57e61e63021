// Package lease keeps proof that processes live: one lease per process, renewed by compare-and-set in the bucket
// <namespace>_leases, and declared dead by a watcher that saw it unchanged for too long.
//
// Nothing expires in the store, so an outage of NATS kills nobody: a holder acts until Hold has passed since it sent its
// last successful renewal, and a watcher needs Challenge of an unbroken view before it declares a lease dead. A dead lease
// never lives again.
package lease
