package exec

import "github.com/mabus-project/mabus/shared/api"

// Measure fills in by what the agent's resources are bounded, and what the program and all that it has started use now.
func (p *Process) Measure(live *api.AgentLive) {
	if p.limits != (api.Resources{}) {
		enforced := p.apart.Enforced()
		live.Enforced = &enforced
	}
	used := p.apart.Usage()
	live.Memory, live.CPUTime = used.Memory, api.Duration(used.User+used.System)
}
