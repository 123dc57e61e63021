package agenthost

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/budgets"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
)

// settleTimeout is how long a call that has ended tries to say what it has cost. What was never said stays reserved.
const settleTimeout = 10 * time.Second

// priced is an instance that can tell what a message may cost.
type priced interface {
	MaxCost(payload json.RawMessage) api.Micro
}

// maxCost is the most that the message may cost, 0 if the agent states none.
func (h *hosted) maxCost(inst instance, m *agent.Message) api.Micro {
	if p, ok := inst.(priced); ok {
		if most := p.MaxCost(m.Payload); most > 0 {
			return most
		}
	}
	return h.rec.MaxCost
}

// handle hands the message to the instance. What it may cost is reserved before, and settled when the answer is here.
func (h *hosted) handle(ctx context.Context, inst instance, m *agent.Message) (json.RawMessage, error) {
	most := h.maxCost(inst, m)
	if most <= 0 {
		before := m.Used()
		answer, err := inst.Handle(ctx, m)
		if used := since(before, m.Used()); !used.IsZero() {
			h.spent(used)
			if used.Cost > 0 { // unannounced, so it could not be reserved
				call := h.call(ctx, m, 0)
				h.settle(ctx, func(ctx context.Context) (*budgets.Reservation, error) { return h.s.budgets.Enter(ctx, call) }, used)
			}
		}
		return answer, err
	}
	place, err := h.s.budgets.Reserve(ctx, h.call(ctx, m, most))
	if err != nil {
		return nil, err
	}
	before := m.Used()
	answer, err := inst.Handle(ctx, m)
	if used := since(before, m.Used()); errors.Is(err, exec.ErrNoEnd) && used.Cost < most {
		m.Spend(api.Usage{Cost: most - used.Cost}) // nobody has said what it cost, and it may have cost that
	}
	used := since(before, m.Used())
	h.spent(used)
	h.settle(ctx, func(context.Context) (*budgets.Reservation, error) { return place, nil }, used)
	return answer, err
}

// since is what was used after before.
func since(before, now api.Usage) api.Usage {
	return api.Usage{TokensIn: now.TokensIn - before.TokensIn, TokensOut: now.TokensOut - before.TokensOut, Cost: now.Cost - before.Cost}
}

func (h *hosted) call(ctx context.Context, m *agent.Message, most api.Micro) budgets.Call {
	c := budgets.Call{ID: nuid.Next(), Job: m.Job, Agent: h.rec.ID, Max: most}
	if deadline, ok := ctx.Deadline(); ok {
		c.Timeout = max(time.Until(deadline), time.Second)
	}
	return c
}

// settle counts what a call has cost, whether or not its caller still waits. Enter gives it its place in the budgets.
func (h *hosted) settle(ctx context.Context, enter func(context.Context) (*budgets.Reservation, error), used api.Usage) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	var place *budgets.Reservation
	var err error
	for ctx.Err() == nil {
		if place == nil { // once: a place that is settled must not be taken again
			place, err = enter(ctx)
		}
		if place != nil {
			err = place.Settle(ctx, used)
		}
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	h.s.log.Warn().Err(err).Str("agent", h.rec.ID).Str("cost", used.Cost.String()).Msg("what a call has cost is not in the budgets: what it had reserved stays reserved")
}

func (h *hosted) spent(used api.Usage) {
	h.mu.Lock()
	h.used.Add(used)
	h.mu.Unlock()
}

// guard returns what the agent's guard measures, after a reset if that is wanted.
func (h *hosted) guard(reset bool) (*api.GuardStatus, error) {
	inst := h.current()
	g, ok := inst.(guarded)
	var live api.AgentLive
	if ok {
		if reset {
			g.Reset()
		}
		g.Measure(&live)
	}
	if live.Guard == nil {
		return nil, api.Errorf(api.FailedPrecondition, "agent %s has no guard: only http agents have one", h.rec.ID).WithReason(api.ReasonNoGuard)
	}
	return live.Guard, nil
}
