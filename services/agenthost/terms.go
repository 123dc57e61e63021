package agenthost

import (
	"context"
	"time"
)

// work is the context of what an agent has begun. It ends some time after the agent's life does, and with a term of the host's
// lease: from then on others may run the agent. With the next term the agent, if it is still this host's, begins anew.
type work struct {
	ctx context.Context
	end context.CancelFunc
}

// work returns the present one.
func (h *hosted) work() context.Context { return h.works.Load().ctx }

func (h *hosted) newWork() {
	w := &work{}
	w.ctx, w.end = context.WithCancel(h.s.base)
	if old := h.works.Swap(w); old != nil {
		old.end()
	}
}

// cut ends what the agent has begun.
func (h *hosted) cut() { h.works.Load().end() }

// watchTerms ends what all agents have begun whenever the host may not act any more, because its lease was not renewed in time.
// One watcher for all costs a message nothing.
func (s *Service) watchTerms() {
	for {
		term := s.env.Lease.Context()
		select {
		case <-s.base.Done():
			return
		case <-term.Done():
		}
		s.mu.RLock()
		for _, h := range s.agents {
			h.newWork()
		}
		s.mu.RUnlock()
		for !s.env.Lease.Held() {
			select {
			case <-s.base.Done():
				return
			case <-s.env.Lease.Lost():
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}
