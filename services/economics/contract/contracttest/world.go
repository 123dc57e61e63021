// Package contracttest plays commands on the ledger, reputations, contracts and one more part of the economy, in the way of the machine:
// on drafts that are thrown away when a command is refused, with timers that fire in their order.
package contracttest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/contract/desk"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// Fatal is where a world reports what must not happen.
type Fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

var _ Fatal = (*testing.T)(nil)

// Draft is that of a part.
type Draft interface{ Apply() }

// Part is what a world has beside contracts.
type Part[D Draft] struct {
	Name     string
	Begin    func() D
	Commands map[string]act.Command[D]
	Timer    func(a *act.Act, d D, key string) error
	Drop     func(d D, id string)
	Outcome  func(a *act.Act, d D, kind, id string, body []byte) error
}

// World is a ledger, reputations, contracts and a part.
type World[D Draft] struct {
	t    Fatal
	part Part[D]

	Ledger     *ledger.State
	Reputation *reputation.State
	Contracts  *contract.State
	Now        time.Time
	Timers     map[string]time.Time
	// Effects are those of the part, by id, in the order of Order. Entities that have ended are dropped at once, and noted in Gone.
	Effects map[string]engine.Effect
	Order   []string
	Gone    map[string]int
	// Changed are the entities of the last command.
	Changed []string
	place   uint64
}

// Start is when a world begins.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// New returns a world in which nothing has happened.
func New[D Draft](t Fatal, part Part[D]) *World[D] {
	return &World[D]{
		t: t, part: part, Ledger: ledger.New(), Reputation: reputation.New(), Contracts: contract.New(), Now: Start,
		Timers: map[string]time.Time{}, Effects: map[string]engine.Effect{}, Gone: map[string]int{},
	}
}

// Try carries out what f does as a principal; "operator" is one. When it is refused, nothing has changed.
func (w *World[D]) Try(principal string, f func(a *act.Act, d D) (any, error)) (any, error) {
	w.t.Helper()
	w.place++
	d := w.part.Begin()
	a := &act.Act{
		Time: w.Now, Principal: principal, Operator: principal == "operator", ID: fmt.Sprintf("id-%d", w.place), Order: w.place,
		Ledger: w.Ledger.Draft(), Reputation: w.Reputation.Draft(), Contracts: w.Contracts.Draft(),
	}
	a.Ledger.Now = w.Now
	answer, err := f(a, d)
	if err != nil {
		return nil, err
	}
	if err := a.Ledger.Check(); err != nil {
		w.t.Fatalf("the ledger does not balance: %v", err)
	}
	changed, effects, timers, err := a.Outside()
	if err != nil {
		return nil, err
	}
	if answer != nil {
		if answer, err = copied(answer); err != nil {
			w.t.Fatalf("an answer that cannot be written: %v", err)
		}
	}
	a.Ledger.Apply()
	a.Reputation.Apply()
	a.Contracts.Apply()
	d.Apply()
	w.Changed = changed
	w.take(timers, effects)
	return answer, nil
}

func (w *World[D]) take(timers []engine.Timer, effects []engine.Effect) {
	for _, t := range timers {
		if w.Timers[t.ID] = t.At; t.At.IsZero() {
			delete(w.Timers, t.ID)
		}
	}
	for _, e := range effects {
		if entity, ok := strings.CutPrefix(e.ID, act.SaveEffect+"/"); ok {
			w.Gone[entity]++
			continue
		}
		if _, ok := w.Effects[e.ID]; !ok {
			w.Effects[e.ID] = e
			w.Order = append(w.Order, e.ID)
		}
	}
}

// Call sends a command. What is due fires before it.
func (w *World[D]) Call(principal, kind string, request any) (any, error) {
	w.t.Helper()
	body, err := codec.Marshal(request)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return w.Send(principal, kind, body)
}

// Send is Call for a body that is written already, or is none.
func (w *World[D]) Send(principal, kind string, body []byte) (any, error) {
	w.t.Helper()
	w.Fire()
	return w.Try(principal, func(a *act.Act, d D) (any, error) {
		if f, ok := w.part.Commands[kind]; ok {
			return f(a, d, body)
		}
		if f, ok := desk.Commands[kind]; ok {
			return f(a, a.Contracts, body)
		}
		return nil, fmt.Errorf("there is no command %s", kind)
	})
}

