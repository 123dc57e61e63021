package roster

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// hosted is the life of an agent that a host runs, after a host has claimed it. The way from registered, stopped and failed to
// starting is the claim itself.
var hosted = map[api.AgentStatus][]api.AgentStatus{
	api.AgentStarting: {api.AgentRunning, api.AgentFailed, api.AgentStopped},
	api.AgentRunning:  {api.AgentStopping, api.AgentStopped, api.AgentFailed, api.AgentStarting},
	api.AgentStopping: {api.AgentStopped, api.AgentFailed},
}

// external is the life of an agent outside any host. Nobody claims it, so it has neither starting nor an epoch.
var external = map[api.AgentStatus][]api.AgentStatus{
	api.AgentRegistered: {api.AgentRunning},
	api.AgentStopped:    {api.AgentRunning},
	api.AgentFailed:     {api.AgentRunning},
	api.AgentRunning:    {api.AgentStopping, api.AgentStopped, api.AgentFailed},
	api.AgentStopping:   {api.AgentStopped, api.AgentFailed},
}

var events = map[api.AgentStatus]Event{
	api.AgentStarting: Starting, api.AgentRunning: Running, api.AgentStopping: Stopping,
	api.AgentStopped: Stopped, api.AgentFailed: Failed,
}

// Transition moves an agent to another status. Status starting without the epoch of a present claim is a claim: it takes an
// agent that nobody runs, sets its host and raises its epoch. So do take_up and hand_over, see takeUp and handOver. Every other
// move of a hosted agent belongs to the claim whose epoch it carries and is fenced when that is not the present one; a host, or
// a host lease, that is given as well must be the claim's too. Asking again for the status that the agent has is a success
// without a change. lost tells whether the incarnation of a host that holds a lease is lost.
func Transition(old *api.Agent, req *api.AgentTransitionRequest, lost func(host, lease string) bool, now time.Time) (*api.Agent, Event, error) {
	if old == nil {
		return nil, NoChange, agentNotFound(req.ID)
	}
	if err := checkReport(req); err != nil {
		return nil, NoChange, err
	}
	switch {
	case old.Runtime == api.RuntimeExternal:
		return moveExternal(old, req, now)
	case req.TakeUp:
		return takeUp(old, req, lost, now)
	case req.HandOver:
		return handOver(old, req, now)
	case req.Status == api.AgentStarting && (req.Epoch == 0 || !old.Status.Active() && !req.Restarted): // a late report is no claim
		return start(old, req, now)
	}
	return moveHosted(old, req, now)
}

// checkReport refuses what means nothing with the status that it comes with.
func checkReport(req *api.AgentTransitionRequest) error {
	switch {
	case req.Restarted && req.Status != api.AgentStarting && req.Status != api.AgentRunning:
		return api.Errorf(api.Invalid, "restarted goes with status starting or running").WithFields("restarted")
	case req.StillWanted && req.Status != api.AgentStopping && req.Status != api.AgentStopped && req.Status != api.AgentFailed:
		return api.Errorf(api.Invalid, "still_wanted goes with status stopping, stopped or failed").WithFields("still_wanted")
	case req.LastWords != nil && req.Status != api.AgentFailed:
		return api.Errorf(api.Invalid, "last_words go with status failed").WithFields("last_words")
	}
	return nil
}

func moveHosted(old *api.Agent, req *api.AgentTransitionRequest, now time.Time) (*api.Agent, Event, error) {
	if old.Epoch == 0 {
		return nil, NoChange, refused(old, req)
	}
	if req.Epoch == 0 {
		return nil, NoChange, api.Errorf(api.Invalid, "epoch is required: it is that of the claim which runs the agent").
			WithReason(api.ReasonMissingFields).WithFields("epoch")
	}
	// A higher epoch is as foreign as a lower one: it is of a registration that was removed since.
	if req.Epoch != old.Epoch || req.Host != "" && req.Host != old.Host || req.HostLease != "" && req.HostLease != old.HostLease {
		return nil, NoChange, fenced(old, req)
	}
	if req.Status == old.Status {
		return old, NoChange, nil
	}
	if !slices.Contains(hosted[old.Status], req.Status) {
		return nil, NoChange, refused(old, req)
	}
	a, event := move(old, req, now)
	return a, event, nil
}

func moveExternal(old *api.Agent, req *api.AgentTransitionRequest, now time.Time) (*api.Agent, Event, error) {
	if req.Host != "" || req.HostLease != "" || req.Epoch != 0 {
		return nil, NoChange, api.Errorf(api.Invalid, "agent %s is external: no host claims it, leave out host, host_lease and epoch", old.ID).
			WithFields("host", "host_lease", "epoch")
	}
	if req.Status == old.Status {
		return old, NoChange, nil
	}
	if !slices.Contains(external[old.Status], req.Status) {
		return nil, NoChange, refused(old, req)
	}
	a, event := move(old, req, now)
	return a, event, nil
}

// move returns a copy of old with what every transition changes, and the event that tells of it. Each start either counts as
// one more restart after a crash or begins the count anew.
func move(old *api.Agent, req *api.AgentTransitionRequest, now time.Time) (*api.Agent, Event) {
	a := *old
	a.Status, a.Reason, a.ChangedAt = req.Status, req.Reason, now
	a.LastWords = req.LastWords
	if !a.Status.Active() || a.Status == api.AgentStopping {
		a.Wanted = old.Wanted && req.StillWanted
	}
	event := events[req.Status]
	begins := req.Status == api.AgentStarting || old.Runtime == api.RuntimeExternal && req.Status == api.AgentRunning
	switch {
	case req.Restarted:
		a.Restarts++
		event = Restarted
	case begins:
		a.Restarts = 0
	}
	return &a, event
}

func fenced(old *api.Agent, req *api.AgentTransitionRequest) error {
	return api.Errorf(api.Fenced, "agent %s belongs to epoch %d of host %s, not to epoch %d; stop running it", old.ID, old.Epoch, old.Host, req.Epoch)
}

func refused(old *api.Agent, req *api.AgentTransitionRequest) error {
	if !old.Status.Active() && old.Runtime != api.RuntimeExternal {
		return api.Errorf(api.FailedPrecondition, "agent %s is %s and cannot become %s; a host must claim it first (status starting)", old.ID, old.Status, req.Status).
			WithReason(api.ReasonTransition)
	}
	return api.Errorf(api.FailedPrecondition, "agent %s is %s and cannot become %s", old.ID, old.Status, req.Status).
		WithReason(api.ReasonTransition)
}
