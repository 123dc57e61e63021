// Package replog keeps one deterministic state machine (see engine) equal on every replica of a service, over one JetStream stream.
//
// A replica appends commands, waits until its own reader has applied them, and answers what the machine answered. There is no
// leader: every replica reads the same entries in the same order. A replica answers only while it is ready, which is while it has
// applied what it knows to be in the log, and nobody else's hash of the log contradicts its own.
//
// Stores: the stream <namespace>_log_<realm> (bound: Config.MaxBytes), the object store <namespace>_snapshots (4 GiB) and the bucket
// <namespace>_snapshots (16 MiB), in which the key <realm> names the newest snapshot that two replicas agree upon.
//
// A snapshot is proposed by one replica: frozen between two entries, when the machine can be frozen (see engine.Machine), or made by a
// shadow, a second engine that replays the log since the last one. Another replica, when there is one, verifies it by a shadow of its own.
// Once two have had different bytes, a replica trusts replays alone, until it is started again.
//
// What happens when a replica dies:
//   - with a command in its queue: nothing was done, the caller hears nothing and asks another replica.
//   - after a batch was published: it is in the log or not; with a request id the caller may ask again and is answered what the
//     first one was.
//   - while it runs effects: another replica takes them over when the claim has run out.
//   - while it makes a snapshot: the log goes on, the next member makes one.
package replog
