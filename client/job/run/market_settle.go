package run

import (
	"context"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// settle tells the outcome of a task, by which its winner is paid or not. It tries until that is done or ctx, which outlasts the run, ends.
func (m *market) settle(ctx context.Context, e ending) {
	req := &api.TenderCompleteRequest{ID: e.tender, Outcome: api.OutcomeDone}
	if e.task.Status != api.TaskSucceeded {
		req.Outcome, req.Reason = api.OutcomeFailed, "the task has failed"
		if e.task.Error != nil {
			req.Reason = clip(e.task.Error.Error())
		}
	}
	conn := m.run.cfg.Client.Conn()
	var t *api.Tender
	err := m.run.retry(ctx, "pay for a task", func(ctx context.Context) (err error) {
		if req.ID == "" {
			if t, err = m.earlier(ctx, e.task.ID); err != nil || t == nil {
				return err
			}
			req.ID = t.ID
		}
		t, err = rpc.Call(ctx, conn, api.TendersComplete, req)
		if reason := api.ReasonOf(err); reason == api.ReasonTenderNotAwarded || reason == api.ReasonTenderNotFound { // it was told already, by a request whose answer was lost, or in an earlier run
			t, err = rpc.Call(ctx, conn, api.TendersGet, &api.TenderGetRequest{ID: req.ID})
		}
		return err
	})
	if err != nil {
		m.run.cfg.Warn("the winner of %s is not paid: %s", e.task.Name, text(err))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.tender != "" {
		m.open--
	}
	if err == nil && t == nil {
		return // it was not given out in a market
	}
	if err != nil || t.State != api.TenderDone || t.Award == nil {
		m.stats.Unpaid++
		return
	}
	m.stats.Paid += t.Award.Price
	earned := m.stats.Earned[t.Award.Winner]
	earned.Tasks++
	earned.Paid += t.Award.Price
	m.stats.Earned[t.Award.Winner] = earned
}

// earlier finds the last tender of a task; nil if there is none.
func (m *market) earlier(ctx context.Context, task string) (last *api.Tender, err error) {
	for round := range mostRounds {
		t, err := rpc.Call(ctx, m.run.cfg.Client.Conn(), api.TendersGet, &api.TenderGetRequest{ID: tenderID(task, round)})
		if api.ReasonOf(err) == api.ReasonTenderNotFound {
			break
		}
		if err != nil {
			return nil, err
		}
		last = t
	}
	return last, nil
}

// maxReason bounds why a task has failed, as the tender keeps it, in bytes.
const maxReason = 200

func clip(s string) string {
	if len(s) > maxReason {
		s = s[:maxReason]
	}
	return strings.ToValidUTF8(s, "") // half a character may be left of the last
}

// end has a task settled that has ended. It is called with the run locked, and waits while too many are to be settled.
func (m *market) end(t *api.Task) {
	m.mu.Lock()
	tender, ours := m.tenders[t.ID]
	delete(m.tenders, t.ID)
	m.mu.Unlock()
	if !ours {
		tender = "" // an earlier run has given it out, and may not have paid
	}
	m.ended <- ending{tender, t}
}
