// Package events is the event store: a part of the service perfmon that keeps what has happened, in the form of CloudEvents.
//
// # What it owns
//
// Methods: perfmon.events.{append,append_many,get,query,follow,chain,prune,stats,replay}.
//
// Stream: <ns>_events, subjects <ns>.event.>: 7 days, at most 1 GiB and api.MaxEvents (4,000,000) events, the oldest going first. Whoever
// publishes events makes sure of it (kv.EnsureEvents). On it are
//   - <ns>.event.<service>.<noun>.<id>: what the services tell of their changes, by kv.Outbox, each at least once and with the same id
//   - <ns>.event.as.<principal>.<event id>: what a principal has appended under an id that it gave, at most one message each
//   - <ns>.event.as.<principal>.=: what a principal has appended under new ids; "-" stands for nobody in particular
//
// An SDK's Appender publishes the latter in fast batches (NATS ADR-50), each acknowledged many events at a time: the server keeps at most 1000
// such batches of a stream open, and what it refuses beyond that, or forgets, the service appends.
//
// An appended event is stored without its principal, which its subject tells, and without a correlation that is its own id.
//
// Subject of replays: <ns>.replay.<to>, and no other, since the service may publish where those who ask it may not.
//
// Memory: every replica keeps an index of all events, of some 74 bytes each (package index), so 300 MB when the stream is full. Bodies are
// read from the stream when they are asked for, by sequence. After a start the stream is read once from end to end, bodies included,
// because an event stands in the body; until then the replica answers no reads (not_caught_up). While many come it reads them in bursts, some
// 5 ms behind, since the server pays most for readers that take each message as it is stored.
//
// # Bounds
//
// An event has at most 1,000,000 bytes of data, or what the server takes in one message less the rest of the event; a batch 1000 events and
// 16 MiB; a page 1000 events and some 4 MiB; a chain 1000 events; one replay 100,000 events; one follow waits a minute at most. A replica
// stores 8 batches at once, others are overloaded; 16 requests read bodies at once, 16 bodies each, and others wait.
//
// # Invariants
//
//   - An id is permanent for its principal: as long as the stream has the event, the same event again gives the same answer, and another
//     one is conflict (already_exists). That rests on the stream, which refuses a second message on the id's subject, and not on its
//     window for duplicates. For events that an SDK has published under new ids it rests on the index, which may be a moment behind.
//   - A batch is stored all at once or not at all (NATS ADR-50), also when it is repeated.
//   - Whoever appends is the principal of the event, whatever its body says; types that begin with "mabus." and sources below /<ns>/ are for
//     services. What is published past the methods is held to that too when it is read, and is otherwise counted as junk.
//   - An event that the stream has twice is found once: the first counts.
//   - A read with min_revision has all up to that revision. Cursors and positions are places in the stream and stay valid at every replica,
//     and after any restart; those of a stream that was made anew since are refused (foreign_revision).
//   - Prune removes nothing that was stored at its time or later. By the order of storing, not by the events' own time, which appenders say.
//
// # What NATS permissions have to say
//
// A service may publish to <ns>.event.<its name>.>, a principal to <ns>.event.as.<principal>.> at most, and only for the SDK's Appender:
// the methods need nothing but their own subjects. Nobody else may publish below <ns>.event. Reading is of all events or none: who may
// call query, follow, chain and get, subscribe to <ns>.event.> or read the stream, sees everybody's. Prune and replay are for operators;
// <ns>.replay.> is for the perfmon service alone to publish to.
//
// # When a replica dies
//
// No replica owns anything: each has its own index of the same stream.
//
//   - In append or append_many, before the stream has it: nothing has happened. After it: the event stands; repeated with its id, or with the same
//     Mabus-Request-Id, the answer is that of the first time. Within a batch: the server gives up what has no end after ten seconds.
//   - In follow or query: asking again with the last next goes on at another replica, with nothing twice and nothing left out.
//   - In replay: what was published stays published; asking again repeats it, or begins at the last next.
//   - In prune: what is removed is removed; asking again removes the rest, and counts only that.
//
// # The operations of the reference system
//
// new_event, debug_new_event: an api.Event. function_entry, function_exit, state_change: types of an application's own choice.
// store: append; where the same id overwrote silently, it is now a conflict, and the store gives ids. store_batch: append_many.
// get: get. query: query; event_type is type, time_range is since and until (inclusive), order_by event_id is append, timestamp is time,
// both in either direction; offset is a cursor; unknown keys are refused. get_by_correlation: query with correlationid.
// get_correlation_chain: chain, which is a tree. get_time_range: query. get_recent: query with newest, which does return the newest.
// prune_before: prune. stats: stats; memory_usage_estimate is bytes, uptime is in the registry. status, available?, initialize, stop:
// readiness of the process. serialize, deserialize: JSON. reset_state: prune with a time to come.
package events
