// Package coordination is the service by which processes agree with one another: locks, elections, barriers, latches, counters,
// sequences, and cells that are guarded by the fencing tokens of locks; and by which agents do: sessions, in which they are asked and
// answer by a protocol, and variables that they share.
//
// # What it owns
//
// Subjects: <ns>.coordination.{locks,elections,cells,barriers,latches,counters,sequences,sessions,protocols,variables}.<verb>, in the
// methods of shared/api.
//
// Buckets, all written by compare-and-set only:
//   - <ns>_locks, kept by shared/lock, at most 64 MiB
//   - <ns>_primitives, keys <noun>.<name>, at most 1 GiB and 8 revisions of each; a barrier of 10,000 parties with the longest names
//     is about 0.9 MB, a cell 64 KiB, all else less than 300 bytes. Cells, barriers and sequences are never removed, since what they
//     remember is what they are for; the traces of removed counters and latches are swept after an hour.
//   - <ns>_leases and <ns>_requests, which it shares with the other services
//
// Of what its replicas agree on in a log (the package realm; see shared/replog):
//   - the stream <ns>_log_coordination, at most 4 GiB, shortened below verified snapshots, which are in the object store <ns>_snapshots
//   - the stream <ns>_archive, at most 8 GiB, the sessions that have ended, each under a subject of its own, the oldest going first
//   - the subjects <ns>.event.coordination.<noun>.<id>: ends of sessions, by an outbox of the archive; changes of protocols and variables, by
//     each replica as it applies them, with the same id (shared/replog/tell; 8192 wait at most, others are lost and counted)
//
// At most 100,000 sessions are active at a time, with 8 MiB of questions and answers each, and 100,000 variables of 64 KiB, with 256 MiB
// together. A session that has ended leaves memory for the archive within seconds. Until then it counts among those that take 1 GiB
// together: beyond, no session begins, and beyond twice that, no answer counts.
//
// Waiting: at most Config.Waiters (16,384) requests wait at a replica, each on a goroutine of its own, with some 10 KiB. A further
// one is overloaded at once, and so is, beside those that wait, one more than Config.Limit (1,024) other requests: those who wait
// never keep out whoever would end the wait. Nobody polls: waiters hear of changes from a mirror of the bucket. In one replica the
// changes of one primitive queue up (at most 512, and one for each waiter of a barrier), and up to 256 of them without a request id
// go into one write.
//
// # Invariants
//
//   - A lock is as shared/lock has it: first come first served, never held by more than its capacity, each grant with a higher token.
//   - A cell never goes back: a write with a token below the highest that it has seen is fenced, on whatever replica.
//   - A barrier opens once for each generation, when as many members are arrived at one time as all of them have named as parties.
//     A member counts once in a generation, and no longer than its request waits; one whose replica died counts for 10 s more.
//   - A latch goes down to zero and not below; those who wait for it hear of zero, or of its removal, whichever came first.
//   - The value of a counter is the sum of what was added since it was made, and the ranges of a sequence follow each other without a
//     gap. A range is lost only with the answer to a request without an id.
//   - What carries a request id happens once, and its repetition gets the first answer for 10 minutes. A repeated arrival at a barrier
//     waits for the generation that the first has joined and joins no other; if it was taken back it says so, and a new request is
//     needed. A repeated request for a lock keeps its place while it waits, and does not take the lock again after its answer.
//   - A session counts one answer of a member in a round, given in the member's own name while the round is open, and ends once: with the
//     result that its protocol makes of the transcript, or with a reason. Every replica has the same transcript, to the byte; its chain
//     of hashes ends in the session's head, which every receipt carries.
//   - A variable changes by one version at a time, by who may change it, as its resolution says, and never to a value that its
//     constraints refuse.
//
// # When a replica dies
//
// No replica owns anything. Each change is one compare-and-set, and each wait only looks at the store.
//
//   - In a change, before the compare-and-set: nothing has happened. After it: the change stands, the caller sees a timeout or
//     unavailable (maybe_executed), and repeating it with the same Mabus-Request-Id gives the first answer from any replica.
//     Without an id a counter may count twice; all else can be repeated: a barrier knows its member, a lock its ticket, a cell its
//     token, a latch that is made anew its count. A count-down is not of these.
//   - With changes of several callers in one write: all of them are made, or none.
//   - While somebody waits at a barrier: the arrival counts until 10 s after the wait would have been over. The request, repeated
//     with its id or its member, waits on at another replica. If it is not repeated, the arrival ceases to count by itself.
//   - While somebody waits for a lock, or stands for election: the ticket keeps its place for 15 s after the wait would have been
//     over, or until its lease ends. The request, repeated with its id or its ticket, waits on.
//   - Between the grant of a lock and its answer: the repetition is granted with the same token. If it is not repeated the lock is
//     held until the lease ends.
//   - While somebody waits for a latch, or observes an election: the caller gets no answer, and asks again.
//   - Before the command of a session or a variable is in the log: nothing has happened. After it: it stands, and its repetition (of a
//     start by its id or request id, of an answer by its member and round, of all else by its request id) gets the same answer.
//   - Before it has asked the members of a round, or while it does: another replica asks after 2 s. Hosts know a question that they
//     have had.
//   - While it archives: another stores the same again. A session leaves the state only when it is in the archive.
//   - While somebody waits for a session or a variable: the caller asks another replica, which knows the same.
//
// A replica that stops in good order tells those who wait to ask again (unavailable, draining).
package coordination
