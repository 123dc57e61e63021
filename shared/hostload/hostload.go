// Package hostload holds the pure rules of what is known of the loads of hosts, out of the reports that they publish. Reports may be
// lost and may come late or twice: a View knows no more than what was said last, for as long as that counts.
package hostload

import (
	"math"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Bounds of a View, and how long a report counts: two of the whole reports that come every 5 s may be lost.
const (
	MaxHosts  = 4096
	MaxAgents = 100_000 // of one host
	Fresh     = 11 * time.Second
)

// smooth is the time constant of the moving averages.
const smooth = 5 * time.Second

// Host is what is known of one host.
type Host struct {
	ID, Lease string
	CPUs      int
	// CPU and Memory are moving averages, over about 5 s, of the shares in use; NaN where the host cannot tell.
	CPU, Memory float64
	// Waiting and Active are moving averages of the messages that wait on the host and that are being handled.
	Waiting, Active float64
	// Running is the number of its agents.
	Running  int
	Draining bool
	// Heard is when the newest report came.
	Heard time.Time
}

// View is what is known of all hosts. The zero value is empty. It is safe for concurrent use.
type View struct {
	mu    sync.RWMutex
	hosts map[string]*host // by lease
}

type host struct {
	Host
	seq    uint64
	agents map[string]agent
}

type agent struct {
	api.AgentLoad
	heard    time.Time
	activity float64 // a moving average up to heard
}

// activityOver is the time constant of the activity of agents.
const activityOver = 30 * time.Second

// activityAt is the average up to now, as if what was told had stayed so.
func (a *agent) activityAt(now time.Time) float64 {
	keep := math.Exp(-float64(max(now.Sub(a.heard), 0)) / float64(activityOver))
	return keep*a.activity + (1-keep)*float64(a.Waiting+a.Active)
}

// Read returns the report that came on a subject; nil for one that cannot be read, or that is in the name of another host than that whose
// subject it came on: who may publish there is a matter of the server's permissions.
func Read(namespace, subject string, data []byte) *api.HostLoad {
	var l api.HostLoad
	if len(data) == 0 || len(data) > api.MaxLoadBytes || codec.Read(data, &l) != nil || l.Validate() != nil || subject != api.LoadSubject(namespace, l.Host) {
		return nil
	}
	return &l
}

// Hear takes a report in, and tells whether it did. One that came after a newer one of the same host is left out, and so is that of a
// host too many, or of one that names the lease under which another reports.
func (v *View) Hear(l *api.HostLoad, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	h := v.hosts[l.Lease]
	if h != nil && l.Host != h.ID && now.Sub(h.Heard) > Fresh {
		h = nil
	}
	if h == nil {
		if v.forget(now); len(v.hosts) >= MaxHosts {
			return false
		}
		if v.hosts == nil {
			v.hosts = map[string]*host{}
		}
		h = &host{Host: Host{ID: l.Host, Lease: l.Lease, CPU: math.NaN(), Memory: math.NaN()}, agents: map[string]agent{}}
		v.hosts[l.Lease] = h
	}
	if l.Seq <= h.seq || l.Host != h.ID {
		return false
	}
	h.seq = l.Seq
	for _, a := range l.Agents {
		if old, known := h.agents[a.ID]; known {
			h.agents[a.ID] = agent{a, now, old.activityAt(now)}
		} else if len(h.agents) < MaxAgents {
			h.agents[a.ID] = agent{a, now, float64(a.Waiting + a.Active)}
		}
	}
	var waiting, active int
	for id, a := range h.agents {
		if now.Sub(a.heard) > Fresh { // idle, or gone
			delete(h.agents, id)
			continue
		}
		waiting, active = waiting+a.Waiting, active+a.Active
	}
	cpu, memory := float64(l.CPU), float64(l.MemoryShare)
	if l.MemoryTotal == 0 { // the host cannot tell
		cpu, memory = math.NaN(), math.NaN()
	}
	weight := 1.0
	if !h.Heard.IsZero() {
		weight = 1 - math.Exp(-float64(now.Sub(h.Heard))/float64(smooth))
	}
	toward(&h.CPU, cpu, weight)
	toward(&h.Memory, memory, weight)
	toward(&h.Waiting, float64(waiting), weight)
	toward(&h.Active, float64(active), weight)
	h.CPUs, h.Running, h.Draining, h.Heard = l.CPUs, l.Running, l.Draining, now
	return true
}

// toward moves an average to what was measured now.
func toward(average *float64, now, weight float64) {
	if math.IsNaN(now) || math.IsNaN(*average) {
		*average = now
		return
	}
	*average += weight * (now - *average)
}

// forget drops the hosts of which nothing was heard for long. The caller holds the lock.
func (v *View) forget(now time.Time) {
	for lease, h := range v.hosts {
		if now.Sub(h.Heard) > Fresh {
			delete(v.hosts, lease)
		}
	}
}

// Hosts returns what is known of the hosts whose reports still count, by their leases.
func (v *View) Hosts(now time.Time) map[string]Host {
	v.mu.RLock()
	defer v.mu.RUnlock()
	fresh := make(map[string]Host, len(v.hosts))
	for lease, h := range v.hosts {
		if now.Sub(h.Heard) <= Fresh {
			fresh[lease] = h.Host
		}
	}
	return fresh
}

// Activity returns how many messages each agent of a host has had, waiting or being handled, on the average of about 30 s.
func (v *View) Activity(lease string, now time.Time) map[string]float64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	activity := map[string]float64{}
	if h := v.hosts[lease]; h != nil && now.Sub(h.Heard) <= Fresh {
		for id, a := range h.agents {
			if now.Sub(a.heard) <= Fresh {
				activity[id] = a.activityAt(now)
			}
		}
	}
	return activity
}

// Agent returns what a host has reported of an agent, if that still counts.
func (v *View) Agent(lease, id string, now time.Time) (api.AgentLoad, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	h := v.hosts[lease]
	if h == nil {
		return api.AgentLoad{}, false
	}
	a, ok := h.agents[id]
	return a.AgentLoad, ok && now.Sub(a.heard) <= Fresh
}
