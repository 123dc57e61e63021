package risk_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/services/economics/risk"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	unit = api.Micro(1_000_000)
	day  = 24 * time.Hour
)

// world is a small machine: states, a clock, and the timers that are set.
type world struct {
	t          testing.TB
	now        time.Time
	order      uint64
	risk       *risk.State
	ledger     *ledger.State
	reputation *reputation.State
	contracts  *contract.State
	timers     map[string]time.Time
	figures    risk.Figures
}

// operator is the only one.
const operator = "op"

func newWorld(t testing.TB) *world {
	w := &world{
		t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), risk: risk.New(), ledger: ledger.New(), reputation: reputation.New(),
		contracts: contract.New(), timers: map[string]time.Time{},
	}
	return w
}

// act carries out something on drafts, and makes it so if it is not refused. The ledger has to balance.
func (w *world) act(principal string, f func(a *act.Act, d *risk.Draft) error) error {
	w.order++
	a := &act.Act{
		Time: w.now, Principal: principal, Operator: principal == operator, ID: fmt.Sprint("id", w.order), Order: w.order,
		Ledger: w.ledger.Draft(), Reputation: w.reputation.Draft(), Contracts: w.contracts.Draft(),
	}
	d := w.risk.Draft()
	d.Figures = func() risk.Figures { return w.figures }
	if err := f(a, d); err != nil {
		return err
	}
	if err := a.Ledger.Check(); err != nil {
		w.t.Fatal(err)
	}
	a.Ledger.Apply()
	a.Reputation.Apply()
	a.Contracts.Apply()
	d.Apply()
	_, _, timers, err := a.Outside()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, timer := range timers {
		if w.timers[timer.ID] = timer.At; timer.At.IsZero() {
			delete(w.timers, timer.ID)
		}
	}
	w.sound()
	return nil
}

// do carries out a command as the machine does, from its JSON, and returns its answer.
func do[Resp any](w *world, principal, kind string, body any) (*Resp, error) {
	w.t.Helper()
	raw, err := codec.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	resp := new(Resp)
	return resp, w.act(principal, func(a *act.Act, d *risk.Draft) error {
		if err := w.risk.Refuses(a, kind, raw); err != nil {
			return err
		}
		answer, err := risk.Commands[kind](a, d, raw)
		if err != nil {
			return err
		}
		out, err := codec.Marshal(answer)
		if err != nil {
			w.t.Fatal(err)
		}
		return codec.Read(out, resp)
	})
}

// must is do for what has to succeed.
func must[Resp any](w *world, principal, kind string, body any) *Resp {
	w.t.Helper()
	resp, err := do[Resp](w, principal, kind, body)
	if err != nil {
		w.t.Fatalf("%s by %s: %v", kind, principal, err)
	}
	return resp
}

// refused wants a reason, and that nothing has changed.
func refused(w *world, reason, principal, kind string, body any) {
	w.t.Helper()
	before := w.bytes()
	_, err := do[json.RawMessage](w, principal, kind, body)
	if api.ReasonOf(err) != reason && string(api.CodeOf(err)) != reason {
		w.t.Errorf("%s by %s: %v, want %s", kind, principal, err, reason)
	}
	if w.bytes() != before {
		w.t.Errorf("%s by %s was refused and changed something", kind, principal)
	}
}

func (w *world) bytes() string {
	var all string
	for _, s := range []any{w.risk, w.ledger, w.reputation} {
		raw, err := codec.Marshal(s)
		if err != nil {
			w.t.Fatal(err)
		}
		all += string(raw)
	}
	return all
}

// pass lets time go by; timers fire in their order, each at its time.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for {
		next := ""
		for id, at := range w.timers {
			if !at.After(end) && (next == "" || at.Before(w.timers[next]) || at.Equal(w.timers[next]) && id < next) {
				next = id
			}
		}
		if next == "" {
			break
		}
		if at := w.timers[next]; at.After(w.now) {
			w.now = at
		}
		delete(w.timers, next)
		if err := w.act("", func(a *act.Act, d *risk.Draft) error { return risk.Timer(a, d, next[len("risk/"):]) }); err != nil {
			w.t.Fatalf("timer %s: %v", next, err)
		}
	}
	w.now = end
}

// give mints money.
func (w *world) give(agent string, amount api.Micro) {
	w.t.Helper()
	if err := w.act(operator, func(a *act.Act, _ *risk.Draft) error {
		return a.Ledger.Issue(api.Account(agent, "", ""), amount, ledger.Why{Kind: "mint"})
	}); err != nil {
		w.t.Fatal(err)
	}
}

// rate gives an agent records by an operator, of one quality.
func (w *world) rate(agent string, quality api.Decimal, n int) {
	w.t.Helper()
	for range n {
		if err := w.act(operator, func(a *act.Act, _ *risk.Draft) error {
			return a.Reputation.Record(a.Time, reputation.Record{
				Agent: agent, By: operator, Ref: a.ID, Source: api.SourceOperator, Quality: quality, Satisfaction: quality, CostEfficiency: quality,
			})
		}); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) score(agent string) api.Decimal { return w.reputation.Draft().Score(agent, "", w.now) }

func (w *world) has(account api.AccountID) api.Micro {
	account, err := api.ParseAccount(string(account))
	if err != nil {
		w.t.Fatal(err)
	}
	free, _ := w.ledger.Draft().Balance(account)
	return free
}

// sound checks what is always so: no unit is lost, holds are what records say, nothing is below zero.
func (w *world) sound() {
	w.t.Helper()
	if err := w.ledger.Audit(); err != nil {
		w.t.Fatal(err)
	}
	l := w.ledger.Draft()
	staked := api.Micro(0)
	for _, s := range w.risk.Stakes {
		held, _, _ := l.Held("stake/" + s.Agent)
		if held != s.Total() || s.Pending < 0 || s.Pending > s.Total() || s.Recoverable < 0 || s.Recoverable > s.Slashed || s.Bonded < 0 {
			w.t.Fatalf("%d are held for the stake %+v", held, s)
		}
		staked += s.Total()
	}
	if b := w.risk.Books["book"]; b != nil && b.Staked != staked {
		w.t.Fatalf("the stakes are %d, and %d are counted", staked, b.Staked)
	}
	open := map[string]int{}
	for _, c := range w.risk.Claims {
		if !c.State.Over() {
			open[c.Policy]++
		}
		if c.Paid > c.Worth {
			w.t.Fatalf("paid more than it is worth: %+v", c)
		}
	}
	reserved, active := map[string]api.Micro{}, map[string]int{}
	for _, p := range w.risk.Policies {
		held, _, _ := l.Held("policy/" + p.ID)
		if held != p.Reserved || p.Paid > p.Limit || p.State == api.PolicyActive && p.Paid+p.Reserved != p.Limit || p.Open != open[p.ID] {
			w.t.Fatalf("%d are held for the policy %+v", held, p)
		}
		reserved[p.Pool] += held
		if p.State == api.PolicyActive {
			active[p.Pool]++
		}
	}
	for _, p := range w.risk.Pools {
		free, held := l.Balance(p.Account)
		if free < 0 || held != reserved[p.ID] || free+held != p.Funded+p.Premiums-p.Paid-p.Withdrawn || p.Policies != active[p.ID] {
			w.t.Fatalf("the pool %s has %d free and %d held, %d are reserved: %+v", p.ID, free, held, reserved[p.ID], p)
		}
	}
}
