package agenthost

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/agenthost/mailbox"
	"github.com/mabus-project/mabus/services/agenthost/supervise"
	"github.com/mabus-project/mabus/shared/api"
)

// hosted is one agent on this host, over all its restarts until it is stopped or given up.
type hosted struct {
	s      *Service
	rec    api.Agent // as claimed: its epoch does not change while it is ours
	policy supervise.Policy
	box    *mailbox.Box[message]
	subs   []*nats.Subscription

	mu        sync.Mutex
	latest    api.Agent // as the registry last confirmed it
	inst      instance
	startedAt time.Time
	lastError string

	handled, failed, refused atomic.Uint64

	stopOnce sync.Once
	stopping chan string   // closed over by stop: carries why
	done     chan struct{} // closed when the agent has ended for good
}

func (s *Service) newHosted(rec api.Agent) *hosted {
	h := &hosted{s: s, rec: rec, latest: rec, policy: supervise.PolicyOf(&rec.AgentSpec), stopping: make(chan string, 1), done: make(chan struct{})}
	h.box = mailbox.New(orDefault(rec.Mailbox, api.DefaultMailbox), orDefault(rec.Concurrency, 1), s.workers.Submit, func(m message) {
		m.refuse(api.Errorf(api.Overloaded, "host %s is handling all the messages it can", s.cfg.ID).WithReason(api.ReasonServerFull))
	})
	return h
}

func orDefault(v, def int) int {
	if v > 0 {
		return v
	}
	return def
}

func (h *hosted) set(inst instance) {
	h.mu.Lock()
	h.inst, h.startedAt = inst, time.Now().UTC()
	h.mu.Unlock()
}

func (h *hosted) confirm(rec *api.Agent) {
	h.mu.Lock()
	h.latest = *rec
	h.mu.Unlock()
}

func (h *hosted) current() instance {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.inst
}

// supervise waits for the agent's ends and starts it again as its policy says. It returns when the agent has ended for good.
func (h *hosted) supervise() {
	defer close(h.done)
	var restarts []time.Time
	for {
		inst := h.current()
		select {
		case why := <-h.stopping:
			h.end(inst, api.AgentStopped, why)
			return
		case <-inst.Done():
		}
		h.box.Pause()
		err := inst.Err()
		h.note(err)
		var verdict supervise.Verdict
		verdict, restarts = h.policy.Decide(restarts, time.Now(), err != nil)
		h.s.log.Warn().Str("agent", h.rec.ID).Err(err).Bool("restart", verdict.Restart).Dur("delay", verdict.Delay).Msg("agent ended")
		_ = inst.Stop(h.s.base) // lets go of what a crashed instance still holds
		if !verdict.Restart {
			h.giveUp(inst, err, verdict)
			return
		}
		if !h.restart(verdict.Delay, &restarts) {
			return
		}
	}
}

// restart makes the next instance after the delay. A start that fails counts as a further crash. It returns false when the
// agent has ended for good meanwhile.
func (h *hosted) restart(delay time.Duration, restarts *[]time.Time) bool {
	for {
		select {
		case why := <-h.stopping:
			h.end(nil, api.AgentStopped, why)
			return false
		case <-time.After(delay):
		}
		inst, err := h.s.newInstance(h.s.base, h.rec.AgentSpec)
		if err == nil {
			h.set(inst)
			h.box.Resume()
			h.s.puller.Wake(h.rec.Capabilities)
			return h.report(api.AgentStarting, "", true) && h.report(api.AgentRunning, "", false)
		}
		h.note(err)
		var verdict supervise.Verdict
		if verdict, *restarts = h.policy.Decide(*restarts, time.Now(), true); !verdict.Restart {
			h.giveUp(nil, err, verdict)
			return false
		}
		delay = verdict.Delay
	}
}

