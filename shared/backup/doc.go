// Package backup copies a namespace out of NATS while it runs, brings it back into another server, and moves it to one.
//
// # What a back-up is
//
// A directory: for each store that is there a file of its messages with their sequences and times, and manifest.json, written last, with
// the stores' configurations, what each file holds, its SHA-256, and one over all of that. A directory without a manifest is no back-up.
//
// # Why not a snapshot of the server
//
// JetStream's own snapshot of a stream leaves out what was written after it began, and also what was removed until it came to it. A key
// that was overwritten meanwhile is in neither part: with a history of one, as leases and locks have, the key is gone. So streams are
// read here, message by message, until the reader has caught up with the stream's leader: whatever stands in the stream at that moment
// was passed when it was there already. Restoring does use the server's own interface, which alone keeps sequences and times.
//
// # The invariant
//
// Each stream is read twice: first as a whole, one after the other, and then, in the order of Order, what has come since; that is its cut.
//
//   - Of each stream all is there that its leader held at the cut, so nothing that was acknowledged before the back-up began is missing.
//     What was removed between its reading and the cut may be there too: finished tasks, whose outcomes are cut later and end them again;
//     revisions of a key beyond its history, which the server drops at the restore; parts of objects and states that nothing names.
//   - A replicated log is never older than its snapshot, and has every entry after it: the pointer and the objects are cut together, while
//     the pointer does not change, and the log after them, from where it began before them and without a gap.
//   - An archive is cut within milliseconds after its log and never before it, since what the log has dropped must be in the archive. What
//     the log still has, and the archive has already, is stored there again.
//   - What refers is cut before what it refers to: states before the agents that they are of, budgets before the ledger that holds their
//     money, cells before the locks whose tokens they remember, logs before the tasks that they have submitted, tasks before their outcomes,
//     and both before the bodies that they name. Answers that are kept for repeated requests come first of all: a change that is there
//     without its answer can be repeated, an answer without its change would be a lie.
//   - Durable consumers are taken before any cut, so they are behind their streams, never ahead: events are told again, none is left out.
//     A consumer that was waiting for acknowledgements begins again at the first of them; attempts at tasks are counted anew.
//
// # What a restored namespace is
//
// A new incarnation of each store: revisions that were given out before are foreign_revision. Processes that held leases find them lost,
// whatever their clock says, and start anew; leases, hosts and services of before are declared dead by those who watch them, as always. The
// locks' sequence continues far above the back-up's (TokenGap), so that tokens given after the back-up was made are not given again.
//
// # When it dies
//
//   - A back-up that dies leaves a directory without a manifest, and nothing in NATS.
//   - A restore that dies leaves streams that say in their metadata that they are being restored; the next one removes them and begins again.
//     They lose that mark when all of them have been compared with the back-up; the last one says so until the others have lost theirs, so
//     that a restore which dies in between is only brought to its end. Until then no process should be started.
//   - A migration that dies before its fence leaves nothing. After that the source refuses every write, until Unfence or another migration.
package backup
