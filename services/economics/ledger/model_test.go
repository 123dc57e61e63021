package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// purse is the ledger as somebody would do it who trusts himself: balances that are added to and taken from.
type purse struct {
	has, held map[api.AccountID]int64
	holds     map[string]hold
	issued    map[string]int64
}

type hold struct {
	from   api.AccountID
	amount int64
}

func (p *purse) clone() *purse {
	return &purse{maps.Clone(p.has), maps.Clone(p.held), maps.Clone(p.holds), maps.Clone(p.issued)}
}

// do does one operation, or says that it cannot be done.
func (p *purse) do(op, id string, from, to api.AccountID, n int64) bool {
	good := n > 0 && n <= api.MaxAmount
	h, open := p.holds[id]
	switch op {
	case "transfer":
		if !good || from.Asset() != to.Asset() || p.has[from] < n {
			return false
		}
		p.has[from] -= n
		p.has[to] += n
	case "issue":
		if !good || p.issued[to.Asset()] > api.MaxSupply-n {
			return false
		}
		p.issued[to.Asset()] += n
		p.has[to] += n
	case "redeem":
		if !good || p.has[from] < n {
			return false
		}
		p.issued[from.Asset()] -= n
		p.has[from] -= n
	case "hold":
		if !good || open || p.has[from] < n {
			return false
		}
		p.has[from] -= n
		p.held[from] += n
		p.holds[id] = hold{from, n}
	case "resize":
		if n < 0 || n > api.MaxAmount || !open || p.has[h.from] < n-h.amount {
			return false
		}
		p.set(id, h, n)
	case "release":
		if open {
			p.set(id, h, 0)
		}
	case "capture":
		if !good || !open || h.amount < n || h.from.Asset() != to.Asset() {
			return false
		}
		p.set(id, h, h.amount-n)
		p.has[h.from] -= n
		p.has[to] += n
	}
	return true
}

func (p *purse) set(id string, h hold, n int64) {
	p.has[h.from] -= n - h.amount
	p.held[h.from] += n - h.amount
	p.holds[id] = hold{h.from, n}
	if n == 0 {
		delete(p.holds, id)
	}
}

func carryOut(d *ledger.Draft, op, id string, from, to api.AccountID, n api.Micro) error {
	switch op {
	case "transfer":
		return d.Transfer(from, to, n, why)
	case "issue":
		return d.Issue(to, n, why)
	case "redeem":
		return d.Redeem(from, n, why)
	case "hold":
		return d.Hold(id, from, n, why)
	case "resize":
		return d.Resize(id, n)
	case "release":
		d.Release(id)
	case "capture":
		return d.Capture(id, to, n, why)
	}
	return nil
}

// Whatever is done, also by commands of several steps that are refused half-way, accounts have what the model has, and every unit is
// where it was issued to or moved to.
func TestNoUnitIsLostOrDoubled(t *testing.T) {
	ids := []string{"auction/1/a", "auction/1/b", "order/2", "x"}
	accounts := []api.AccountID{a, b, api.Account("a", "stake", ""), api.Account("mabus", "pool", ""), api.Account("a", "", "share"), api.Account("c", "", "share")}
	ops := []string{"transfer", "issue", "redeem", "hold", "hold", "resize", "release", "capture"}
	gone := errors.New("the command is refused after all")
	rapid.Check(t, func(t *rapid.T) {
		s, p := ledger.New(), &purse{map[api.AccountID]int64{}, map[api.AccountID]int64{}, map[string]hold{}, map[string]int64{}}
		amounts := rapid.OneOf(rapid.Int64Range(1, 50), rapid.SampledFrom([]int64{0, -1, math.MinInt64, math.MaxInt64, api.MaxAmount, api.MaxAmount + 1, api.MaxSupply}))
		for range rapid.IntRange(1, 30).Draw(t, "commands") {
			next := p.clone()
			err := do(t, s, start, func(d *ledger.Draft) error {
				for range rapid.IntRange(1, 6).Draw(t, "steps") {
					op, id := rapid.SampledFrom(ops).Draw(t, "op"), rapid.SampledFrom(ids).Draw(t, "id")
					from, to := rapid.SampledFrom(accounts).Draw(t, "from"), rapid.SampledFrom(accounts).Draw(t, "to")
					n := amounts.Draw(t, "n")
					want := next.clone()
					can := want.do(op, id, from, to, n)
					if err := carryOut(d, op, id, from, to, api.Micro(n)); (err == nil) != can {
						t.Fatalf("%s %s of %d from %s to %s: %v", op, id, n, from, to, err)
					}
					if can {
						next = want
					}
				}
				if rapid.IntRange(0, 4).Draw(t, "refuse") == 0 {
					return gone
				}
				return nil
			})
			if err == nil {
				p = next
			}
			for _, id := range accounts {
				has(t, s, id, api.Micro(p.has[id]), api.Micro(p.held[id]))
			}
			if len(s.Holds) != len(p.holds) {
				t.Fatalf("%d holds, want %d", len(s.Holds), len(p.holds))
			}
			if err := s.Audit(); err != nil {
				t.Fatal(err)
			}
		}
		reads(t, s)
	})
}

// reads wants that the state reads back to the byte.
func reads(t failer, s *ledger.State) {
	t.Helper()
	raw, back := encode(t, s), ledger.New()
	if err := codec.Read(raw, back); err != nil {
		t.Fatalf("%v", err)
	}
	if !bytes.Equal(raw, encode(t, back)) || back.Audit() != nil {
		t.Fatalf("the state does not read back: %s", raw)
	}
}

// Drafts that are thrown away leave no trace in what later ones write, though they share slices with the state.
func TestThrownAwayDrafts(t *testing.T) {
	s, twin := rich(t), rich(t)
	for i := range 300 {
		step := func(d *ledger.Draft) error { return d.Transfer(a, b, api.Micro(i+1), ledger.Why{Kind: fmt.Sprint(i)}) }
		_ = do(t, s, start, func(d *ledger.Draft) error {
			for range i % 4 {
				if err := d.Transfer(a, b, 7, ledger.Why{Kind: "never"}); err != nil {
					return err
				}
			}
			return errors.New("refused")
		})
		at := start.Add(time.Duration(i) * time.Second)
		for _, x := range []*ledger.State{s, twin} {
			if err := do(t, x, at, step); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !bytes.Equal(encode(t, s), encode(t, twin)) {
		t.Error("they do")
	}
}
