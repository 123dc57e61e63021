package roster

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Register makes an agent of its specification and fills in the defaults. It refuses with already_registered when the agent
// exists, unless that is an external agent whose process is known to be dead: a process that comes back takes the place of
// its dead self.
func Register(old *api.Agent, spec api.AgentSpec, now time.Time) (*api.Agent, Event, error) {
	if old != nil && !replaceable(old, spec) {
		return nil, NoChange, api.Errorf(api.Conflict, "agent %s is registered already; update it, or deregister it first", spec.ID).
			WithReason(api.ReasonAlreadyRegistered)
	}
	spec.Runtime = spec.RuntimeOrDefault()
	if spec.Lease != "" && spec.Runtime != api.RuntimeExternal {
		return nil, NoChange, api.Errorf(api.Invalid, "lease: only an external agent lives by a lease of its own; others live by their host's").
			WithFields("lease")
	}
	if spec.Type == "" {
		spec.Type = api.DefaultAgentType
	}
	spec.Capabilities = unique(spec.Capabilities)
	spec.Tags = unique(spec.Tags)
	if spec.Concurrency == 0 {
		spec.Concurrency = 1
	}
	if spec.Mailbox == 0 {
		spec.Mailbox = api.DefaultMailbox
	}
	if spec.RestartPolicy == "" {
		spec.RestartPolicy = api.RestartPermanent
	}
	if spec.MaxRestarts == nil {
		spec.MaxRestarts = new(api.DefaultMaxRestarts)
	}
	if spec.MaxSeconds == nil {
		spec.MaxSeconds = new(api.DefaultMaxSeconds)
	}
	return &api.Agent{AgentSpec: spec, Status: api.AgentRegistered, RegisteredAt: now, ChangedAt: now}, Registered, nil
}

// replaceable tells whether old is what remains of a dead external process that now registers again.
func replaceable(old *api.Agent, spec api.AgentSpec) bool {
	return old.Runtime == api.RuntimeExternal && spec.RuntimeOrDefault() == api.RuntimeExternal &&
		old.Status == api.AgentFailed && strings.HasPrefix(old.Reason, api.ReasonHostLost) && spec.Lease != old.Lease
}

// Update replaces the metadata, tags or capabilities of an agent. The capabilities of an agent that a host runs stay as they
// are (agent_busy), because its host has subscribed to them. The caller checks req.Revision.
func Update(old *api.Agent, req *api.AgentUpdateRequest) (*api.Agent, Event, error) {
	if old == nil {
		return nil, NoChange, agentNotFound(req.ID)
	}
	a := *old
	changed := false
	if len(req.Metadata) > 0 && !bytes.Equal(req.Metadata, old.Metadata) {
		a.Metadata, changed = req.Metadata, true
	}
	if req.Tags != nil {
		if tags := unique(*req.Tags); !slices.Equal(tags, old.Tags) {
			a.Tags, changed = tags, true
		}
	}
	if req.Capabilities != nil {
		if caps := unique(*req.Capabilities); !slices.Equal(caps, old.Capabilities) {
			if old.Status.Active() && old.Runtime != api.RuntimeExternal {
				return nil, NoChange, api.Errorf(api.FailedPrecondition,
					"agent %s is %s and serves its capabilities; stop it first, then change them", old.ID, old.Status).
					WithReason(api.ReasonAgentDefinitionBusy)
			}
			a.Capabilities, changed = caps, true
		}
	}
	if !changed {
		return old, NoChange, nil
	}
	return &a, Updated, nil
}

// Deregister removes an agent. One that a host runs stays (agent_busy); an external one is its own process's business, and is
// removed in every status. There is nothing to do for an agent that does not exist.
func Deregister(old *api.Agent) (*api.Agent, Event, error) {
	if old == nil {
		return nil, NoChange, nil
	}
	if old.Status.Active() && old.Runtime != api.RuntimeExternal {
		return nil, NoChange, api.Errorf(api.FailedPrecondition, "agent %s is %s on host %s; stop it first", old.ID, old.Status, old.Host).
			WithReason(api.ReasonAgentDefinitionBusy)
	}
	return nil, Deregistered, nil
}

// HostLost fails an agent that lived by a lease which is dead, or whose host is lost: one that a host of that lease ran, or an
// external one that had not ended. With a host named, only what that host ran is failed: what else lives by the lease lives on.
// An agent that shall run is left to the hosts that will take it up, unless it runs only once.
func HostLost(old *api.Agent, host, lease string, now time.Time) (*api.Agent, Event, error) {
	if old == nil || lease == "" || LivesBy(old) != lease || host != "" && old.Host != host {
		return old, NoChange, nil
	}
	a := *old
	a.Status, a.ChangedAt, a.Wanted = api.AgentFailed, now, Awaited(old)
	a.Reason = api.ReasonHostLost + ": its process, which held the lease " + lease + ", is lost"
	return &a, Failed, nil
}

// LivesBy returns the lease whose end would end the agent; "" for an agent that has ended, that nobody has started, or that
// named no lease.
func LivesBy(a *api.Agent) string {
	switch {
	case a.Runtime != api.RuntimeExternal:
		if a.Status.Active() {
			return a.HostLease
		}
	case a.Status != api.AgentStopped && a.Status != api.AgentFailed:
		return a.Lease
	}
	return ""
}

func agentNotFound(id string) error {
	return api.Errorf(api.NotFound, "there is no agent %s; register it first", id).WithReason(api.ReasonAgentNotFound)
}
