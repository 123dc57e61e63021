package agenthost

import (
	"context"
	"errors"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/supervise"
	"github.com/mabus-project/mabus/shared/api"
)

const startTimeout = 30 * time.Second // for making one instance

// live is the agent's goroutine, from its claim until it has ended for good. The start is given up when ctx ends.
func (h *hosted) live(ctx context.Context) {
	defer close(h.done)
	defer h.release()
	if err := h.begin(ctx); err != nil {
		if h.life.Err() != nil {
			h.end(h.stopped())
		} else {
			h.again = h.kept // nobody asked for this start, and another host may do better
			h.end(api.AgentFailed, startFailure(err))
		}
		h.started <- err
		return
	}
	h.first = h.record() // whoever waits for the start may look at it when the agent has crashed already
	h.started <- nil
	if h.begins != nil {
		h.s.spawn(func() { h.s.beginLate(h) }, nil)
	}
	status, why := h.supervise()
	if h.moved {
		return
	}
	if status == api.AgentStopped && errors.Is(context.Cause(h.life), errMoves) && h.s.moveOut(h) {
		return
	}
	h.end(status, why)
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
	if h.kept && !h.record().Wanted { // it was stopped while no host answered for it
		h.stop(errors.New("it was asked to"))
	}
	return nil
}

// make makes an instance. It is given up when ctx ends, when the agent is stopped, and when it takes too long. A start that
// heeds nothing is left behind, and what it makes in the end is stopped at once.
func (h *hosted) make(ctx context.Context) (instance, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	defer context.AfterFunc(h.life, cancel)()
	type made struct {
		inst instance
		err  error
	}
	hand, left := make(chan made), make(chan struct{})
	go func() {
		inst, err := h.s.newInstance(ctx, h.rec)
		select {
		case hand <- made{inst, err}:
		case <-left:
			if inst != nil {
				h.letGo(inst, graceOf(&h.rec.AgentSpec))
			}
		}
	}()
	var end <-chan time.Time
	for over := ctx.Done(); ; {
		select {
		case m := <-hand:
			return m.inst, m.err
		case <-over:
			over, end = nil, time.After(time.Second)
		case <-end:
			close(left)
			return nil, api.Errorf(api.FailedPrecondition, "agent %s was given up because it did not start in time", h.rec.ID).WithReason(api.ReasonStartFailed)
		}
	}
}

// supervise carries out what the agent's group says of it, from its first instance on. It returns how the agent ended for good.
func (h *hosted) supervise() (api.AgentStatus, string) {
	in := h.s.groups.join(&h.rec.AgentSpec)
	defer func() {
		if !h.moved {
			in.leave()
		}
	}()
	for told := false; ; {
		order, changed := in.order()
		var ended <-chan struct{}
		var due <-chan time.Time
		var relocations chan relocation // one that is being restarted moves when it runs again
		switch order.Do {
		case supervise.Run:
			ended, told, relocations = h.current().Done(), false, h.relocations
		case supervise.Stop:
			h.rest(order.Again)
			in.stopped()
			continue
		case supervise.Depart:
			return api.AgentStopped, "its group was restarted when " + order.Because + " ended, and it is temporary"
		case supervise.GiveUp:
			return api.AgentFailed, api.ReasonGroupFailed + ": " + order.Because + " was given up"
		case supervise.Start:
			due = time.After(time.Until(order.Due))
		}
		if order.Do == supervise.Wait || time.Until(order.Due) > 0 {
			told = told || h.tell(api.AgentStarting, "", true) == nil
		}
		select {
		case <-h.life.Done():
			return h.stopped()
		case <-changed:
			continue
		case r := <-relocations:
			in.leave()
			if h.depart(r); h.moved {
				return "", ""
			}
			in = h.s.groups.join(&h.rec.AgentSpec)
			if err := h.stay(); err != nil {
				if status, why, over := h.judge(in, err); over {
					return status, why
				}
			}
		case <-ended:
			inst := h.current()
			h.box.Pause()
			h.letGo(inst, graceOf(&h.rec.AgentSpec))
			if status, why, over := h.judge(in, inst.Err()); over {
				return status, why
			}
		case <-due:
			if !in.starting() {
				continue
			}
			err := h.restart(in)
			if errors.Is(err, errUntold) && h.life.Err() == nil {
				return "", err.Error()
			}
			if err != nil {
				if status, why, over := h.judge(in, err); over {
					return status, why
				}
			}
		}
	}
}

