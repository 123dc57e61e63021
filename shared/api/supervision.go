package api

// GroupStrategy says whom else the restart of an agent restarts, after Erlang/OTP's supervisor.
type GroupStrategy string

// The strategies of a group.
const (
	OneForOne  GroupStrategy = "one_for_one"  // nobody else
	OneForAll  GroupStrategy = "one_for_all"  // every other member
	RestForOne GroupStrategy = "rest_for_one" // the members that come after it
)

// Group ties agents together: they run on one host, and restart as the strategy says. The order of the members is that of
// their positions, then of their ids; they start in it and stop against it.
type Group struct {
	Name string `json:"name"`
	// Strategy says what the crash of this member does to the others; one_for_one unless given.
	Strategy GroupStrategy `json:"strategy,omitempty"`
	Position int           `json:"position,omitempty"`
}

func (g *Group) validate() error {
	if g == nil {
		return nil
	}
	switch g.Strategy {
	case "", OneForOne, OneForAll, RestForOne:
	default:
		return Errorf(Invalid, "group: strategy must be one_for_one, one_for_all or rest_for_one").WithReason(ReasonSupervision).WithFields("group.strategy")
	}
	return CheckID("group.name", g.Name)
}

// Placement says where an agent may run and where it should. What must be comes before what should be.
type Placement struct {
	// Hosts are the only hosts that may run the agent; all may unless given.
	Hosts []string `json:"hosts,omitempty"`
	// Tags are labels that the host must have.
	Tags []string `json:"tags,omitempty"`
	// Prefer are labels that the host should have: the more of them the better.
	Prefer []string `json:"prefer,omitempty"`
	// Near are the ids of agents whose host should run this one too.
	Near []string `json:"near,omitempty"`
	// Apart are the ids of agents whose host must not run this one.
	Apart []string `json:"apart,omitempty"`
	// CPU in thousandths of a processor and Memory in bytes are what the agent needs of its host; those of its resources unless
	// given. A host takes no more than it has.
	CPU    int   `json:"cpu,omitempty"`
	Memory int64 `json:"memory,omitempty"`
}

func (p *Placement) validate() error {
	if p == nil {
		return nil
	}
	for field, ids := range map[string][]string{"placement.hosts": p.Hosts, "placement.near": p.Near, "placement.apart": p.Apart} {
		if err := checkIDs(field, ids, MaxTags); err != nil {
			return err
		}
	}
	if p.CPU < 0 || p.CPU > MaxCPU || p.Memory < 0 || p.Memory > MaxMemory {
		return Errorf(Invalid, "placement: cpu must be 0 to %d thousandths of a processor, memory 0 to %d bytes", MaxCPU, MaxMemory).WithFields("placement.cpu", "placement.memory")
	}
	if err := checkTags("placement.tags", p.Tags); err != nil {
		return err
	}
	return checkTags("placement.prefer", p.Prefer)
}

// LastWords is what is known of the end of an agent that was given up.
type LastWords struct {
	// Log holds the last lines that it wrote, oldest first, as far as its runtime keeps them.
	Log []string `json:"log,omitempty"`
}

// MaxLastWords bounds the log of LastWords, in bytes.
const MaxLastWords = 4 << 10 // bytes of the last words of an agent

// The methods by which agents are made to run, and handed over.
var (
	AgentsWant = Method[AgentsWantRequest, AgentsWantResponse]{
		Service: "registry", Noun: "agents", Verb: "want", Write: true,
		Doc: "Says that agents shall run, or shall not. Hosts take up every agent that shall run and that no live host runs, each where the plan of placement puts it. Each agent has a result of its own.",
	}
	AgentsTransitionMany = Method[AgentsTransitionManyRequest, AgentsTransitionManyResponse]{
		Service: "registry", Noun: "agents", Verb: "transition_many", Write: true,
		Doc: "Moves up to 1000 agents, each as agents.transition does and with a result of its own.",
	}
)

// AgentsWantRequest says whether agents shall run.
type AgentsWantRequest struct {
	IDs []string `json:"ids"`
	// Run is what is wanted. An agent that runs and shall not is stopped by agenthost.agents.stop, not by this.
	Run bool `json:"run"`
}

// Validate implements Validator.
func (r *AgentsWantRequest) Validate() error {
	if len(r.IDs) == 0 {
		return Errorf(Invalid, "ids is required").WithReason(ReasonMissingFields).WithFields("ids")
	}
	return checkIDs("ids", r.IDs, MaxBulk)
}

// AgentsWantResponse has one result for each id, in their order.
type AgentsWantResponse struct {
	Results []AgentResult `json:"results"`
}

// AgentsTransitionManyRequest moves several agents.
type AgentsTransitionManyRequest struct {
	Transitions []AgentTransitionRequest `json:"transitions"`
}

// Validate implements Validator. What is wrong with one transition is its own result.
func (r *AgentsTransitionManyRequest) Validate() error {
	if len(r.Transitions) == 0 || len(r.Transitions) > MaxBulk {
		return Errorf(Invalid, "transitions must hold 1 to %d", MaxBulk).WithFields("transitions")
	}
	return nil
}

// AgentsTransitionManyResponse has one result for each transition, in their order.
type AgentsTransitionManyResponse struct {
	Results []AgentResult `json:"results"`
}
