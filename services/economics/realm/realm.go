// Package realm holds the pure rules of everything that the replicas of the economics service agree on, as one machine on one log: because
// money moves in each of its parts, and a settlement changes the ledger, a contract and a reputation in one command.
package realm

import (
	"fmt"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/bazaar"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/market"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/services/economics/risk"
	"github.com/mabus-project/mabus/services/economics/tender"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// State is the machine's.
type State struct {
	Ledger     *ledger.State     `json:"ledger"`
	Reputation *reputation.State `json:"reputation"`
	Contracts  *contract.State   `json:"contracts"`
	Auctions   *auction.State    `json:"auctions"`
	Tenders    *tender.State     `json:"tenders"`
	Bazaars    *bazaar.State     `json:"bazaars"`
	Markets    *market.State     `json:"markets"`
	Risk       *risk.State       `json:"risk"`
	Gone       Gone              `json:"gone,omitzero"`
}

// New returns the state before the first entry.
func New() *State {
	return &State{
		Ledger: ledger.New(), Reputation: reputation.New(), Contracts: contract.New(),
		Auctions: auction.New(),
		Tenders:  tender.New(),
		Bazaars:  bazaar.New(),
		Markets:  market.New(),
		Risk:     risk.New(),
	}
}

// Machine returns the machine, in the versions of its rules that there are.
func Machine() engine.Machine[*State] {
	return engine.Machine[*State]{
		Name:   "economics",
		New:    New,
		Encode: func(s *State) ([]byte, error) { return codec.Marshal(s) },
		Decode: decode,
		Freeze: freeze,
		Rules:  map[int]engine.Rules[*State]{1: {Decide: decide, Evolve: func(_ *State, event any) { event.(*tx).apply() }}},
	}
}

func decode(data []byte) (*State, error) {
	s := New()
	if err := codec.Read(data, s); err != nil {
		return nil, err
	}
	if err := s.Ledger.Audit(); err != nil {
		return nil, fmt.Errorf("the ledger that is read: %w", err)
	}
	return s, nil
}

// decide carries out a command on drafts. They are the one event of the decision.
func decide(s *State, c engine.Command) engine.Decision {
	d, err := begin(s, &c).decision(&c)
	switch {
	case err == nil:
		return d
	case c.Kind == engine.KindTimer: // nobody else would come back to it
		return engine.Decision{Timers: []engine.Timer{{ID: c.Key, At: c.Time.Add(timerRetry)}}}
	}
	return refused(err)
}

// decision is what a command comes to, once the ledger is proven to balance.
func (t *tx) decision(c *engine.Command) (d engine.Decision, err error) {
	answer, err := t.carryOut(c)
	if err != nil {
		return d, err
	}
	if err := t.Ledger.Check(); err != nil { // no rule may ever do this: the command is answered as internal, and nothing happens
		panic(fmt.Sprintf("%s would unbalance the ledger: %v", c.Kind, err))
	}
	for _, p := range t.Ledger.Postings() {
		t.Changed(string(p.From))
		t.Changed(string(p.To))
	}
	for _, agent := range t.Reputation.Changed() {
		t.Changed("reputation/" + agent)
	}
	for i := range t.Ledger.Pages() {
		p := &t.Ledger.Pages()[i]
		t.RunRaw(LedgerPageEffect, p.ID(), p.Sealed())
	}
	if t.changed, d.Effects, d.Timers, err = t.Outside(); err != nil {
		return d, err
	}
	d.Timers = append(d.Timers, t.Ledger.Timers()...)
	if answer != nil {
		if d.Answer, err = codec.Marshal(answer); err != nil {
			return d, err
		}
	}
	d.Events = []any{t}
	return d, nil
}

// timerRetry is when a timer comes back whose work was refused, for example because there was no room for another account.
const timerRetry = time.Minute

// LedgerPageEffect is the kind of effect that archives a page of an account's entries: its body is a ledger.Page, sealed.
const LedgerPageEffect = "ledger.page"

func refused(err error) engine.Decision {
	e := api.AsError(err)
	if e == nil {
		e = api.Errorf(api.Invalid, "%s", err)
	}
	return engine.Decision{Err: e}
}

// Changed returns the entities that an event of the machine has changed.
func Changed(event any) []string {
	if t, ok := event.(*tx); ok {
		return t.changed
	}
	return nil
}

// Opened returns the entities that are new by an event of the machine, "<domain>/<id>", and who has asked for them, if anybody has.
func Opened(event any) (entities []string, by string) {
	if t, ok := event.(*tx); ok {
		return t.New(), t.Principal
	}
	return nil, ""
}

// Record returns what the archive keeps of an entity, or nil if there is none.
func Record(s *State, entity string) any {
	t := begin(s, &engine.Command{})
	if p, id := t.part(entity); p != nil && p.record != nil {
		return p.record(t, id)
	}
	return nil
}

// Log returns the transcript of an entity, to read, or nil.
func Log(s *State, entity string) *transcript.Log {
	t := begin(s, &engine.Command{})
	if p, id := t.part(entity); p != nil && p.log != nil {
		return p.log(t, id)
	}
	return nil
}

// part finds the part that an entity, a timer or an effect belongs to.
func (t *tx) part(name string) (p *part, rest string) {
	domain, rest, _ := strings.Cut(name, "/")
	return parts[domain], rest
}

// outcome is what an effect has brought.
func (t *tx) outcome(c *engine.Command) error {
	kind, rest, _ := strings.Cut(c.Key, "/")
	switch kind {
	case act.SaveEffect:
		if p, id := t.part(rest); p != nil && p.drop != nil {
			p.drop(t, id)
			t.gone = rest
		}
		return nil
	case act.PageEffect:
		i := strings.LastIndexByte(rest, '/')
		from, ok := number(rest[i+1:])
		if i < 0 || !ok {
			return nil
		}
		if p, id := t.part(rest[:i]); p != nil && p.log != nil {
			if l := p.log(t, id); l != nil {
				l.StoredPage(from)
			}
		}
		return nil
	}
	domain, what, _ := strings.Cut(kind, ".")
	if p := parts[domain]; p != nil && p.outcome != nil {
		return p.outcome(t, what, rest, c.Body)
	}
	return nil
}
