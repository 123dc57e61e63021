// Package agenthost runs agents and durable tasks. Any number of hosts share the work: requests reach one of them by a queue
// group, messages reach the one that listens for the agent, and tasks are pulled by whoever has a free slot.
//
// Owns: the subjects <ns>.agenthost.>, <ns>.agent.<id>, <ns>.capability.<cap>, <ns>.all.<cap>, <ns>.agentctl.<id>.<verb>
// and <ns>.host.<id>.>. Package tasks names its streams, package budgets its bucket of caps on spending, package guard the bucket
// of limits that hosts share. It keeps nothing else: what it runs is in the registry.
//
// Invariants: an agent is run by the host whose claim carries its highest epoch, and a claim is one compare-and-set in the
// registry, so that of concurrent starts one succeeds. A claim whose outcome the host did not hear is looked into until it
// is known, so that no agent stays between its claim and its start. An agent listens before it is announced as running.
// Messages wait in a bounded mailbox; a crash of an agent loses the messages that it was handling, whose callers hear
// agent_crashed, and no others. Without a lease the host handles no message and tells the registry nothing.
//
// The question of a session is a message whose answer the host sends to the coordination, in the agent's name, until it is heard or the
// question's deadline is over. It runs once on this host, however often it is asked: at most 262,144 questions and 64 MiB of answers are
// known, until their deadlines or for 8 s after the answer has arrived. In byzantine sessions the host takes part for its agents (package pbft); their keys are kept nowhere.
//
// An agent that is wanted and that no live host runs is taken up by the host where the plan of package placement puts it; package
// state keeps what agents save, guarded by the epoch of their claims.
//
// When an agent is stopped: it finishes what it has begun, for three quarters of its shutdown time; then the contexts of its
// handlers end, and at the end of that time what is left is abandoned or killed. Messages for one of its capabilities that came too
// late go on to another agent that has it; those for the agent itself are answered as if nobody had listened.
//
// When a host is asked to end: it hands its agents over, see passage. What no other host takes is stopped, and stays wanted.
//
// When a host dies: nobody listens for it, the registry marks its record dead, or its lease runs out, and other hosts take its
// wanted agents up with the next epoch. Callers whose request it had get no answer and run into their deadline, and its tasks are
// delivered again to others once their acknowledgement wait is over. What it had reserved for paid calls stays reserved until their
// time is over, and then counts as spent. Questions of sessions that it had, and answers that it had not sent, are lost: these members
// are silent. A command that it ran in isolation is not repeated.
//
// In the middle of a claim or a start: the agent is starting under its epoch, and is taken up like one that ran. In the middle of a
// hand-over, before the new claim: the old host's death is that of any host. After it: the agent is the new host's, which begins by
// itself when it has waited for the old one for a while; what the old one had not passed on is lost with it.
package agenthost
