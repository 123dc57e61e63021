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
// When an agent is stopped: it finishes what it has begun, for 3 seconds; then the contexts of its handlers end, and a second
// later what is left is abandoned or killed. Messages for one of its capabilities that came too late go on to another agent
// that has it; those for the agent itself are answered as if nobody had listened.
//
// When a host dies: its lease runs out, the registry marks its agents failed (host_lost), callers whose request it had get no
// answer and run into their deadline, and its tasks are delivered again to others once their acknowledgement wait is over. What
// it had reserved for paid calls stays reserved until their time is over, and then counts as spent. A command that it ran in
// isolation is not repeated.
// In the middle of a start, the agent is left as starting and becomes failed in the same way.
package agenthost