// judge tells the group that the agent's instance has ended, or could not be made. Over is set when that was the last.
func (h *hosted) judge(in member, err error) (status api.AgentStatus, why string, over bool) {
	h.note(err)
	if h.life.Err() != nil {
		status, why = h.stopped()
		return status, why, true
	}
	if api.CodeOf(err) == api.Fenced { // another host has the agent by now
		h.s.log.Warn().Str("agent", h.rec.ID).Err(err).Msg("agent ended, since it runs elsewhere")
		return "", err.Error(), true
	}
	v := in.ended(err != nil)
	h.s.log.Warn().Str("agent", h.rec.ID).Err(err).Bool("restart", v.Restart).Dur("delay", v.Delay).Msg("agent ended")
	if v.Restart {
		return "", "", false
	}
	status, why = h.verdict(err, v)
	return status, why, true
}

// stopped is how an agent ended that was to stop.
func (h *hosted) stopped() (api.AgentStatus, string) {
	if errors.Is(context.Cause(h.life), errLost) {
		return "", errLost.Error()
	}
	return api.AgentStopped, context.Cause(h.life).Error()
}

// rest ends the instance in order because its group restarts, as when the agent is stopped; but messages wait for the next.
func (h *hosted) rest(again bool) {
	begin, grace, inst := time.Now(), graceOf(&h.rec.AgentSpec), h.current()
	if again {
		_ = h.tell(api.AgentStarting, "", true) // or else when it has started
	}
	select {
	case <-h.box.Halt():
	case <-inst.Done():
		h.note(inst.Err())
	case <-h.life.Done():
		return // it is stopped for good
	case <-time.After(grace * 3 / 4):
	}
	h.endTurn()
	h.letGo(inst, max(grace-time.Since(begin), grace/4))
}

// restart makes the next instance. One that fails counts as a further crash.
func (h *hosted) restart(in member) error {
	inst, err := h.make(h.life)
	if err != nil {
		return err
	}
	h.set(inst)
	h.meter().restarted()
	h.box.Resume()
	in.started()
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
	begin, grace := time.Now(), graceOf(&h.rec.AgentSpec)
	if h.begins != nil && !isDone(h.begins) {
		h.s.inDispatch(func() { h.s.begun(h) }) // what was held is answered like the rest
	}
	h.s.unroute(h)
	left := h.box.Close()
	h.last()
	for _, m := range left {
		h.s.pass(m)
	}
	if status == api.AgentStopped {
		_ = h.tell(api.AgentStopping, "", false) // or else straight to stopped
		select {
		case <-h.box.Drained():
		case <-h.s.base.Done():
		case <-time.After(grace * 3 / 4):
		}
	}
	h.cut()
	if inst := h.current(); inst != nil {
		h.letGo(inst, max(grace-time.Since(begin), grace/4))
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
// is errUntold: the registry refused, or ctx or the lease ended. What is under way when ctx ends is waited for, so that it
// cannot overtake what is reported next.
func (h *hosted) report(ctx context.Context, status api.AgentStatus, reason string, restarted bool) error {
	for {
		err := h.tell(status, reason, restarted)
		if err == nil {
			return nil
		}
		log := h.s.log.With().Err(err).Str("agent", h.rec.ID).Str("status", string(status)).Logger()
		if !unsure(err) {
			log.Error().Msg("the registry refused a status")
			return errors.Join(errUntold, err)
		}
		if h.s.ends() && !h.s.env.Lease.Held() {
			return errors.Join(errUntold, err) // the host ends, and may not speak before it has
		}
		select {
		case <-ctx.Done():
			return errors.Join(errUntold, err)
		case <-h.s.env.Lease.Lost():
			return errors.Join(errUntold, err)
		case <-time.After(100 * time.Millisecond):
		}
		log.Warn().Msg("the registry does not answer")
	}
}

// tell is one try of report.
func (h *hosted) tell(status api.AgentStatus, reason string, restarted bool) error {
	if !h.s.env.Lease.Held() {
		return api.Errorf(api.Unavailable, "host %s has no lease any more: it speaks for no agent", h.s.cfg.ID).WithReason(api.ReasonDraining)
	}
	req := api.AgentTransitionRequest{
		ID: h.rec.ID, Status: status, Reason: reason, Host: h.s.cfg.ID, HostLease: h.s.env.Lease.ID(), Epoch: h.rec.Epoch, Restarted: restarted,
		StillWanted: (status == api.AgentStopping || status == api.AgentStopped) && h.goesOn() || status == api.AgentFailed && h.again,
	}
	if inst := h.current(); status == api.AgentFailed && inst != nil {
		req.LastWords = lastWords(inst.LogTail())
	}
	ctx, cancel := context.WithTimeout(h.s.base, moveTimeout) // as long as it may be under way, or it could overtake the next
	defer cancel()
	rec, err := h.s.transition(ctx, req)
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