// Fire fires what is due, in the order of time and then of name.
func (w *World[D]) Fire() {
	w.t.Helper()
	for range 100_000 {
		key, at := "", time.Time{}
		for _, k := range slices.Sorted(maps.Keys(w.Timers)) {
			if t := w.Timers[k]; !t.After(w.Now) && (key == "" || t.Before(at)) {
				key, at = k, t
			}
		}
		if key == "" {
			return
		}
		delete(w.Timers, key)
		domain, rest, _ := strings.Cut(key, "/")
		if _, err := w.Try("", func(a *act.Act, d D) (any, error) {
			if domain == "contract" {
				return nil, desk.Timer(a, a.Contracts, rest)
			}
			return nil, w.part.Timer(a, d, rest)
		}); err != nil {
			w.t.Fatalf("timer %s: %v", key, err)
		}
	}
	w.t.Fatalf("timers fire without end")
}

// Pass lets time pass: timers fire at their time.
func (w *World[D]) Pass(d time.Duration) {
	w.t.Helper()
	end := w.Now.Add(d)
	for {
		next := end
		for _, t := range w.Timers {
			if t.Before(next) {
				next = t
			}
		}
		if next.After(w.Now) {
			w.Now = next
		}
		w.Fire()
		if !w.Now.Before(end) {
			return
		}
	}
}

// Outcome brings what an effect of the part has brought.
func (w *World[D]) Outcome(id string, brought any) {
	w.t.Helper()
	body, err := codec.Marshal(brought)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	e, ok := w.Effects[id]
	if !ok {
		w.t.Fatalf("there is no effect %s", id)
	}
	delete(w.Effects, id)
	w.Order = slices.DeleteFunc(w.Order, func(x string) bool { return x == id })
	w.Fire()
	_, kind, _ := strings.Cut(e.Kind, ".")
	if _, err := w.Try("", func(a *act.Act, d D) (any, error) {
		return nil, w.part.Outcome(a, d, kind, strings.TrimPrefix(e.ID, e.Kind+"/"), body)
	}); err != nil {
		w.t.Fatalf("outcome of %s: %v", id, err)
	}
	w.Fire()
}

// DropEnded drops what has ended, as the machine does once it is archived.
func (w *World[D]) DropEnded() {
	w.t.Helper()
	w.Fire()
	for _, entity := range slices.Sorted(maps.Keys(w.Gone)) {
		domain, id, _ := strings.Cut(entity, "/")
		if _, err := w.Try("", func(a *act.Act, d D) (any, error) {
			if domain == "contract" {
				desk.Drop(a.Contracts, id)
			} else {
				w.part.Drop(d, id)
			}
			return nil, nil
		}); err != nil {
			w.t.Fatalf("drop %s: %v", entity, err)
		}
	}
	clear(w.Gone)
}

// Mint gives credit to a principal.
func (w *World[D]) Mint(who string, amount api.Micro) {
	w.t.Helper()
	if _, err := w.Try("operator", func(a *act.Act, _ D) (any, error) {
		return nil, a.Ledger.Issue(api.Account(who, "", ""), amount, ledger.Why{Kind: "mint"})
	}); err != nil {
		w.t.Fatalf("mint: %v", err)
	}
}

// Balance is what a principal has in its main account.
func (w *World[D]) Balance(who string) (available, held api.Micro) {
	return w.Ledger.Draft().Balance(api.Account(who, "", ""))
}

// Fees is what the system has taken.
func (w *World[D]) Fees() api.Micro {
	fees, _ := w.Ledger.Draft().Balance(api.Account(api.SystemOwner, "fees", ""))
	return fees
}

// Audit fails unless the whole ledger balances.
func (w *World[D]) Audit() {
	w.t.Helper()
	if err := w.Ledger.Audit(); err != nil {
		w.t.Fatalf("audit: %v", err)
	}
}

// copied is the answer as it is read on the other side.
func copied(answer any) (any, error) {
	body, err := codec.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return body, nil
}

// Read reads an answer of Call.
func Read[T any](t Fatal, answer any, err error) *T {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
	v := new(T)
	body, _ := answer.([]byte)
	if err := codec.Read(body, v); err != nil {
		t.Fatalf("%v", err)
	}
	return v
}

// Refused fails unless an error has a code and a reason.
func Refused(t Fatal, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Fatalf("%v, want %s (%s)", err, code, reason)
	}
}
