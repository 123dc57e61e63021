package api

// Kind is what a principal is to the system. Its credentials carry it, and the permissions that go with it are made of the method table.
type Kind string

// The kinds of principals.
const (
	KindOperator Kind = "operator" // a person or a tool that runs the system: everything
	KindService  Kind = "service"  // a process of Mabus: every method, and the stores
	KindHost     Kind = "host"     // a process that runs agents: what agents may, in their names, and the stores of hosts
	KindAgent    Kind = "agent"    // an agent or a client outside of hosts: requests in its own name
	KindObserver Kind = "observer" // looks and changes nothing
)

// Kinds are all kinds of principals, from the one that may do everything to the one that only looks.
var Kinds = []Kind{KindOperator, KindService, KindHost, KindAgent, KindObserver}

// rank orders the kinds: each may do what those above it may.
var rank = map[Kind]int{KindObserver: 1, KindAgent: 2, KindHost: 3, KindService: 4, KindOperator: 4}

// grants are the methods that are not granted by the rule: reads to everybody, changes to agents and above.
var grants = []struct {
	least   Kind
	because string
	methods []string
}{
	{KindOperator, "what runs on hosts is commands: who starts agents, or has others started, runs what it likes there", []string{
		"registry.agents.register_many", "registry.agents.deregister",
		"agenthost.agents.start", "agenthost.agents.stop", "agenthost.agents.restart", "agenthost.agents.move",
	}},
	{KindOperator, "they hold for others, and not only for who asks", []string{
		"agenthost.guards.reset", "agenthost.budgets.set", "agenthost.budgets.remove", "agenthost.budgets.settle",
		"agenthost.jobs.remove", "agenthost.states.remove", "registry.agents.purge",
		"coordination.protocols.update", "coordination.protocols.unregister", "coordination.rules.use", "economics.rules.use",
		"registry.config.set", "registry.config.unset", "registry.config.rollback", "registry.config.reset",
		"loadbalancer.config.set", "loadbalancer.plans.run", "loadbalancer.plans.stop",
		"perfmon.rules.add", "perfmon.rules.set", "perfmon.rules.remove", "perfmon.alerts.ack", "perfmon.alerts.clear",
		"perfmon.events.prune", "perfmon.events.replay",
	}},
	{KindOperator, "the economy leaves them to its operators", []string{
		"economics.ledger.audit", "economics.reputation.penalise", "economics.stakes.configure", "economics.stakes.restore", "economics.violations.overturn",
		"economics.breakers.set", "economics.breakers.remove", "economics.breakers.reset", "economics.breakers.report",
	}},
	{KindHost, "agent hosts keep the records of what they run; an agent outside of hosts has registry.self for its own", []string{
		"registry.agents.register", "registry.agents.update", "registry.agents.transition", "registry.agents.transition_many", "registry.agents.want",
		"registry.hosts.register", "registry.hosts.deregister", "registry.services.register", "registry.services.deregister", "registry.config.register",
	}},
	{KindHost, "a delta speaks of whatever it names; an agent outside of hosts records samples of its own", []string{"perfmon.deltas.add"}},
	{KindHost, "it runs a command", []string{"agenthost.work.isolate"}},
	{KindOperator, "they decide what hosts hand to agents", []string{
		"registry.secrets.set", "registry.secrets.remove", "registry.secret_keys.add", "registry.secret_keys.remove",
	}},
	{KindHost, "hosts open what is sealed, and nobody else has a use for it", []string{"registry.secrets.get"}},
	{KindAgent, "they change no record, but who is chosen next", []string{
		"loadbalancer.agents.pick", "loadbalancer.agents.pick_many", "loadbalancer.agents.report",
	}},
}

var leastOf = func() map[string]Kind {
	m := map[string]Kind{}
	for _, g := range grants {
		for _, name := range g.methods {
			m[name] = g.least
		}
	}
	return m
}()

// Least is the kind of principals that may call the method in strict mode and may do least otherwise: those above it may call it too.
func (d Descriptor) Least() Kind {
	if k, ok := leastOf[d.Name()]; ok {
		return k
	}
	if d.Write {
		return KindAgent
	}
	return KindObserver
}

// GrantedTo tells whether principals of a kind may call the method in strict mode. What a method then refuses by who asks (an owner, an
// operator of the economy) it refuses beyond that.
func (d Descriptor) GrantedTo(k Kind) bool { return rank[k] >= rank[d.Least()] && rank[k] > 0 }
