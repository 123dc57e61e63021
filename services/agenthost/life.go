package agenthost

import (
	"context"
	"errors"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/supervise"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	stopGrace    = 4 * time.Second  // for an agent's orderly end, three quarters of it for what it has begun
	startTimeout = 30 * time.Second // for making one instance
)

// live is the agent's goroutine, from its claim until it has ended for good. The start is given up when ctx ends.
func (h *hosted) live(ctx context.Context) {
	defer close(h.done)
	defer h.release()
	if err := h.begin(ctx); err != nil {
		if h.life.Err() != nil {
			h.end(api.AgentStopped, context.Cause(h.life).Error())
		} else {
			h.end(api.AgentFailed, startFailure(err))
		}
		h.started <- err
		return
	}
	h.started <- nil
	h.end(h.supervise())
}

// begin makes the first instance, lets it listen, and announces it.
func (h *hosted) begin(ctx context.Context) error {
	inst, err := h.make(ctx)
	if err != nil {
		return err
	}
	h.set(inst)
	if err := h.s.subscribe(h); err != nil {
		return err
	}
	if err := h.report(h.life, api.AgentRunning, "", false); err != nil {
		return err
	}
	h.s.admit(h)
	return nil
}

// make makes an instance. It is given up when ctx ends, when the agent is stopped, and when it takes too long.
func (h *hosted) make(ctx context.Context) (instance, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	defer context.AfterFunc(h.life, cancel)()
	return h.s.newInstance(ctx, h.rec.AgentSpec)
}

// supervise waits for the agent's ends and starts it again as its policy says. It returns how the agent ended for good.
func (h *hosted) supervise() (api.AgentStatus, string) {
	var restarts []time.Time
	for {
		inst := h.current()
		select {
		case <-h.life.Done():
			return api.AgentStopped, context.Cause(h.life).Error()
		case <-inst.Done():
		}
		h.box.Pause()
		err := inst.Err()
		h.letGo(inst, stopGrace)
		for next := false; !next; {
			h.note(err)
			var verdict supervise.Verdict
			verdict, restarts = h.policy.Decide(restarts, time.Now(), err != nil)
			h.s.log.Warn().Str("agent", h.rec.ID).Err(err).Bool("restart", verdict.Restart).Dur("delay", verdict.Delay).Msg("agent ended")
			if !verdict.Restart {
				return h.verdict(err, verdict)
			}
			again := h.restart(verdict.Delay)
			if h.life.Err() != nil {
				return api.AgentStopped, context.Cause(h.life).Error()
			}
			if errors.Is(again, errUntold) {
				return "", again.Error()
			}
			next, err = again == nil, again
		}
	}
}

// restart makes the next instance after the delay. One that fails counts as a further crash.
func (h *hosted) restart(delay time.Duration) error {
	if delay > 0 {
		if err := h.report(h.life, api.AgentStarting, "", true); err != nil {
			return err
		}
		select {
		case <-h.life.Done():
			return h.life.Err()
		case <-time.After(delay):
		}
	}
	inst, err := h.make(h.life)
	if err != nil {
		return err
	}
	h.set(inst)
	h.box.Resume()
	h.s.puller.Wake(h.rec.Capabilities)
	if err := h.report(h.life, api.AgentStarting, "", true); err != nil {
		return err
	}
	return h.report(h.life, api.AgentRunning, "", false)
}

// verdict says what an agent that is not started again has become.
func (h *hosted) verdict(err error, v supervise.Verdict) (api.AgentStatus, string) {
	const byItself = "it ended by itself"
	switch tooOften := v.Exhausted && h.policy.MaxRestarts > 0; {
	case err == nil && tooOften:
		return api.AgentFailed, api.ReasonMaxRestarts + ": " + byItself
	case err == nil:
		return api.AgentStopped, byItself
	case tooOften:
		return api.AgentFailed, api.ReasonMaxRestarts + ": " + clip(err.Error())
	}
	return api.AgentFailed, api.ReasonAgentCrashed + ": " + clip(err.Error())
}

// end takes the agent off the host and reports why; no status means that the agent is another host's by now, and that the
// registry hears nothing. A stopped agent finishes what it has begun, for a while.
func (h *hosted) end(status api.AgentStatus, why string) {
	begin := time.Now()
	h.s.unroute(h)
	left := h.box.Close()
	h.last()
	for _, m := range left {
		h.s.pass(m)
	}
	if status == api.AgentStopped {
		_ = h.tell(h.s.base, api.AgentStopping, "", false) // or else straight to stopped
		select {
		case <-h.box.Drained():
		case <-h.s.base.Done():
		case <-time.After(stopGrace * 3 / 4):
		}
	}
	h.cut()
	if inst := h.current(); inst != nil {
		h.letGo(inst, max(stopGrace-time.Since(begin), stopGrace/4))
	}
	h.s.forget(h)
	if status != "" {
		_ = h.report(h.s.base, status, why, false)
	}
}

// letGo frees what an instance holds.
func (h *hosted) letGo(inst instance, grace time.Duration) {
	ctx, cancel := context.WithTimeout(h.s.base, grace)
	defer cancel()
	if err := inst.Stop(ctx); err != nil {
		h.s.log.Warn().Err(err).Str("agent", h.rec.ID).Msg("agent did not stop in order")
	}
}

// errUntold says that the registry was not told a status: the agent, or the host's lease, is somebody else's by now.
var errUntold = errors.New("the registry was not told")

// report tells the registry, again and again while it is away, since liveness hangs on the lease and not on this. Its error
// is errUntold: the registry refused, or ctx or the lease ended.
func (h *hosted) report(ctx context.Context, status api.AgentStatus, reason string, restarted bool) error {
	for {
		err := h.tell(ctx, status, reason, restarted)
		if err == nil {
			return nil
		}
		log := h.s.log.With().Err(err).Str("agent", h.rec.ID).Str("status", string(status)).Logger()
		if !unsure(err) {
			log.Error().Msg("the registry refused a status")
			return errors.Join(errUntold, err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(errUntold, err)
		case <-h.s.env.Lease.Done():
			return errors.Join(errUntold, err)
		case <-time.After(100 * time.Millisecond):
		}
		log.Warn().Msg("the registry does not answer")
	}
}

// tell is one try of report.
func (h *hosted) tell(ctx context.Context, status api.AgentStatus, reason string, restarted bool) error {
	if !h.s.env.Lease.Held() {
		return api.Errorf(api.Unavailable, "host %s has no lease any more: it speaks for no agent", h.s.cfg.ID).WithReason(api.ReasonDraining)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	rec, err := h.s.client.Agents.Transition(ctx, api.AgentTransitionRequest{
		ID: h.rec.ID, Status: status, Reason: reason, Host: h.s.cfg.ID, HostLease: h.s.env.Lease.ID(), Epoch: h.rec.Epoch, Restarted: restarted,
	})
	if err == nil {
		h.confirm(rec)
	}
	return err
}

// unsure tells whether asking again may give another answer.
func unsure(err error) bool {
	switch api.CodeOf(err) {
	case api.Unavailable, api.DeadlineExceeded, api.Overloaded, api.RateLimited, api.Cancelled, api.Internal:
		return true
	}
	return false
}

func startFailure(err error) string {
	if api.ReasonOf(err) == api.ReasonStartFailed {
		return api.ReasonStartFailed + ": " + clip(api.AsError(err).Message)
	}
	return api.ReasonStartFailed + ": " + clip(err.Error())
}
