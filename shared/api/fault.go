package api

// IsFault tells whether an error says that who was asked is unwell: that is what balancing among agents, the figures of errors, and a breaker
// go by. A refusal that says something of the request, or of who makes it, is none: it would be refused by whoever is well. Being full or out of
// time (overloaded, deadline_exceeded) is, being asked more often than agreed (rate_limited) is not. Cancelled says nothing of either side.
// An agent's own code counts for what it means; its plain error, which has no code, says that it has failed.
func IsFault(err error) bool {
	e := AsError(err)
	if e == nil {
		return err != nil
	}
	switch e.Code {
	case Internal, Unavailable, Overloaded, DeadlineExceeded:
		return true
	case FailedPrecondition:
		switch e.Details.Reason {
		case ReasonAgentError, ReasonAgentCrashed, ReasonOutOfMemory:
			return true
		}
	case PermissionDenied: // of its endpoint, to the agent
		return e.Details.Reason == ReasonEndpointError
	case Fenced: // it goes on where another has taken its place
		return e.Details.Reason == ReasonStaleState
	}
	return false
}
