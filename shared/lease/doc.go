// Package lease keeps proof that processes live: one lease per process, renewed by compare-and-set in the bucket
// <namespace>_leases, and declared dead by a watcher that saw it unchanged for too long.
//
// Nothing expires in the store, so an outage of NATS kills nobody, however long it is. A holder acts until Hold has passed
// since it sent its last successful renewal; then its lease is suspended, until a renewal succeeds, which proves that nobody
// has declared it dead, or shows that somebody has. A watcher declares a lease dead after Challenge of an unbroken view in
// which it was not renewed, and after the store has shown that it takes writes. A dead lease never lives again.
//
// Holders and watchers compare no clocks: each measures durations by its own, and Hold is shorter than Challenge by more than
// clocks drift, a hundredth each way. The wall clock is not used, so it may be set at will. On Linux the clock goes on while
// the machine sleeps (CLOCK_BOOTTIME): a holder that wakes knows that its lease has run out, and a watcher starts its counts
// anew. Elsewhere a holder that wakes may take its lease for held until its context ends or its next renewal is answered, and
// only the fencing of its writes keeps it from doing harm.
//
// Between Held and what is done upon it a process can be stopped for any time. What must not be done twice needs a fencing
// token as well (shared/lock).
//
// A process that does not speak JetStream has its lease acquired by the registry. A principal may have api.MaxLeases of those on record, living or
// ended, so that none can fill the bucket. When it needs room, those that ended first are forgotten, a 144th of Keep (10 minutes) after their end at the
// earliest.
//
// The bucket takes 64 MiB, some 300,000 records. When it is three quarters full, leases that have ended are forgotten as early, whoever had them, those
// that ended first before others.
//
// The rules are in the package rules, and are tested there over thousands of simulated schedules.
package lease
