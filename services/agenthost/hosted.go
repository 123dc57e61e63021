package agenthost

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/services/agenthost/mailbox"
	"github.com/mabus-project/mabus/services/agenthost/supervise"
	"github.com/mabus-project/mabus/shared/api"
)

// hosted is one agent on this host, over all its restarts until it is stopped or given up.
type hosted struct {
	s      *Service
	rec    api.Agent // as claimed: its epoch does not change while it is ours
	policy supervise.Policy
	// mailbox is how many messages may wait.
	mailbox int
	box     *mailbox.Box[message]
	subs    []*nats.Subscription // guarded by the host's lock
	passage
	again bool // it could not be started here, and shall be started elsewhere
	moved bool // to another host, once it is done
	// relocations are orders to move to another host while this one goes on.
	relocations chan relocation
	unwanted    atomic.Bool // it was stopped on request

	life  context.Context // ends when the agent shall stop; its cause says why
	stop  context.CancelCauseFunc
	works atomic.Pointer[work]

	mu        sync.Mutex
	latest    api.Agent // as the registry last confirmed it
	inst      instance
	turn      context.Context // ends what inst has begun; of a member of a group alone
	cutTurn   context.CancelFunc
	changed   chan struct{} // closed when inst changes, or no other will come
	over      bool          // no other instance will come
	startedAt time.Time
	lastError string
	used      api.Usage

	handled, failed, refused counter
	load                     load
	metered                  atomic.Pointer[agentMeter]
	stirred                  bool  // it had a message or a task at the meter's last look
	tally                    tally // of its tasks, for what it promises in a market

	first   api.Agent     // as it came to run, for who has started it; set before started tells of it
	started chan error    // one: how the first start went
	done    chan struct{} // closed when the agent has ended for good
}

func (s *Service) newHosted(rec api.Agent) *hosted {
	h := &hosted{
		s: s, rec: rec, latest: rec, policy: supervise.PolicyOf(&rec.AgentSpec),
		mailbox: orDefault(rec.Mailbox, s.tuning.Current().Mailbox), changed: make(chan struct{}), started: make(chan error, 1), done: make(chan struct{}), relocations: make(chan relocation),
	}
	h.handled.all, h.failed.all, h.refused.all = &s.totals.handled, &s.totals.failed, &s.totals.refused
	h.life, h.stop = context.WithCancelCause(s.base)
	h.newWork()
	h.box = mailbox.New(h.mailbox, orDefault(rec.Concurrency, 1), s.workers.Submit, func(m message) {
		h.refused.Add(1)
		s.refuse(m, api.Errorf(api.Overloaded, "host %s is handling all the messages it can", s.cfg.ID).WithReason(api.ReasonServerFull))
	})
	return h
}

// release frees the agent's contexts.
func (h *hosted) release() {
	h.stop(nil)
	h.cut()
	h.endTurn()
}

func orDefault(v, def int) int {
	if v > 0 {
		return v
	}
	return def
}

func (h *hosted) set(inst instance) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inst, h.startedAt = inst, time.Now().UTC()
	if h.rec.Group != nil {
		if h.cutTurn != nil {
			h.cutTurn()
		}
		h.turn, h.cutTurn = context.WithCancel(h.s.base)
	}
	close(h.changed)
	h.changed = make(chan struct{})
}

// endTurn ends what the instance has begun.
func (h *hosted) endTurn() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cutTurn != nil {
		h.cutTurn()
	}
}

// last says that no other instance will come.
func (h *hosted) last() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.over {
		h.over = true
		close(h.changed)
	}
}

func (h *hosted) confirm(rec *api.Agent) {
	h.mu.Lock()
	h.latest = *rec
	h.mu.Unlock()
}

// record returns the agent as the registry last confirmed it.
func (h *hosted) record() api.Agent {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.latest
}

func (h *hosted) current() instance {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.inst
}

