package agenthost

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// slot is the right to have one agent handle one task, taken from the same concurrency as its messages.
type slot struct{ h *hosted }

func (t slot) Agent() string { return t.h.rec.ID }

func (t slot) Run(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.h.work(), cancel)()
	if m.Job != "" {
		ctx = rpc.WithCause(ctx, api.Cause{Job: m.Job})
	}
	began := time.Now()
	answer, err := t.h.run(ctx, m)
	t.h.tally.did(time.Since(began), err == nil)
	t.h.load.handled(time.Since(began), err)
	t.h.meter().op.Took(time.Since(began))
	t.h.meter().failed(err)
	t.h.handled.Add(1)
	if err != nil {
		t.h.failed.Add(1)
		t.h.noteFailed(err)
	}
	return answer, err
}

func (t slot) Release() {
	t.h.box.Done(false)
	t.h.s.puller.Wake(t.h.rec.Capabilities)
}

// capable is the agents of this host with one capability, asked in turn.
type capable struct {
	agents []*hosted
	next   int
}

// Reserve implements tasks.Agents.
func (s *Service) Reserve(capability string, n int) []tasks.Slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.capable[capability]
	if c == nil || s.held {
		return nil
	}
	var slots []tasks.Slot
	for full := 0; full < len(c.agents) && len(slots) < n; {
		c.next = (c.next + 1) % len(c.agents)
		if h := c.agents[c.next]; h.box.Reserve() {
			slots = append(slots, slot{h})
			s.teller.touch(h)
			full = 0
		} else {
			full++
		}
	}
	return slots
}

// admit puts a running agent into the host's books.
func (s *Service) admit(h *hosted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.rec.Ask != nil && !s.stopping {
		s.loops.Go(h.bid)
	}
	for _, name := range h.rec.Capabilities {
		c := s.capable[name]
		if c == nil {
			c = &capable{}
			s.capable[name] = c
		}
		c.agents = append(c.agents, h)
	}
	s.serve()
}

// forget takes the agent out of the host's books.
func (s *Service) forget(h *hosted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agents[h.rec.ID] == h {
		delete(s.agents, h.rec.ID)
	}
	s.places--
	for _, name := range h.rec.Capabilities {
		c := s.capable[name]
		if c == nil {
			continue
		}
		for i, other := range c.agents {
			if other == h {
				c.agents = append(c.agents[:i:i], c.agents[i+1:]...)
				break
			}
		}
		if len(c.agents) == 0 {
			delete(s.capable, name)
		}
	}
	s.serve()
}

// serve has tasks pulled for the capabilities that are here. The caller holds the lock.
func (s *Service) serve() {
	set := make(map[string]struct{}, len(s.capable))
	for name := range s.capable {
		set[name] = struct{}{}
	}
	s.puller.Serve(set)
}

// taskMethods adds the methods about tasks.
func (s *Service) taskMethods() {
	rpc.Handle(s.server, api.TasksSubmit, func(ctx context.Context, r *api.TaskSpec) (*api.Task, error) {
		return s.tasks.Submit(ctx, rpc.CauseFrom(ctx), *r)
	})
	rpc.Handle(s.server, api.TasksSubmitMany, func(ctx context.Context, r *api.TasksSubmitManyRequest) (*api.TasksSubmitManyResponse, error) {
		return s.tasks.SubmitMany(ctx, rpc.CauseFrom(ctx), r)
	})
	rpc.Handle(s.server, api.TasksGet, s.tasks.Get)
	rpc.Handle(s.server, api.TasksList, s.tasks.List)
	rpc.Handle(s.server, api.TasksCancel, func(ctx context.Context, r *api.TaskCancelRequest) (*api.Task, error) {
		return s.tasks.Cancel(ctx, rpc.CauseFrom(ctx), r)
	})
	rpc.Handle(s.server, api.TasksReplay, func(ctx context.Context, r *api.TaskReplayRequest) (*api.Task, error) {
		t, err := s.tasks.Replay(ctx, rpc.CauseFrom(ctx), r.ID)
		if err != nil {
			return nil, err
		}
		return t, s.tell(ctx, "tasks", r.ID, "replayed", &api.TaskReplayRequest{ID: t.ID})
	})
	rpc.Handle(s.server, api.TasksFollow, s.tasks.Follow)
	rpc.Handle(s.server, api.TasksAnswer, once(s, func(ctx context.Context, r *api.TaskAnswerRequest) (*api.Task, error) {
		t, err := s.tasks.Answer(ctx, rpc.CauseFrom(ctx), r)
		if err != nil {
			return nil, err
		}
		return t, s.tell(ctx, "tasks", r.ID, "answered", &api.TaskGetRequest{ID: r.ID})
	}))
	rpc.Handle(s.server, api.TasksStats, func(ctx context.Context, _ *api.Empty) (*api.TasksStatsResponse, error) {
		return s.tasks.Stats(ctx)
	})
}
