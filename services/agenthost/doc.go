// Package agenthost runs agents and durable tasks. Any number of hosts share the work: requests reach one of them by a queue
// group, messages reach the one that listens for the agent, and tasks are pulled by whoever has a free slot.
//
// Owns: the subjects <ns>.agenthost.>, <ns>.agent.<id>, <ns>.capability.<cap>, <ns>.all.<cap>, <ns>.agentctl.<id>.<verb>
// and <ns>.host.<id>.>. Package tasks names its streams, package budgets its bucket of caps on spending, package guard the bucket
// of limits that hosts share. It keeps nothing else: what it runs is in the registry.
// jobs.remove and states.remove take away what is kept of a job, and what an agent that is not registered any more has saved; each is told of as an
// event mabus.jobs.removed or mabus.states.removed, with who has asked for it.
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
// What the machine and the agents have to do is told on <ns>.load.<host> to whoever listens (api.HostLoad): what has changed much every
// 500 ms, at once when a mailbox is full, and all every 5 s or when somebody asks on <ns>.load.request. Agents that have been idle for a
// minute are not told of and cost nothing; a message has at most 1,000 agents. Nothing of it is stored, and a report that is lost is
// made good by the next.
//
// An agent that is wanted and that no live host runs is taken up by the host where the plan of package placement puts it; package
// state keeps what agents save, guarded by the epoch of their claims.
//
// Secrets that agents refer to are found when they are needed (package secret): for a program when it starts, for an endpoint with each
// message. No store has a value; what a program or an endpoint says of one is taken out before it goes anywhere, for which the host
// keeps the values of programs as long as they run.
//
// What agents do is measured where it is done, for the performance monitor: how long they take, how long messages wait, what fails, and once an
// interval how many wait and are handled. Of an agent that does nothing there is nothing, but for the program of an exec agent, which is looked
// at every fifth interval.
//
// When an agent is stopped: it finishes what it has begun, for three quarters of its shutdown time; then the contexts of its
// handlers end, and at the end of that time what is left is abandoned or killed. Messages for one of its capabilities that came too
// late go on to another agent that has it; those for the agent itself are answered as if nobody had listened.
//
// When a host is asked to end: it hands its agents over, see passage. What no other host takes is stopped, and stays wanted.
//
// When an agent is to move, its host hands it over in the same way, and goes on with it if the other refuses. When nobody knows whether
// the other has it, because it or the registry does not answer, the agent ends here and is taken up where it is best placed.
//
// Agents are placed by the reports of hosts, <ns>.load.*, as far as these are at most 11 s old, and else by what the records say.
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
