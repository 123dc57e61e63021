package bench

import "context"

// DefaultMembers is among how many agents a choice is timed, unless the caller says otherwise.
const DefaultMembers = 10_000

// BalanceSize says how large things are that LoadBalancer measures.
type BalanceSize struct {
	// Members among which a choice is timed; DefaultMembers unless given.
	Members int
}

func balanceMeasurements(size BalanceSize) []measurement {
	pick := func(ctx context.Context, r *run) error { return measurePick(ctx, r, size.Members) }
	return []measurement{
		{"slow", "one slow member of four", `Calls per second of 8 callers, each of which asks again when it has its answer, to four agents that take one message at a time: three
need 1 ms for it, the fourth 20 ms. slow_member_of_oracle compares callers that balance by the SDK (its default, p2c_ewma) with callers
that know which one is slow: they send to whichever of the other three has the fewest messages of theirs. slow_member_routed_of_oracle is
for plain NATS clients that send to <ns>.lb.<capability>, slow_member_queue_of_oracle for plain NATS clients of the capability's queue
group, where NATS chooses. slow_member_share is the part of the SDK's calls that the slow one has had. All callers are in one
process, on two connections for each way, of which none knows of the other; the agents are native ones on two hosts.`, measureSlowMember},
		{"grey", "one of ten becomes 20 times slower", `16 callers ask ten agents that take four messages at a time and need 2 ms for each. Then one of them needs 40 ms.
grey_p99_ratio compares the 99th percentile of the calls that begin a second after that or later with that of those before it;
grey_first_p99_ms is that of the calls of the second between. _queue: the same by the queue group. Agents and clients are new in each
round.`, measureGrey},
		{"failing", "one of ten fails at once", `The same fleet, of which one agent then refuses everything at once. fast_fail_share is its part of all messages that agents get from
500 ms after that on, and fast_fail_errors the part of calls that fail in these 500 ms. _queue: the same by the queue group.`, measureFastFail},
		{"pick", "a choice among many agents", `pick_ns_10k is the time for a choice by p2c_ewma on one goroutine, among so many agents (--members) of 50 hosts whose loads were all told,
with all thresholds on; pick_done_ns_10k is that with what then tells what became of it, pick_cpu_ns_10k both in time on the processors: the same,
unless others use the machine. pick_allocs_10k is how often both ask for memory.`, pick},
		{"spread", "500 assignments among 100 equal agents", `The most assignments that an agent gets of 500 of which none ends, over the 5 that it should get: spread_<strategy> for the picker by
itself, spread_service_<strategy> for the service with three replicas, asked by 16 callers at once about 100 agents on two hosts.
spread_max_over_mean is the greatest of them all.`, measureSpread},
	}
}

// LoadBalancerNames lists the measurements of LoadBalancer with what they are about, and how their figures are to be read.
func LoadBalancerNames() [][3]string {
	var names [][3]string
	for _, m := range balanceMeasurements(BalanceSize{}) {
		names = append(names, [3]string{m.name, m.doc, m.help})
	}
	return names
}

// LoadBalancer measures what choosing agents by their load gains, against the plain queue group and against callers that know everything.
func LoadBalancer(ctx context.Context, cfg Config, size BalanceSize) (*Report, error) {
	if size.Members <= 0 {
		size.Members = DefaultMembers
	}
	return take(ctx, "loadbalancer", cfg, balanceMeasurements(size))
}
