package api

// Bounds of reports of load.
const (
	MaxLoadAgents = 1000      // agents of one message; more go in several
	MaxLoadBytes  = 256 << 10 // bytes of one message
	MaxLoadQueue  = 1 << 30   // messages that wait for an agent, or that it handles
)

// LoadSubject is where a host tells its load, for example mabus.load.h1. "*" stands for all hosts.
func LoadSubject(namespace, host string) string { return namespace + ".load." + host }

// LoadRequestSubject asks every host to tell all of its load soon: a message without a body.
func LoadRequestSubject(namespace string) string { return namespace + ".load.request" }

// HostLoad is what a host tells of itself and its agents, by plain messages that nobody answers and that may be lost. It comes at
// most every 500 ms, at once when a mailbox is full, and as a whole every 5 s.
type HostLoad struct {
	Host string `json:"host"`
	// Lease is the host's incarnation.
	Lease string `json:"lease"`
	// Seq numbers the host's messages from 1.
	Seq  uint64 `json:"seq"`
	CPUs int    `json:"cpus"`
	// CPU and MemoryShare are the shares of the machine's processors and memory that are in use, 0 to 1; absent where the host cannot
	// tell.
	CPU         Measure `json:"cpu,omitzero"`
	MemoryShare Measure `json:"memory_share,omitzero"`
	// Memory is what is in use of MemoryTotal, in bytes.
	Memory      int64 `json:"memory,omitzero"`
	MemoryTotal int64 `json:"memory_total,omitzero"`
	// Running is how many agents the host runs, MaxAgents how many it takes.
	Running   int `json:"running"`
	MaxAgents int `json:"max_agents,omitzero"`
	// Draining says that the host gives its agents away.
	Draining bool `json:"draining,omitzero"`
	// Full says that the message is one of those that tell all. Otherwise Agents are those whose load has changed much.
	Full bool `json:"full,omitzero"`
	// Agents that have been idle for a minute are not told of.
	Agents []AgentLoad `json:"agents,omitempty"`
}

// AgentLoad is the load of one agent.
type AgentLoad struct {
	ID string `json:"id"`
	// Waiting is how many messages wait in the mailbox, Active how many are being handled.
	Waiting int `json:"waiting,omitzero"`
	Active  int `json:"active,omitzero"`
	// Latency is what handling one message takes, without the wait before: a moving average; 0 while none has been handled.
	Latency Duration `json:"latency,omitzero"`
	// Errors is the share of messages that the agent fails with, 0 to 1: a moving average, which fades while none comes. What is the caller's
	// own mistake is none.
	Errors Measure `json:"errors,omitzero"`
}

// Validate implements Validator.
func (l *HostLoad) Validate() error {
	if err := CheckID("host", l.Host); err != nil {
		return err
	}
	if err := CheckID("lease", l.Lease); err != nil {
		return err
	}
	if l.CPUs < 0 || l.Memory < 0 || l.MemoryTotal < 0 || l.Running < 0 || l.MaxAgents < 0 {
		return Errorf(Invalid, "cpus, memory, memory_total, running and max_agents must not be negative").
			WithFields("cpus", "memory", "memory_total", "running", "max_agents")
	}
	if !isShare(l.CPU) || !isShare(l.MemoryShare) {
		return Errorf(Invalid, "cpu and memory_share must be 0 to 1").WithFields("cpu", "memory_share")
	}
	if len(l.Agents) > MaxLoadAgents {
		return Errorf(Invalid, "agents has %d entries, at most %d are allowed", len(l.Agents), MaxLoadAgents).WithFields("agents")
	}
	for i := range l.Agents {
		a := &l.Agents[i]
		if err := CheckID("agents", a.ID); err != nil {
			return err
		}
		if a.Waiting < 0 || a.Waiting > MaxLoadQueue || a.Active < 0 || a.Active > MaxLoadQueue || a.Latency < 0 || !isShare(a.Errors) {
			return Errorf(Invalid, "agents: waiting and active must be 0 to %d, latency must not be negative, errors must be 0 to 1", MaxLoadQueue).WithFields("agents")
		}
	}
	return nil
}

func isShare(m Measure) bool { return m >= 0 && m <= 1 }
