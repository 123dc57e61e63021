// Package health holds the pure rules of how a namespace does: what each part of it is worth, and what they come to together.
//
// A score is the share of a part that does what it should, and nothing else: no weights, and no figure where nothing was counted. The whole
// is worth what its worst part is, because a fleet whose agents are all dead is not half well for having a store that answers.
package health

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Half is the score below which a part is unhealthy.
const Half = 0.5

// Errors tell what could not be learned, each "" if it was.
type Errors struct{ Services, Fleet, Operations string }

// Sum fills in status, score and parts of what was counted.
func Sum(h *api.Health, unknown Errors) {
	h.Parts = []api.HealthPart{store(&h.Store), services(h.Services, unknown.Services), hosts(h.Fleet, unknown.Fleet), agents(h.Fleet, unknown.Fleet)}
	h.Parts = append(h.Parts, operations(h.Operations, unknown.Operations), alerts(h.Alerts))
	h.Status, h.Score = api.Healthy, nil
	for _, p := range h.Parts {
		if rank(p.Status) > rank(h.Status) {
			h.Status = p.Status
		}
		if p.Score != nil && (h.Score == nil || *p.Score < *h.Score) {
			h.Score = p.Score
		}
	}
}

func rank(s api.HealthStatus) int { return slices.Index(api.HealthStatuses, s) }

// share is a part of which some of all do what they should.
func share(name string, some, all uint64, why string) api.HealthPart {
	score := api.Measure(float64(some) / float64(all))
	p := api.HealthPart{Name: name, Status: api.Healthy, Score: &score, Why: why}
	switch {
	case score < Half:
		p.Status = api.Unhealthy
	case some < all:
		p.Status = api.Degraded
	}
	return p
}

// none is a part that there is nothing of.
func none(name, why string) api.HealthPart {
	return api.HealthPart{Name: name, Status: api.Healthy, Why: why}
}

func notKnown(name, why string) api.HealthPart {
	return api.HealthPart{Name: name, Status: api.HealthUnknown, Why: why}
}

func store(s *api.StoreHealth) api.HealthPart {
	if s.Error != "" {
		return notKnown("store", s.Error)
	}
	if s.Streams == 0 {
		return notKnown("store", "no stream of the namespace was found")
	}
	away := min(len(s.Unreachable), s.Streams)
	return share("store", uint64(s.Streams-away), uint64(s.Streams), fmt.Sprintf("%d of %d streams answer", s.Streams-away, s.Streams))
}

func services(list []api.ServiceHealth, unknown string) api.HealthPart {
	slices.SortFunc(list, func(a, b api.ServiceHealth) int { return cmp.Compare(a.Name, b.Name) })
	up := 0
	for _, s := range list {
		if s.Ready > 0 {
			up++
		}
	}
	if unknown != "" {
		return notKnown("services", unknown)
	}
	if len(list) == 0 {
		return notKnown("services", "no service has answered or is registered")
	}
	return share("services", uint64(up), uint64(len(list)), fmt.Sprintf("%d of %d services have a replica that answers", up, len(list)))
}

func hosts(f *api.FleetHealth, unknown string) api.HealthPart {
	if f == nil {
		return notKnown("hosts", unknown)
	}
	all := f.HostsLive + f.HostsDead
	if all == 0 {
		return none("hosts", "there are no hosts")
	}
	return share("hosts", uint64(f.HostsLive), uint64(all), fmt.Sprintf("%d of %d hosts live", f.HostsLive, all))
}

func agents(f *api.FleetHealth, unknown string) api.HealthPart {
	if f == nil {
		return notKnown("agents", unknown)
	}
	if f.AgentsWanted == 0 {
		return none("agents", "no agent was started")
	}
	return share("agents", uint64(min(f.AgentsAlive, f.AgentsWanted)), uint64(f.AgentsWanted), fmt.Sprintf("%d of %d agents that were started are alive", f.AgentsAlive, f.AgentsWanted))
}

func operations(list []api.OperationHealth, unknown string) api.HealthPart {
	if unknown != "" {
		return notKnown("operations", unknown)
	}
	var done, failed uint64
	for _, o := range list {
		done += o.Operations
		failed += min(o.Errors, o.Operations)
	}
	if done == 0 {
		return none("operations", "nothing was done in the last minute")
	}
	return share("operations", done-failed, done, fmt.Sprintf("%d of %d operations of the last minute failed", failed, done))
}

// alerts have no score: what they are about has.
func alerts(a *api.AlertHealth) api.HealthPart {
	if a == nil {
		return notKnown("alerts", "this replica does not know all alerts now")
	}
	p := none("alerts", fmt.Sprintf("%d critical, %d warnings, %d for information", a.Critical, a.Warning, a.Info))
	switch {
	case a.Critical > 0:
		p.Status = api.Unhealthy
	case a.Warning > 0:
		p.Status = api.Degraded
	}
	return p
}
