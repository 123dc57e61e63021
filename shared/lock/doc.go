// Package lock keeps locks: mutexes, rw locks, semaphores and elections, fenced and strictly first come first served.
//
// A lock is one record, api.Lock, in the bucket <namespace>_locks (at most 64 MiB), changed only by compare-and-set through
// the rules of package queue. A ticket's fencing token is the revision of the write that added it: whoever reads the record
// at that revision fills it in. A lock that nobody else wants costs one write to take and one to give back, and no read.
//
// The mirror of the bucket tells those who wait. While nobody does, and all that comes was written by this process, it lets
// changes gather for a moment: each of them would cost more than it tells.
//
// A request that ends never removes a ticket that is granted, because the same request may have been repeated elsewhere and
// its caller told. It gives up a place that waits, if no repetition has taken that over: see claim.
//
// A ticket lives by a process lease. Every Store watches the leases and removes the tickets of dead ones, so a lock outlives
// any of the processes that serve it. An empty record stays for an hour, by the store's clock, after which it is removed;
// tokens go on growing, because the stream's sequence does.
package lock
