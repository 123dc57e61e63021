package run

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// settleTime bounds how long a run waits at its end for calls to end whose cost is not known.
const settleTime = 10 * time.Second

// Funding is the money that stands behind a job's cap.
type Funding struct {
	Account api.AccountID `json:"account"`
	// Captured is what the account has paid for the job so far, in earlier runs too, Held what is still set aside.
	Captured api.Micro `json:"captured"`
	Held     api.Micro `json:"held"`
}

// Funding returns how the account stands that pays for the job; nil if none does.
func (r *Run) Funding() *Funding {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.funding == nil {
		return nil
	}
	f := *r.funding
	return &f
}

func (r *Run) fund(b *api.Budget) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.funding = &Funding{Account: b.Account, Captured: b.Captured, Held: b.Held}
}

// settleCost has what was spent paid, and the rest given back. The context that it is given may have ended. What calls may cost that have
// not ended stays held until they have: then the hosts settle it.
func (r *Run) settleCost(ctx context.Context) {
	if !r.settles {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	var b *api.Budget
	err := r.retry(ctx, "settle what the job has cost", func(ctx context.Context) (err error) {
		b, err = r.cfg.Client.Budgets.Settle(ctx, api.BudgetKey{Scope: api.BudgetJob, ID: r.cfg.ID})
		return err
	})
	for err == nil && b.Settling && ctx.Err() == nil {
		pause(ctx, again)
		if b, err = r.cfg.Client.Budgets.Settle(ctx, api.BudgetKey{Scope: api.BudgetJob, ID: r.cfg.ID}); ctx.Err() != nil {
			break
		}
	}
	switch {
	case b != nil:
		r.fund(b)
	case api.ReasonOf(err) != api.ReasonBudgetNotFound: // somebody has removed it, which settles it
		r.cfg.Warn("what the job has cost is not settled yet: `mabus --as %s budgets settle job %s` does it. %s", r.cfg.Client.Conn().Principal, r.cfg.ID, text(err))
	}
}
