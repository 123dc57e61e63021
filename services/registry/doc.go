// Package registry is the service that knows every agent, host and service instance of a namespace, and which processes live.
//
// # What it owns
//
// Subjects: <ns>.registry.{agents,hosts,services,secrets,secret_keys,config,leases}.<verb>, in the methods of shared/api. It asks <ns>.host.<id>.ping of
// every live host five times a second, and all of them at most 2,000 times. In strict mode also <ns>.consumers.{CREATE,DELETE}.<stream>.<consumer>: what
// hosts ask of JetStream that only a service may do for them, at most 64 at once in a replica.
//
// Buckets, all written by compare-and-set only:
//   - <ns>_agents, key = agent id, at most Config.AgentBytes (1 GiB); an agent is at most about 200 KiB
//   - <ns>_hosts, key = host id, at most 64 MiB
//   - <ns>_services, key = instance id, at most 256 MiB
//   - <ns>_secrets, key = name, what was sealed by those who set it, at most 1,000 secrets of 32 KiB and 256 MiB with their older revisions
//   - <ns>_secret_keys, one key, the public keys that secrets are sealed to, at most 8 and 1 MiB
//   - <ns>_leases, key = lease id, kept by shared/lease, at most 64 MiB; in strict mode at most 1,000 of one principal
//     that were acquired by requests
//   - <ns>_config, the configuration: key document, at most 256 KiB, and keys section.<name>, at most 256 of 128 KiB; at most 1 GiB with
//     their older revisions
//   - <ns>_requests, the answers of requests that carry an id, kept by shared/kv for 10 minutes and shared by all services
//
// Each bucket of records keeps 16 revisions of a key, out of which its outbox makes events; those of secrets hold nothing that
// is sealed. A dead service instance is forgotten together with its lease, 24 hours after its death; a dead host and a failed agent
// stay until somebody removes them or they come back. The traces of what was removed are swept after an hour;
// those of an agent that is purged at once, but for the mark of its deletion.
//
// Streams: <ns>_events, subjects <ns>.event.registry.{agents,hosts,services,secrets,secret_keys,config}.<id>, 7 days and at most 1 GiB;
// <ns>_config_history, subjects <ns>.config_history.<version>, one message for each version of the document, the last 1000 and at most
// 256 MiB.
//
// Memory: a replica mirrors all three buckets and keeps an index over them, which together take less than 1 KiB for an agent
// of usual size; the index's share of that is about 170 bytes.
//
// # Invariants
//
//   - Of any number of registrations of an id exactly one succeeds while the first one stands.
//   - At any time at most one host lease owns an agent. Epochs of a registration only grow, by one with each claim, and
//     nobody changes a claimed agent without its present epoch, except the reaper after its host is lost.
//   - What lives by a dead lease is marked: hosts and services dead, agents failed (host_lost). Agents that shall run are
//     left to the hosts that take them up for Config.TakeUp first, and stay wanted when they are marked after it.
//   - A host for which nobody listens is marked dead within a second (package suspicion), its lease is not: a lock that its
//     process holds is lost with the lease alone. Death is final for a lease: the host may neither register nor claim by it
//     again. A host that was only cut off finds that out when it registers again, or in its record, and starts anew; until
//     then two hosts may run an agent, and the higher epoch is the owner.
//   - A change has one event with one id, published at least once, unless 16 further changes of the same thing came before any
//     replica had published it.
//   - A read with min_revision reflects that revision. A read without it may be as old as the replica's mirror, which is
//     milliseconds behind unless the store is away; only an id that the mirror lacks is looked up at the store's leader.
//   - The registry holds no private key and sees no value of a secret. What is set is sealed to the key that was the present one before and
//     after it was written; who was overtaken by another key is told to seal anew, and nothing that was set is sealed to a key that was retired.
//   - The document changes by one compare-and-set, of all paths of a request or of none. A version is in the history before it is
//     overwritten and before the history is read, once. No version stands for two documents, also after the document was lost.
//   - Input from outside, however wrong, is answered with an error and stops nothing.
//
// # When a replica dies
//
// No replica owns anything: all of them answer, watch leases, reap and publish, and each step is one compare-and-set.
//
//   - In a write, before the compare-and-set: nothing has happened. After it: the change stands, the caller sees a timeout or
//     unavailable (maybe_executed), and repeating with the same Mabus-Request-Id gives the first answer from any replica.
//     Without an id a repeated registration is already_registered, and a repeated claim already_running, by the caller itself.
//   - In agents.register_many, transition_many or want: some agents are done. Each has a request id of its own, derived from the
//     request's, so that repeating the whole finishes it. A repeated take_up knows its claim by the tag that it carries.
//   - In hosts.deregister, which first fails the host's agents and then removes the host: repeating it goes on. If nobody
//     repeats it, the agents are reaped when the host's lease ends.
//   - Between a change and its event: another replica's outbox publishes the event, with the same id.
//   - While it reaps a dead lease: reaping is decided by state, not by news. Every replica compares what is recorded with the
//     leases when one dies and every few seconds, so another one, or the next one to start, marks the rest. The time in which
//     hosts take agents up begins anew with that one.
//   - While it suspects a host: what it heard is lost, and the others ask as well. A replica suspects only hosts that it has
//     heard of, so when all of them start anew after the host's death, it is the lease that tells.
//   - Between the registration of a host that comes back under a fresh lease and the end of what its former self ran: the
//     former lease dies in its own time, and the reaper follows.
//   - In leases.acquire or renew: the lease stands, and its holder, which lacks the token, takes a new id or runs out.
//   - In secrets.set, after the write and before the second look at the keys: the secret stands, and its caller, who does not know whether
//     its key still does, sets it again. In secret_keys.add and remove: each is one compare-and-set.
//   - In config.set, unset, rollback or reset, behind the compare-and-set: the change stands, and whoever changes the document next, reads
//     its history or starts puts it there. The event is the outbox's, as with everything.
//   - In a request of a host for a consumer: JetStream has made it, or not, and the host asks again.
//   - In a wait_for: the caller gets no answer, and asks again.
package registry
