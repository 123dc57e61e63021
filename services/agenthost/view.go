package agenthost

import (
	"context"
	"errors"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// view is what a host knows of all hosts and agents: mirrors of the registry, a moment behind it.
type view struct {
	agents *kv.Mirror[api.Agent]
	hosts  *kv.Mirror[api.Host]
	// signal has a token when something may wait to be taken up.
	signal chan struct{}
}

// openView loads the view. It waits until a registry has run.
func (s *Service) openView(ctx context.Context) (*view, error) {
	v := &view{signal: make(chan struct{}, 1)}
	agents, err := s.attach(ctx, "agents")
	if err != nil {
		return nil, err
	}
	hosts, err := s.attach(ctx, "hosts")
	if err != nil {
		return nil, err
	}
	v.agents = kv.NewMirror(agents, kv.MirrorOptions[api.Agent]{Log: s.log, OnChange: func(c kv.Change[api.Agent]) {
		s.yield(c.Key, c.New)
		if c.New != nil && c.New.Wanted && !c.New.Status.Active() {
			v.wake()
		}
	}})
	v.hosts = kv.NewMirror(hosts, kv.MirrorOptions[api.Host]{Log: s.log, OnChange: func(c kv.Change[api.Host]) {
		if c.Key == s.cfg.ID && s.isLost(c.New) {
			s.env.Lease.Abandon(lostHost(s.cfg.ID)) // nobody could reach it for a while, and others have what ran here
		}
		v.wake()
	}})
	v.agents.Start()
	v.hosts.Start()
	for _, ready := range []<-chan struct{}{v.agents.Ready(), v.hosts.Ready()} {
		select {
		case <-ready:
		case <-ctx.Done():
			v.close()
			return nil, ctx.Err()
		}
	}
	return v, nil
}

func (s *Service) attach(ctx context.Context, bucket string) (*kv.Bucket, error) {
	for {
		b, err := kv.Attach(ctx, s.conn.JS, s.conn.Namespace, bucket)
		if err == nil {
			return b, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-s.env.Lease.Lost():
			return nil, s.env.Lease.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// waitFor waits until the view has a host by its lease.
func (v *view) waitFor(ctx context.Context, id, lease string) error {
	for {
		seen := v.hosts.Revision()
		if h, _, ok := v.hosts.Get(id); ok && h.Lease == lease {
			return nil
		}
		if err := v.hosts.WaitFor(ctx, seen+1); err != nil {
			return err
		}
	}
}

func (v *view) close() {
	v.agents.Stop()
	v.hosts.Stop()
}

// wake never waits.
func (v *view) wake() {
	select {
	case v.signal <- struct{}{}:
	default:
	}
}

func lostHost(id string) error {
	return api.Errorf(api.Fenced, "host %s was declared dead: others have its agents, it starts again under a fresh lease", id).WithReason(api.ReasonLeaseLost)
}

// isLost tells from the host's record whether this incarnation of it is lost: dead, removed, or followed by another.
func (s *Service) isLost(h *api.Host) bool {
	if h != nil && h.Lease == s.env.Lease.ID() {
		return h.Status == api.HostDead
	}
	return s.isListed()
}

// errLost is why an agent ends here that is not this host's any more.
var errLost = errors.New("its claim was lost")

// yield stops an agent of which the registry says that it is another claim's, or nobody's. An agent that ends by itself has left
// the books before the registry hears of it.
func (s *Service) yield(id string, rec *api.Agent) {
	s.mu.RLock()
	h := s.agents[id]
	s.mu.RUnlock()
	switch {
	case h == nil || rec == nil:
	case rec.RegisteredAt.After(h.rec.RegisteredAt):
		h.stop(errLost)
	case !rec.RegisteredAt.Equal(h.rec.RegisteredAt): // news of a former registration
	case rec.Epoch > h.rec.Epoch, rec.Epoch == h.rec.Epoch && !rec.Status.Active():
		h.stop(errLost)
	}
}

// synced tells whether both mirrors follow the registry now; there is no view before it is loaded.
func (v *view) synced() bool { return v != nil && v.agents.Synced() && v.hosts.Synced() }

// everything returns all hosts and all agents as they are known now.
func (v *view) everything() (hosts []*api.Host, agents []*api.Agent) {
	v.hosts.Range(func(_ string, h *api.Host, _ uint64) bool {
		hosts = append(hosts, h)
		return true
	})
	agents = make([]*api.Agent, 0, v.agents.Len())
	v.agents.Range(func(_ string, a *api.Agent, _ uint64) bool {
		agents = append(agents, a)
		return true
	})
	return hosts, agents
}
