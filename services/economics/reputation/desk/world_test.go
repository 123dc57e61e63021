package desk_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/services/economics/reputation/desk"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world carries out commands one after another, each on drafts that are applied unless it is refused, and the timers that are due before.
type world struct {
	tb        testing.TB
	now       time.Time
	ledger    *ledger.State
	contracts *contract.State
	*reputation.State
	timers  map[string]time.Time
	changed []string
	ids     int
}

func newWorld(tb testing.TB, rich ...string) *world {
	w := &world{tb: tb, now: start, ledger: ledger.New(), contracts: contract.New(), State: reputation.New(), timers: map[string]time.Time{}}
	for _, owner := range rich {
		w.do("op", func(a *act.Act, _ *reputation.Draft) error {
			return a.Ledger.Issue(api.Account(owner, "", ""), 1_000_000, ledger.Why{Kind: "mint"})
		})
	}
	return w
}

// do carries out one command. "op" is the operator.
func (w *world) do(principal string, f func(*act.Act, *reputation.Draft) error) error {
	w.tb.Helper()
	w.ids++
	d := w.Draft()
	a := &act.Act{
		Time: w.now, Principal: principal, Operator: principal == "op", ID: fmt.Sprint("id", w.ids), Order: uint64(w.ids),
		Ledger: w.ledger.Draft(), Reputation: d, Contracts: w.contracts.Draft(),
	}
	a.Ledger.Now = w.now
	if err := f(a, d); err != nil {
		return err
	}
	if err := a.Ledger.Check(); err != nil {
		w.tb.Fatal(err)
	}
	changed, _, timers, err := a.Outside()
	if err != nil {
		w.tb.Fatal(err)
	}
	w.changed = changed
	for _, x := range timers {
		if w.timers[x.ID] = x.At; x.At.IsZero() {
			delete(w.timers, x.ID)
		}
	}
	a.Ledger.Apply()
	a.Contracts.Apply()
	d.Apply()
	return nil
}

// run carries out a command as it comes from outside.
func run[Resp any](w *world, principal, kind string, req any) (*Resp, error) {
	w.tb.Helper()
	var answer any
	err := w.do(principal, func(a *act.Act, d *reputation.Draft) error {
		body, err := codec.Marshal(req)
		if err != nil {
			return err
		}
		answer, err = desk.Commands[kind](a, d, body)
		return err
	})
	if err != nil {
		return nil, err
	}
	resp, ok := answer.(*Resp)
	if !ok {
		w.tb.Fatalf("%s answers %T", kind, answer)
	}
	return resp, nil
}

// pass lets the time go on, and what is due happen.
func (w *world) pass(d time.Duration) {
	w.tb.Helper()
	end := w.now.Add(d)
	for {
		next, key := end.Add(1), ""
		for k, at := range w.timers {
			if at.Before(next) || at.Equal(next) && k < key {
				next, key = at, k
			}
		}
		if key == "" {
			break
		}
		w.now = next
		delete(w.timers, key)
		if err := w.do("", func(a *act.Act, d *reputation.Draft) error { return desk.Timer(a, d, key[len("reputation/"):]) }); err != nil {
			w.tb.Fatal(err)
		}
	}
	w.now = end
}

func (w *world) has(owner string, available, held api.Micro) {
	w.tb.Helper()
	if a, h := w.ledger.Draft().Balance(api.Account(owner, "", "")); a != available || h != held {
		w.tb.Errorf("%s has %d, and %d held; want %d and %d", owner, a, h, available, held)
	}
}

// refused checks what an error says.
func refused(tb testing.TB, what string, err error, code api.Code, reason string) {
	tb.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		tb.Errorf("%s: %v, want %s (%s)", what, err, code, reason)
	}
	if err != nil && errors.Unwrap(err) == nil && err.Error() == "" {
		tb.Errorf("%s: the error says nothing", what)
	}
}
