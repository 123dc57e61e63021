package auction_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// tester is what tests and generated cases have in common.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// house is an economy without a log: commands are carried out on drafts, timers when the time goes on, and effects when asked for.
type house struct {
	tester
	ledger     *ledger.State
	reputation *reputation.State
	contracts  *contract.State
	auctions   *auction.State
	now        time.Time
	n          uint64
	timers     map[string]time.Time
	effects    []engine.Effect
	operator   bool
	// twin is another replica: whatever is done here is done there too.
	twin *house
}

const unit = api.Micro(1_000_000)

// open returns a house in which the named have 1,000 credit and 100 units of gpu each.
func open(t tester, who ...string) *house {
	h := &house{
		tester: t, ledger: ledger.New(), reputation: reputation.New(), contracts: contract.New(), auctions: auction.New(),
		now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), timers: map[string]time.Time{},
	}
	d := h.ledger.Draft()
	if err := d.Create("gpu", api.SystemOwner, ""); err != nil {
		t.Fatal(err)
	}
	for _, w := range who {
		for _, id := range []api.AccountID{api.Account(w, "", ""), api.Account(w, "", "gpu")} {
			amount := 1000 * unit
			if id.Asset() == "gpu" {
				amount = 100 * unit
			}
			if err := d.Issue(id, amount, ledger.Why{Kind: "mint"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	d.Apply()
	return h
}

// command carries one out, and keeps what it does if it is not refused.
func (h *house) command(by string, f func(a *act.Act, d *auction.Draft) error) error {
	h.Helper()
	err := h.alone(by, f)
	if h.twin != nil {
		h.twin.operator = h.operator
		if other := h.twin.alone(by, f); fmt.Sprint(other) != fmt.Sprint(err) {
			h.Fatalf("one replica says %v, another %v", err, other)
		}
	}
	return err
}

func (h *house) alone(by string, f func(a *act.Act, d *auction.Draft) error) error {
	h.Helper()
	h.n++
	a := &act.Act{
		Time: h.now, Principal: by, Operator: h.operator && by != "", ID: fmt.Sprintf("id-%d", h.n), Order: h.n,
		Ledger: h.ledger.Draft(), Reputation: h.reputation.Draft(), Contracts: h.contracts.Draft(),
	}
	a.Ledger.Now = h.now
	d := h.auctions.Draft()
	if err := f(a, d); err != nil {
		if api.AsError(err) == nil {
			h.Fatalf("%v is no error that a caller can act on", err)
		}
		return err
	}
	if err := a.Ledger.Check(); err != nil {
		h.Fatal(err)
	}
	_, effects, timers, err := a.Outside()
	if err != nil {
		h.Fatal(err)
	}
	a.Ledger.Apply()
	a.Reputation.Apply()
	a.Contracts.Apply()
	d.Apply()
	for _, e := range effects {
		if !strings.HasPrefix(e.Kind, act.SaveEffect) && !strings.HasPrefix(e.Kind, act.PageEffect) {
			h.effects = append(h.effects, e)
		}
	}
	for _, t := range timers {
		if delete(h.timers, t.ID); !t.At.IsZero() {
			h.timers[t.ID] = t.At
		}
	}
	return nil
}

// do carries out the command of a method.
func do[Req, Resp any](h *house, by string, m api.Method[Req, Resp], r Req) (resp *Resp, err error) {
	h.Helper()
	raw, err := codec.Marshal(r)
	if err != nil {
		h.Fatal(err)
	}
	err = h.command(by, func(a *act.Act, d *auction.Draft) error {
		answer, err := auction.Commands[m.Noun+"."+m.Verb](a, d, raw)
		if err == nil {
			resp = answer.(*Resp)
		}
		return err
	})
	return resp, err
}

// must is do for what has to succeed.
func must[Req, Resp any](h *house, by string, m api.Method[Req, Resp], r Req) *Resp {
	h.Helper()
	resp, err := do(h, by, m, r)
	if err != nil {
		h.Fatalf("%s.%s by %s: %v", m.Noun, m.Verb, by, err)
	}
	return resp
}

// refused is do for what has to be refused with a reason.
func refused[Req, Resp any](h *house, by string, m api.Method[Req, Resp], r Req, reason string) {
	h.Helper()
	before := h.state()
	if _, err := do(h, by, m, r); api.ReasonOf(err) != reason {
		h.Fatalf("%s.%s by %s: %v, want %s", m.Noun, m.Verb, by, err, reason)
	}
	if after := h.state(); after != before {
		h.Fatalf("%s.%s by %s was refused and has changed something", m.Noun, m.Verb, by)
	}
}

// pass lets time go on, with the timers that are due.
func (h *house) pass(d time.Duration) {
	h.Helper()
	until := h.now.Add(d)
	for {
		first := ""
		for id, at := range h.timers {
			if !at.After(until) && (first == "" || at.Before(h.timers[first]) || at.Equal(h.timers[first]) && id < first) {
				first = id
			}
		}
		if first == "" {
			break
		}
		if h.timers[first].After(h.now) {
			h.now = h.timers[first]
		}
		delete(h.timers, first)
		if id, ok := strings.CutPrefix(first, "auction/"); ok {
			if err := h.alone("", func(a *act.Act, d *auction.Draft) error { return auction.Timer(a, d, id) }); err != nil {
				h.Fatal(err)
			}
		}
	}
	if h.now = until; h.twin != nil {
		h.twin.pass(d)
	}
}

// solve runs the effects that wait.
func (h *house) solve() {
	h.Helper()
	for len(h.effects) > 0 {
		e := h.effects[0]
		h.effects = h.effects[1:]
		body, err := auction.Solve(e.Body)
		if err != nil {
			h.Fatal(err)
		}
		h.brings(e, body)
	}
}

// brings is the outcome of an effect.
func (h *house) brings(e engine.Effect, body []byte) {
	h.Helper()
	id := strings.TrimPrefix(e.ID, e.Kind+"/")
	if err := h.command("", func(a *act.Act, d *auction.Draft) error { return auction.Outcome(a, d, "solve", id, body) }); err != nil {
		h.Fatal(err)
	}
}

func (h *house) state() string {
	h.Helper()
	raw, err := codec.Marshal([]any{h.ledger, h.reputation, h.contracts, h.auctions})
	if err != nil {
		h.Fatal(err)
	}
	return string(raw)
}

func (h *house) get(id string) *api.Auction {
	h.Helper()
	x, err := h.auctions.Get(id)
	if err != nil {
		h.Fatal(err)
	}
	return x.View(h.now)
}

// balance is what is available of credit.
func (h *house) balance(who string) api.Micro {
	available, _ := h.ledger.Draft().Balance(api.Account(who, "", ""))
	return available
}

func (h *house) gpus(who string) api.Micro {
	available, _ := h.ledger.Draft().Balance(api.Account(who, "", "gpu"))
	return available
}

// sound checks what must be so at any time, and what must be so of every auction that has ended.
func (h *house) sound() {
	h.Helper()
	if err := h.ledger.Audit(); err != nil {
		h.Fatal(err)
	}
	escrow := map[string]bool{}
	for _, c := range h.contracts.Contracts {
		escrow[c.Hold] = true
	}
	for id := range h.ledger.Holds {
		name, _, _ := strings.Cut(strings.TrimPrefix(id, "auction/"), "/")
		if x, err := h.auctions.Get(name); err == nil && x.State.Ended() && !escrow[id] {
			h.Fatalf("%s is held for auction %s, which is %s", id, name, x.State)
		}
	}
}

func price(n int64) *api.Micro {
	m := api.Micro(n) * unit
	return &m
}

func bidding(id string, n int64) api.AuctionBidRequest {
	return api.AuctionBidRequest{Auction: id, Price: price(n)}
}

// tests run with a house of their own.
func newHouse(t *testing.T) *house { return open(t, "owner", "a", "b", "c", "d") }

var why = ledger.Why{Kind: "test"}
