package economysim

import (
	"bytes"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// machine is the machine as a replica has it: with the bug.
func (w *world) machine(replica int) engine.Machine[*realm.State] {
	m := realm.Machine()
	if w.bug == NoBug {
		return m
	}
	s := &spoiler{bug: w.bug, replica: replica, rules: m.Rules[1]}
	m.Rules = map[int]engine.Rules[*realm.State]{1: {Decide: s.decide, Evolve: s.evolve}}
	if encode := m.Encode; w.bug == LostBids {
		m.Encode = func(s *realm.State) ([]byte, error) {
			less := *s
			auctions := *s.Auctions
			auctions.Bids = draft.Table[*auction.Bid]{}
			less.Auctions = &auctions
			return encode(&less)
		}
	}
	return m
}

// spoiler is between the engine and the machine.
type spoiler struct {
	bug     Bug
	replica int
	rules   engine.Rules[*realm.State]
	command engine.Command // that was decided last
	reopen  string         // the auction whose timer has fired
}

func (p *spoiler) decide(s *realm.State, c engine.Command) engine.Decision {
	p.reopen = ""
	switch p.bug {
	case WrongAccount:
		if c.Kind == "holds.capture" {
			for _, p := range people {
				c.Body = bytes.ReplaceAll(c.Body, []byte(`"to":"`+p), []byte(`"to":"eve`))
			}
		}
	case AnybodyMints:
		if c.Kind == "accounts.mint" {
			call := act.ParseCall(c.Key)
			call.Operator = true
			c.Key = call.String()
		}
	case LateBid:
		if c.Kind == "auctions.bid" {
			c.Time = c.Time.Add(-10 * time.Second)
		}
	case LatestTie:
		turnTies(s)
	}
	d := p.rules.Decide(s, c)
	p.command = c
	id, timer := strings.CutPrefix(c.Key, "auction/")
	timer = timer && c.Kind == engine.KindTimer && !strings.Contains(id, "/")
	switch x := s.Auctions.Auctions[id]; {
	case p.bug == ClosedTwice && timer && x != nil && x.State == api.AuctionOpen && d.Err == nil:
		p.reopen = id
		d.Timers = append(d.Timers, engine.Timer{ID: c.Key, At: c.Time.Add(time.Second)})
	case p.bug == LostTimer && c.Kind == "auctions.create" && c.Seq%2 == 0:
		d.Timers = nil
	}
	return d
}

func (p *spoiler) evolve(s *realm.State, event any) {
	holds := map[string]*ledger.Hold{}
	before := map[string]uint64{}
	for id, h := range s.Ledger.Holds {
		holds[id] = h
	}
	for id, a := range s.Ledger.Accounts {
		before[id] = a.Count
	}
	p.rules.Evolve(s, event)
	switch p.bug {
	case ForgottenRelease:
		for _, id := range s.Auctions.Auctions.IDs() {
			if s.Auctions.Auctions[id].State.Ended() {
				keep(s.Ledger, holds, auction.Entity(id)+"/")
			}
		}
	case FeeTwice:
		again(s.Ledger, before, "auction/", auction.PayFee, 0)
	case SettledTwice:
		again(s.Ledger, before, "auction/", auction.PaySettlement, 0)
	case WorkPaidTwice:
		again(s.Ledger, before, "contract/", "settlement", 0)
	case TradeTwice:
		again(s.Ledger, before, "market/", "trade", 0)
	case OneRoundsUp:
		if p.replica == 1 {
			again(s.Ledger, before, "auction/", auction.PayFee, 1)
		}
	case ClosedTwice:
		if x := s.Auctions.Auctions[p.reopen]; x != nil && x.State.Ended() {
			c := x.Clone()
			c.State, c.EndedAt = api.AuctionOpen, time.Time{}
			s.Auctions.Auctions[p.reopen] = c
		}
	case LostStep:
		if p.command.Kind == "auctions.bid" && p.command.Seq%8 == 0 {
			lose(s)
		}
	}
}

// keep has a hold that was released stay.
func keep(l *ledger.State, before map[string]*ledger.Hold, prefix string) {
	for id, h := range before {
		if a := l.Accounts[string(h.Account)]; l.Holds[id] == nil && strings.HasPrefix(id, prefix) && a.Available >= h.Amount {
			c := a.Clone()
			c.Available -= h.Amount
			c.Held += h.Amount
			l.Accounts[string(h.Account)], l.Holds[id] = c, h
		}
	}
}

// again makes the new payments of a kind for some entities once more; of a part of it if that is given.
func again(l *ledger.State, before map[string]uint64, entities, kind string, part api.Micro) {
	d := l.Draft()
	for _, id := range l.Accounts.IDs() {
		for _, e := range l.Accounts[id].Recent {
			if e.Number <= before[id] || e.Kind != kind || e.Amount < 0 || !strings.HasPrefix(e.Ref, entities) {
				continue
			}
			amount := e.Amount
			if part > 0 {
				amount = part
			}
			d.Now = e.At
			_ = d.Transfer(e.Counter, api.AccountID(id), amount, ledger.Why{Kind: kind, Ref: e.Ref}) // as far as there is money
		}
	}
	d.Apply()
}

// turnTies gives equal sealed bids each other's place.
func turnTies(s *realm.State) {
	for _, id := range s.Auctions.Auctions.IDs() {
		x := s.Auctions.Auctions[id]
		if !x.Terms.Type.Sealed() || x.State != api.AuctionOpen {
			continue
		}
		for i, who := range x.Bidders {
			for _, other := range x.Bidders[:i] {
				a, b := s.Auctions.Bids[id+"/"+other], s.Auctions.Bids[id+"/"+who]
				if a.Price == b.Price && a.Number < b.Number {
					a.Number, b.Number = b.Number, a.Number
				}
			}
		}
	}
}

// lose forgets the last step of an auction that has several.
func lose(s *realm.State) {
	for _, id := range s.Auctions.Auctions.IDs() {
		if x := s.Auctions.Auctions[id]; x.Log.Count > 2 && !x.State.Ended() {
			c := x.Clone()
			c.Log.Count--
			c.Log.Recent = c.Log.Recent[:len(c.Log.Recent)-1]
			s.Auctions.Auctions[id] = c
			return
		}
	}
}

// spoilEntry is where the bugs of the log are.
func (w *world) spoilEntry(en engine.Entry) engine.Entry {
	if w.bug != NoRepeats {
		return en
	}
	b, err := engine.ParseBatch(en.Data)
	if err != nil {
		return en
	}
	for i := range b.Commands {
		b.Commands[i].ID = ""
	}
	en.Data = b.Append(nil)
	return en
}
