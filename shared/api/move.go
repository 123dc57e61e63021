package api

// AgentMoveRequest asks for an agent to go on on another host.
type AgentMoveRequest struct {
	ID string `json:"id"`
	// Host is where to; the host where the agent is best placed unless given.
	Host string `json:"host,omitempty"`
}

// Validate implements Validator.
func (r *AgentMoveRequest) Validate() error {
	if err := CheckOptionalID("host", r.Host); err != nil {
		return err
	}
	return CheckID("id", r.ID)
}
