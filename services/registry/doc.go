// Package registry is the service that knows every agent, host and service instance of a namespace, and which processes live.
//
// # What it owns
//
// Subjects: <ns>.registry.{agents,hosts,services,leases}.<verb>, in the methods of shared/api.
//
// Buckets, all written by compare-and-set only:
//   - <ns>_agents, key = agent id, at most Config.AgentBytes (1 GiB); an agent is at most about 200 KiB
//   - <ns>_hosts, key = host id, at most 64 MiB
//   - <ns>_services, key = instance id, at most 256 MiB
//   - <ns>_leases, key = lease id, kept by shared/lease, at most 64 MiB
//   - <ns>_requests, the answers of requests that carry an id, kept by shared/kv for 10 minutes and shared by all services
//
// Each bucket of records keeps 16 revisions of a key, out of which its outbox makes events. A dead service instance is
// forgotten together with its lease, 24 hours after its death; a dead host and a failed agent stay until somebody removes
// them or they come back. The traces of what was removed are swept after an hour.
//
// Stream: <ns>_events, subjects <ns>.event.registry.{agents,hosts,services}.<id>, 7 days and at most 1 GiB.
//
// Memory: a replica mirrors all three buckets and keeps an index over them, which together take less than 1 KiB for an agent
// of usual size; the index's share of that is about 170 bytes.
//
// # Invariants
//
//   - Of any number of registrations of an id exactly one succeeds while the first one stands.
//   - At any time at most one host lease owns an agent. Epochs of a registration only grow, by one with each claim, and
//     nobody changes a claimed agent without its present epoch, except the reaper after the lease of its host is dead.
//   - What lives by a dead lease is marked: hosts and services dead, agents failed (host_lost).
//   - A change has one event with one id, published at least once, unless 16 further changes of the same thing came before any
//     replica had published it.
//   - A read with min_revision reflects that revision. A read without it may be as old as the replica's mirror, which is
//     milliseconds behind unless the store is away; only an id that the mirror lacks is looked up at the store's leader.
//   - Input from outside, however wrong, is answered with an error and stops nothing.
//
// # When a replica dies
//
// No replica owns anything: all of them answer, watch leases, reap and publish, and each step is one compare-and-set.
//
//   - In a write, before the compare-and-set: nothing has happened. After it: the change stands, the caller sees a timeout or
//     unavailable (maybe_executed), and repeating with the same Mabus-Request-Id gives the first answer from any replica.
//     Without an id a repeated registration is already_registered, and a repeated claim already_running, by the caller itself.
//   - In agents.register_many: some agents are registered. Each has a request id of its own, derived from the request's, so
//     that repeating the whole finishes it.
//   - In hosts.deregister, which first fails the host's agents and then removes the host: repeating it goes on. If nobody
//     repeats it, the agents are reaped when the host's lease ends.
//   - Between a change and its event: another replica's outbox publishes the event, with the same id.
//   - While it reaps a dead lease: reaping is decided by state, not by news. Every replica compares what is recorded with the
//     leases when one dies and every few seconds, so another one, or the next one to start, marks the rest.
//   - In leases.acquire or renew: the lease stands, and its holder, which lacks the token, takes a new id or runs out.
//   - In a wait_for: the caller gets no answer, and asks again.
package registry
