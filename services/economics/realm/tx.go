package realm

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/bazaar"
	"github.com/mabus-project/mabus/services/economics/market"
	"github.com/mabus-project/mabus/services/economics/risk"
	"github.com/mabus-project/mabus/services/economics/tender"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// tx is one command on drafts of all that it may change. Drafts of parts are made when they are asked for.
type tx struct {
	act.Act
	state   *State
	call    act.Call
	seq     uint64
	gone    string // the entity that leaves the state
	changed []string

	auctions *auction.Draft
	tenders  *tender.Draft
	bazaars  *bazaar.Draft
	markets  *market.Draft
	risk     *risk.Draft
}

func begin(s *State, c *engine.Command) *tx {
	call := act.ParseCall(c.Key)
	t := &tx{state: s, call: call, seq: c.Seq, Act: act.Act{
		Time: c.Time, Principal: c.Principal, Operator: call.Operator, ID: call.ID, Taken: call.Taken,
		Order:  c.Seq<<orderBits | uint64(c.Index)&(1<<orderBits-1),
		Ledger: s.Ledger.Draft(), Reputation: s.Reputation.Draft(), Contracts: s.Contracts.Draft(),
	}}
	if c.Kind == engine.KindTimer || c.Kind == engine.KindOutcome {
		t.Principal, t.Operator, t.Taken, t.ID = "", false, false, derived(c)
	}
	t.Ledger.Now = c.Time
	return t
}

// orderBits are those of a command's index within its entry.
const orderBits = 11

// derived is an id for what the machine does by itself, where there is nobody to choose one: made from the place in the log.
func derived(c *engine.Command) string {
	buf := binary.BigEndian.AppendUint64([]byte("place "), c.Seq)
	buf = binary.BigEndian.AppendUint64(buf, uint64(c.Index))
	sum := sha256.Sum256(append(buf, c.Key...))
	return hex.EncodeToString(sum[:16])
}

func (t *tx) auction() *auction.Draft {
	if t.auctions == nil {
		t.auctions = t.state.Auctions.Draft()
	}
	return t.auctions
}

func (t *tx) tender() *tender.Draft {
	if t.tenders == nil {
		t.tenders = t.state.Tenders.Draft()
	}
	return t.tenders
}

func (t *tx) bazaar() *bazaar.Draft {
	if t.bazaars == nil {
		t.bazaars = t.state.Bazaars.Draft()
	}
	return t.bazaars
}

func (t *tx) market() *market.Draft {
	if t.markets == nil {
		t.markets = t.state.Markets.Draft()
	}
	return t.markets
}

func (t *tx) risks() *risk.Draft {
	if t.risk == nil {
		t.risk = t.state.Risk.Draft()
		t.risk.Figures = t.state.figures
	}
	return t.risk
}

// figures are what breakers watch that stands elsewhere than with the risks: how contracts have ended, and the last prices on markets.
func (s *State) figures() risk.Figures {
	c := s.Contracts.Stats()
	f := risk.Figures{Breached: c.Breached, Ended: c.Breached + c.Fulfilled}
	for _, id := range s.Markets.Markets.IDs() {
		if m := s.Markets.Markets[id]; m.LastPrice > 0 {
			f.Prices = append(f.Prices, risk.Price{Market: id, Price: m.LastPrice})
		}
	}
	return f
}

// apply makes all of it so.
func (t *tx) apply() {
	t.Ledger.Apply()
	t.Reputation.Apply()
	t.Contracts.Apply()
	if t.auctions != nil {
		t.auctions.Apply()
	}
	if t.tenders != nil {
		t.tenders.Apply()
	}
	if t.bazaars != nil {
		t.bazaars.Apply()
	}
	if t.markets != nil {
		t.markets.Apply()
	}
	if t.risk != nil {
		t.risk.Apply()
	}
	if t.gone != "" {
		t.state.Gone.add(t.gone, t.seq)
	}
}

// carryOut finds the rule of a command, and what it answers.
func (t *tx) carryOut(c *engine.Command) (any, error) {
	switch c.Kind {
	case engine.KindTimer:
		if p, key := t.part(c.Key); p != nil && p.timer != nil {
			return nil, p.timer(t, key)
		}
		return nil, nil
	case engine.KindOutcome:
		return nil, t.outcome(c)
	}
	command := commands[c.Kind]
	if command == nil {
		return nil, api.Errorf(api.Unimplemented, "there is no command %.80q", c.Kind)
	}
	if err := t.state.Risk.Refuses(&t.Act, c.Kind, c.Body); err != nil {
		return nil, err
	}
	gone, err := t.state.Gone.since(&t.call)
	if err != nil {
		return nil, err
	}
	t.Taken = t.Taken || gone
	return command(t, c.Body)
}

func number(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}
