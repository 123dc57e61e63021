package roster

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// start is a claim on request: from now on the agent shall run.
func start(old *api.Agent, req *api.AgentTransitionRequest, now time.Time) (*api.Agent, Event, error) {
	if err := checkClaim(old, req, false); err != nil {
		return nil, NoChange, err
	}
	a, event := claim(old, req, now)
	a.Wanted = true
	return a, event, nil
}

// takeUp is a claim by a host because the agent shall run and nobody runs it (not_wanted, already_running otherwise). With the
// epoch of the present claim it also takes the agent from a host that is lost. A fail-over is no restart after a crash.
func takeUp(old *api.Agent, req *api.AgentTransitionRequest, lost func(host, lease string) bool, now time.Time) (*api.Agent, Event, error) {
	if claimed(old, req) {
		return old, NoChange, nil
	}
	over := old.Status.Active() && req.Epoch == old.Epoch && lost(old.Host, old.HostLease)
	if !old.Wanted || over && !Awaited(old) {
		return nil, NoChange, api.Errorf(api.FailedPrecondition, "agent %s shall not run; start it, or say that it is wanted", old.ID).
			WithReason(api.ReasonNotWanted)
	}
	if err := checkClaim(old, req, over); err != nil {
		return nil, NoChange, err
	}
	a, event := claim(old, req, now)
	if !req.Restarted {
		a.Restarts = old.Restarts
	}
	return a, event, nil
}

// handOver is a claim that the host which runs the agent makes for another. It may do so whatever the agent is about: the
// agent is its own until the new claim stands.
func handOver(old *api.Agent, req *api.AgentTransitionRequest, now time.Time) (*api.Agent, Event, error) {
	if claimed(old, req) {
		return old, NoChange, nil
	}
	if err := checkClaimer(req); err != nil {
		return nil, NoChange, err
	}
	if req.Epoch != old.Epoch {
		return nil, NoChange, fenced(old, req)
	}
	if !old.Status.Active() {
		return nil, NoChange, refused(old, req)
	}
	a, event := claim(old, req, now)
	if !req.Restarted {
		a.Restarts = old.Restarts
	}
	return a, event, nil
}

// claim returns a copy of old that belongs to the host of the request, in the next epoch.
func claim(old *api.Agent, req *api.AgentTransitionRequest, now time.Time) (*api.Agent, Event) {
	a, event := move(old, req, now)
	a.Host, a.HostLease, a.Epoch, a.Request = req.Host, req.HostLease, old.Epoch+1, req.Request
	return a, event
}

// claimed tells whether the request has made its claim already: its answer was lost. The tag says so.
func claimed(old *api.Agent, req *api.AgentTransitionRequest) bool {
	return req.Request != "" && old.Request == req.Request && old.Host == req.Host && old.HostLease == req.HostLease &&
		(old.Status == api.AgentStarting || old.Status == api.AgentRunning)
}

func checkClaim(old *api.Agent, req *api.AgentTransitionRequest, over bool) error {
	if err := checkClaimer(req); err != nil {
		return err
	}
	if old.Status.Active() && !over {
		return api.Errorf(api.Conflict, "agent %s is %s on host %s with epoch %d", old.ID, old.Status, old.Host, old.Epoch).
			WithReason(api.ReasonAlreadyRunning)
	}
	// A claim may say which epoch it saw last, so that it takes over from that one only.
	if req.Epoch != 0 && req.Epoch != old.Epoch {
		return fenced(old, req)
	}
	return nil
}

func checkClaimer(req *api.AgentTransitionRequest) error {
	if req.Host == "" || req.HostLease == "" {
		return api.Errorf(api.Invalid, "host and host_lease are required to claim an agent").
			WithReason(api.ReasonMissingFields).WithFields("host", "host_lease")
	}
	return nil
}

// Want says whether an agent shall run. It neither starts nor stops it: hosts take up what is wanted and not run. To want an
// agent that nobody runs is to start it on request, so its restarts count anew.
func Want(old *api.Agent, id string, run bool) (*api.Agent, Event, error) {
	switch {
	case old == nil:
		return nil, NoChange, agentNotFound(id)
	case old.Runtime == api.RuntimeExternal:
		return nil, NoChange, api.Errorf(api.Invalid, "agent %s is external: no host runs it, so it is its own process's to start and stop", id).
			WithFields("ids")
	case old.Wanted == run:
		return old, NoChange, nil
	}
	a := *old
	a.Wanted = run
	if run && !old.Status.Active() {
		a.Restarts = 0
	}
	return &a, Updated, nil
}

// Awaited tells whether hosts take the agent up when its host is lost: it shall run, and more than once.
func Awaited(a *api.Agent) bool { return a.Wanted && a.RestartPolicy != api.RestartTemporary }