func (h *hosted) giveUp(inst instance, err error, verdict supervise.Verdict) {
	if err == nil {
		h.end(inst, api.AgentStopped, "it ended by itself")
		return
	}
	reason := api.ReasonAgentCrashed + ": " + clip(err.Error())
	if verdict.Exhausted && h.policy.MaxRestarts > 0 {
		reason = api.ReasonMaxRestarts + ": " + clip(err.Error())
	}
	h.end(inst, api.AgentFailed, reason)
}

// end takes the agent off the host and reports why.
func (h *hosted) end(inst instance, status api.AgentStatus, why string) {
	h.s.unroute(h)
	for _, m := range h.box.Close() {
		m.refuse(api.Errorf(api.Unavailable, "agent %s is not running any more", h.rec.ID).WithReason(api.ReasonNotRunning))
	}
	if inst != nil {
		if status == api.AgentStopped {
			h.report(api.AgentStopping, "", false)
		}
		if err := inst.Stop(h.s.base); err != nil {
			h.s.log.Warn().Err(err).Str("agent", h.rec.ID).Msg("agent did not stop in order")
		}
	}
	h.s.forget(h)
	h.report(status, why, false)
}

// report tells the registry, again and again while it is away, since liveness hangs on the lease and not on this. It returns
// false, and stops the agent, when another host has claimed the agent meanwhile.
func (h *hosted) report(status api.AgentStatus, reason string, restarted bool) bool {
	for h.s.env.Lease.Err() == nil {
		ctx, cancel := context.WithTimeout(h.s.base, 2*time.Second)
		rec, err := h.s.client.Agents.Transition(ctx, api.AgentTransitionRequest{
			ID: h.rec.ID, Status: status, Reason: reason, Host: h.s.cfg.ID, HostLease: h.s.env.Lease.ID(), Epoch: h.rec.Epoch, Restarted: restarted,
		})
		cancel()
		switch api.CodeOf(err) {
		case "":
			h.confirm(rec)
			return true
		case api.Fenced, api.NotFound, api.FailedPrecondition, api.Conflict, api.Invalid:
			h.s.log.Error().Err(err).Str("agent", h.rec.ID).Str("status", string(status)).Msg("the registry refused a status")
			if status != api.AgentStopped && status != api.AgentFailed && status != api.AgentStopping {
				h.abandon()
			}
			return false
		}
		h.s.log.Warn().Err(err).Str("agent", h.rec.ID).Msg("the registry does not answer")
		select {
		case <-h.s.base.Done():
			return false
		case <-time.After(100 * time.Millisecond):
		}
	}
	return false
}

// abandon stops an agent that is no longer ours, without a word to the registry.
func (h *hosted) abandon() {
	h.s.unroute(h)
	h.box.Close()
	if inst := h.current(); inst != nil {
		_ = inst.Stop(h.s.base)
	}
	h.s.forget(h)
}

// stop ends the agent and waits until it has ended, or ctx ends.
func (h *hosted) stop(ctx context.Context, why string) error {
	h.stopOnce.Do(func() { h.stopping <- why })
	select {
	case <-h.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *hosted) note(err error) {
	if err == nil {
		return
	}
	h.mu.Lock()
	h.lastError = clip(err.Error())
	h.mu.Unlock()
}

// live returns what the host measures of the agent.
func (h *hosted) live() *api.AgentLive {
	waiting, active := h.box.Load()
	h.mu.Lock()
	defer h.mu.Unlock()
	l := &api.AgentLive{
		StartedAt: h.startedAt, Waiting: waiting, Active: active, Handled: h.handled.Load(), Failed: h.failed.Load(),
		Refused: h.refused.Load(), LastError: h.lastError,
	}
	if h.inst != nil {
		l.PID, l.LogTail = h.inst.PID(), h.inst.LogTail()
	}
	return l
}

// clip keeps an error's text fit for a record.
func clip(s string) string {
	if len(s) > 2048 {
		return s[:2048] + "…"
	}
	return s
}
