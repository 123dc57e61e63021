// Package loadbalancer is the service that chooses agents for those who do not choose for themselves, passes their messages on, and
// moves agents between hosts. The Go SDK balances by itself, by the same rules and without a further hop; this service is for other
// clients, for assignments whose end somebody reports, and for plans.
//
// # What it owns
//
// Subjects: <ns>.loadbalancer.{agents,config,plans}.<verb> in the methods of shared/api; <ns>.lb.<capability> and its as form, by the
// queue group lb; <ns>.loadbalancer-peers and <ns>.loadbalancer-told, on which replicas tell one another what they have done and what
// they were told; <ns>.loadbalancer-at.<replica>, which reaches one of them. It hears <ns>.load.*, the reports of hosts.
//
// Bucket: <ns>_balance, at most 16 MiB: key config, the configuration, and key plan, the newest run of a plan (at most 1,000 moves,
// about 200 KiB). What becomes of them is published as events mabus.balance.{configured,plan_started,plan_taken_over,plan_stopped,plan_ended}.
//
// Memory: mirrors of the registry's agents and hosts; some 500 bytes for each running agent; at most 100,000 assignments and 65,536
// routed messages without an answer, beyond which a request is overloaded (server_full); 1,000 assignments of the history.
//
// # Invariants
//
//   - An agent can be chosen while the registry says that it runs; what is known of it begins anew with each claim of it.
//   - What was chosen counts as outstanding until its report, its answer, or the end of its hold, and is counted once.
//   - Replicas do not count one another's picks. What each knows of all is what hosts report twice a second; until then several
//     replicas may choose the same agent, and since each takes the better of two at random they do not run to one together: with
//     r replicas an agent gets no more than with r callers that balance by themselves.
//   - The configuration is obeyed by every replica as soon as its mirror has it. An invalid one is never stored.
//   - Of plans one at a time runs in a namespace. Every change of its run is a compare-and-set which says who carries it out, so that
//     a runner that others took for dead changes nothing any more. A move is carried out by agenthost.agents.move, which loses
//     nothing; carried out twice it is no move the second time.
//
// # How a message is routed
//
// The message goes on to the agent's own subject as it came, with the sender's reply subject, so that the agent answers the sender and
// not this service: parts of a stream, questions back and cancels need nobody in between, and a router that dies takes no answer with it.
// For as long as the answer is due the router listens on the reply subject as well. It learns from what it hears there how the agent
// does; and since it listens there, the server tells it, and nobody else, when nobody listens for the agent: nobody has seen the
// message then, so it goes to another agent, at most four times, and then to the capability's queue group. So a message is handled at
// most once. One that came too late for its agent, which is about to stop, is handed on by its host to another with the capability.
//
// Each message under way has a reply subject of its own, as requests have in all clients: a second one with the same is refused (invalid).
//
// A message without a reply subject, a cast, is sent with one of the router's own, on which the agent's host acknowledges it.
//
// # When a replica dies
//
//   - With an assignment: it counts no more, and the others have not counted it. A report of it is assignment_unknown.
//   - Before it has passed a message on: nobody has seen the message, and the sender's deadline ends, as with any message to a process
//     that dies. After it: the agent answers. In between, when nobody listened: the sender's deadline ends.
//   - With a plan: what is under way comes to its end with the hosts, and after 10 s without a sign another replica goes on, asking
//     again for the moves that were under way.
//   - With its configuration: it is in the bucket.
//
// When the store is away picks and routing go on with what is known. Without reports of load, agents are chosen by what this replica sees
// itself. When a replica is stopped in order it leaves the queue groups, gives up its plan to the others, and waits for what it has
// passed on a moment ago to be taken.
package loadbalancer
