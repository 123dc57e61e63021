package market_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/market"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const unit = 1_000_000

// failer is a test, of package testing or of rapid.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// world carries out commands as the machine does.
type world struct {
	t       failer
	now     time.Time
	order   uint64
	ledger  *ledger.State
	markets *market.State
	timers  map[string]time.Time
	ended   []string
}

func newWorld(t failer) *world {
	return &world{
		t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), ledger: ledger.New(), markets: market.New(), timers: map[string]time.Time{},
	}
}

// tx carries out one command on drafts, and applies them unless it is refused.
func (w *world) tx(principal string, f func(a *act.Act, d *market.Draft) (any, error)) (any, error) {
	w.order++
	a := &act.Act{
		Time: w.now, Principal: principal, Operator: principal == "operator", ID: "id-" + string(rune('a'+w.order%26)) + time.Duration(w.order).String(), Order: w.order,
		Ledger: w.ledger.Draft(), Reputation: reputation.New().Draft(), Contracts: contract.New().Draft(),
	}
	a.Ledger.Now = w.now
	d := w.markets.Draft()
	resp, err := f(a, d)
	if err != nil {
		if e := api.AsError(err); e == nil || e.Code == api.Internal {
			w.t.Fatalf("an error that nobody can act on: %v", err)
		}
		return nil, err
	}
	if err := a.Ledger.Check(); err != nil {
		w.t.Fatalf("%v", err)
	}
	_, effects, timers, err := a.Outside()
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	for _, e := range effects {
		if e.Kind == act.SaveEffect {
			w.ended = append(w.ended, strings.TrimPrefix(e.ID, act.SaveEffect+"/market/"))
		}
	}
	for _, tm := range timers {
		w.timers[tm.ID] = tm.At
		if tm.At.IsZero() {
			delete(w.timers, tm.ID)
		}
	}
	a.Ledger.Apply()
	d.Apply()
	return resp, nil
}

// do carries out a method as a principal.
func do[Req, Resp any](w *world, principal string, m api.Method[Req, Resp], r Req) (*Resp, error) {
	body, err := codec.Marshal(&r)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	resp, err := w.tx(principal, func(a *act.Act, d *market.Draft) (any, error) {
		return market.Commands[m.Noun+"."+m.Verb](a, d, body)
	})
	if err != nil {
		return nil, err
	}
	return resp.(*Resp), nil
}

func must[Req, Resp any](w *world, principal string, m api.Method[Req, Resp], r Req) *Resp {
	w.t.Helper()
	resp, err := do(w, principal, m, r)
	if err != nil {
		w.t.Fatalf("%s.%s: %v", m.Noun, m.Verb, err)
	}
	return resp
}

// refused wants an error of that reason, and that nothing has changed.
func refused[Req, Resp any](t *testing.T, w *world, principal string, m api.Method[Req, Resp], r Req, reason string) {
	t.Helper()
	before := w.bytes()
	if _, err := do(w, principal, m, r); api.ReasonOf(err) != reason {
		t.Errorf("%s.%s %+v: %v, want %s", m.Noun, m.Verb, r, err, reason)
	}
	if w.bytes() != before {
		t.Errorf("%s.%s %+v: what was refused has changed something", m.Noun, m.Verb, r)
	}
}

// advance fires the timers that are due in order, as the machine does.
func (w *world) advance(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for range 10_000 {
		var ids []string
		for id, at := range w.timers {
			if !at.After(end) {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			w.now = end
			return
		}
		slices.SortFunc(ids, func(x, y string) int { return w.timers[x].Compare(w.timers[y])*2 + strings.Compare(x, y) })
		at := w.timers[ids[0]]
		delete(w.timers, ids[0])
		if at.After(w.now) {
			w.now = at
		}
		if _, err := w.tx("", func(a *act.Act, d *market.Draft) (any, error) {
			return nil, market.Timer(a, d, strings.TrimPrefix(ids[0], "market/"))
		}); err != nil {
			w.t.Fatalf("timer %s: %v", ids[0], err)
		}
	}
	w.t.Fatalf("timers never end: %v", w.timers)
}

// give issues credit, or units of another asset.
func (w *world) give(owner, asset string, amount api.Micro) {
	w.t.Helper()
	if _, err := w.tx("operator", func(a *act.Act, _ *market.Draft) (any, error) {
		return nil, a.Ledger.Issue(api.Account(owner, "", asset), amount, ledger.Why{Kind: "mint"})
	}); err != nil {
		w.t.Fatalf("%v", err)
	}
}

// has returns what an account has available and held.
func (w *world) has(owner, asset string) (available, held api.Micro) {
	return w.ledger.Draft().Balance(api.Account(owner, "", asset))
}

func (w *world) want(owner, asset string, available, held api.Micro) {
	w.t.Helper()
	if x, y := w.has(owner, asset); x != available || y != held {
		w.t.Fatalf("%s has %d %s, %d held, want %d, %d", owner, x, asset, y, available, held)
	}
}

// audit proves the ledger and that the holds are what the orders need.
func (w *world) audit() {
	w.t.Helper()
	if err := w.ledger.Audit(); err != nil {
		w.t.Fatalf("%v", err)
	}
	holds := len(w.ledger.Holds)
	for id, b := range w.markets.Books {
		m := w.markets.Markets[id]
		for _, o := range b.First(b.Len()) {
			amount, from, ok := w.ledger.Draft().Held("market/" + id + "/" + decimal(o.Number))
			need, asset := api.Micro(o.Quantity)*unit, m.Spec.Commodity
			if o.Side == api.OrderBuy {
				need, asset = o.Value(), api.CreditAsset
			}
			if !ok || amount != need || from != api.Account(o.Owner, o.Purpose, asset) {
				w.t.Fatalf("%+v holds %d in %s, want %d", o, amount, from, need)
			}
			holds--
		}
	}
	var pools api.Micro
	for _, m := range w.markets.Markets {
		if m.Maker == nil {
			continue
		}
		pools += m.Maker.Pool
		if m.Maker.Payouts == nil {
			holds--
		}
	}
	if pool, _ := w.ledger.Draft().Balance(market.PoolAccount()); pool != pools {
		w.t.Fatalf("the pool has %d, and its markets %d", pool, pools)
	}
	if holds != 0 {
		w.t.Fatalf("there are %d holds that belong to no order", holds)
	}
}

func decimal(n uint64) string {
	raw, _ := codec.Marshal(n)
	return string(raw)
}

// bytes is the whole state in its canonical form.
func (w *world) bytes() string {
	x, err := codec.Marshal(w.markets)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	y, err := codec.Marshal(w.ledger)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return string(x) + string(y)
}

// gpu opens a market for gpu, with a and b rich in both.
func gpu(t failer, spec api.MarketSpec) *world {
	t.Helper()
	w := newWorld(t)
	for _, p := range []string{"a", "b", "c", "d"} {
		w.give(p, "", 1000*unit)
		w.give(p, "gpu", 1000*unit)
	}
	if spec.Type == "" {
		spec.Type = api.MarketContinuous
	}
	spec.ID, spec.Name, spec.Commodity = "m", "GPU hours", "gpu"
	must(w, "owner", api.MarketsCreate, spec)
	return w
}

func limit(side api.OrderSide, price api.Micro, quantity int64) api.MarketOrderRequest {
	return api.MarketOrderRequest{Market: "m", Side: side, Price: price, Quantity: quantity}
}