// instance returns the living instance. While the agent is being restarted it waits for the next, so that a crash loses no
// message but those that the agent had.
//
// What it returns beside is nil, or ends when the instance is to give up what it has begun.
func (h *hosted) instance(ctx context.Context) (inst instance, turn context.Context, err error) {
	for {
		h.mu.Lock()
		inst, turn, changed, over := h.inst, h.turn, h.changed, h.over
		h.mu.Unlock()
		if inst != nil && !isDone(inst.Done()) {
			return inst, turn, nil
		}
		if over {
			return nil, nil, gone(h.rec.ID)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil, api.Errorf(api.DeadlineExceeded, "agent %s was being restarted until the message's time was over", h.rec.ID).WithReason(api.ReasonTimeout)
		}
	}
}

func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// run hands a message to the agent. One that an instance did not get because it had just ended goes to the next.
func (h *hosted) run(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	if h.rec.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.rec.Timeout.Std())
		defer cancel()
	}
	work := h.work()
	for {
		inst, turn, err := h.instance(ctx)
		if err != nil {
			return nil, err
		}
		answer, err := h.handleIn(ctx, turn, inst, m)
		switch e := api.AsError(err); {
		case err == nil && len(answer) == 0:
			return json.RawMessage("null"), nil
		case err == nil:
			return answer, nil
		case work.Err() != nil && (e == nil && errors.Is(err, context.Canceled) || e != nil && e.Code == api.Cancelled):
			return nil, api.Errorf(api.Unavailable, "agent %s was stopped, or its host cut off, while it had the message", h.rec.ID).WithReason(api.ReasonDraining).MaybeExecuted()
		case e == nil || e.Details.Reason != api.ReasonAgentCrashed || e.Details.MaybeExecuted:
			return nil, err
		}
		select { // the instance says that it has ended; an agent that passes on such an error has not
		case <-inst.Done():
		case <-ctx.Done():
			return nil, err
		case <-time.After(time.Second):
			return nil, err
		}
	}
}

// handleIn is handle, given up when turn ends.
func (h *hosted) handleIn(ctx, turn context.Context, inst instance, m *agent.Message) (json.RawMessage, error) {
	if turn == nil {
		return h.handle(ctx, inst, m)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(turn, cancel)()
	answer, err := h.handle(ctx, inst, m)
	if turn.Err() != nil && h.work().Err() == nil && (errors.Is(err, context.Canceled) || api.CodeOf(err) == api.Cancelled) {
		return nil, api.Errorf(api.Unavailable, "agent %s was restarted with its group while it had the message", h.rec.ID).WithReason(api.ReasonAgentCrashed).MaybeExecuted()
	}
	return answer, err
}

func (h *hosted) note(err error) {
	if err == nil {
		return
	}
	h.mu.Lock()
	h.lastError = clip(err.Error())
	h.mu.Unlock()
}

// noteFailed notes the error of a message or task. Of one that an instance crashed with the instance itself says more, which the agent's
// goroutine notes at the same time.
func (h *hosted) noteFailed(err error) {
	if !errors.Is(err, exec.ErrNoEnd) || api.ReasonOf(err) != api.ReasonAgentCrashed {
		h.note(err)
	}
}

// measure returns what the host knows of the agent.
func (h *hosted) measure() *api.AgentLive {
	waiting, active := h.box.Load()
	l := &api.AgentLive{Waiting: waiting, Active: active, Handled: h.handled.Load(), Failed: h.failed.Load(), Refused: h.refused.Load()}
	h.mu.Lock()
	inst := h.inst
	l.StartedAt, l.LastError = h.startedAt, h.lastError
	if used := h.used; !used.IsZero() {
		l.Usage = &used
	}
	h.mu.Unlock()
	if inst != nil {
		l.PID, l.LogTail = inst.PID(), inst.LogTail()
	}
	if m, ok := inst.(measured); ok {
		m.Measure(l)
	}
	return l
}

// clip keeps an error's text fit for a record: short, and valid UTF-8 whatever it quotes.
func clip(s string) string {
	if len(s) > 2048 {
		s = s[:2048] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// gone says that a message came too late for an agent that has ended here.
func gone(id string) *api.Error {
	return api.Errorf(api.Unavailable, "agent %s does not run here any more", id).WithReason(api.ReasonNobodyListens)
}
