package market

import (
	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
)

// Draft is what one command does to markets. A book is not copied: a command makes at most one change of it, which Apply applies, and
// until then the book is as it was.
type Draft struct {
	state   *State
	markets draft.Draft[*Market]
	books   []bookChange
	past    Past
}

type bookChange struct {
	market string
	change orderbook.Change
	opened bool
	closed bool
}

// Draft returns a draft without changes.
func (s *State) Draft() *Draft { return &Draft{state: s, markets: draft.Of(s.Markets), past: s.Past} }

// Apply writes the changes into the state. The draft is over then.
func (d *Draft) Apply() {
	d.markets.Apply()
	for i := range d.books {
		switch b := &d.books[i]; {
		case b.opened:
			d.state.Books[b.market] = orderbook.New()
		case b.closed:
			delete(d.state.Books, b.market)
		default:
			d.state.Books[b.market].Apply(b.change)
		}
	}
	d.state.Past = d.past
	d.books = nil
}

// change sets the one change of a book.
func (d *Draft) change(b bookChange) {
	if d.changed(b.market) {
		panic("market: a command changes a book twice")
	}
	d.books = append(d.books, b)
}

func (d *Draft) changed(id string) bool {
	for i := range d.books {
		if d.books[i].market == id {
			return true
		}
	}
	return false
}

// edit returns a market to change: not_found (market_not_found).
func (d *Draft) edit(id string) (*Market, error) {
	m, ok := d.markets.Edit(id)
	if !ok {
		return nil, NotFound(id)
	}
	return m, nil
}

// open returns a market that trades, to change: market_not_found, failed_precondition (market_closed).
func (d *Draft) open(a *act.Act, id string) (*Market, error) {
	m, err := d.edit(id)
	if err == nil && (m.State != api.MarketOpen || !m.ClosesAt.IsZero() && !a.Time.Before(m.ClosesAt)) {
		err = Closed(id)
	}
	return m, err
}

// NotFound says that there is no such market: not_found (market_not_found).
func NotFound(id string) error {
	return api.Errorf(api.NotFound, "there is no market %.100s", id).WithReason(api.ReasonMarketNotFound).WithFields("market")
}

// Closed says that the market trades no more: failed_precondition (market_closed).
func Closed(id string) error {
	return api.Errorf(api.FailedPrecondition, "market %.100s is closed", id).WithReason(api.ReasonMarketClosed)
}

// step ends every rule that changes a market: a new version, a step of its transcript, and whoever waits is woken.
func step(a *act.Act, m *Market, what string, body any) error {
	m.Version++
	a.Changed(Entity(m.Spec.ID))
	_, err := a.Step(&m.Log, Entity(m.Spec.ID), what, a.Principal, body)
	return err
}

// owns refuses whoever is not the market's owner, or an operator: permission_denied (not_market_owner).
func owns(a *act.Act, m *Market) error {
	if err := a.NeedPrincipal(); err != nil {
		return err
	}
	if a.Principal != m.Owner && !a.Operator {
		return api.Errorf(api.PermissionDenied, "market %s belongs to %s", m.Spec.ID, m.Owner).WithReason(api.ReasonNotMarketOwner)
	}
	return nil
}

// Logs returns the transcript of a market, to change, or nil.
func Logs(d *Draft, id string) *transcript.Log {
	if m, ok := d.markets.Edit(id); ok {
		return &m.Log
	}
	return nil
}

// Record returns what the archive keeps of a market: itself, without its steps, which have a place of their own, or nil.
func Record(d *Draft, id string) any {
	m, ok := d.markets.Get(id)
	if !ok {
		return nil
	}
	m = m.Clone()
	m.Log.Recent = nil
	return m
}

// Drop removes a market that is archived.
func Drop(d *Draft, id string) {
	m, ok := d.markets.Get(id)
	if !ok {
		return
	}
	d.past.Markets++
	d.past.Orders += m.Orders
	d.past.Trades += m.Trades
	d.past.Value = sum(d.past.Value, m.Value)
	d.past.Fees = sum(d.past.Fees, m.Fees)
	d.markets.Delete(id)
}

// Stats counts, in all or with an id of one market: market_not_found.
func (s *State) Stats(id string) (*api.MarketsStatsResponse, error) {
	out := &api.MarketsStatsResponse{}
	count := func(id string, m *Market) {
		out.Markets++
		if m.State == api.MarketOpen {
			out.Open++
		}
		out.Orders += m.Orders
		out.Trades += m.Trades
		out.Value = sum(out.Value, m.Value)
		out.Fees = sum(out.Fees, m.Fees)
		if b, ok := s.Books[id]; ok {
			out.OpenOrders += b.Len()
		}
	}
	if id != "" {
		m, ok := s.Markets[id]
		if !ok {
			return nil, NotFound(id)
		}
		count(id, m)
		return out, nil
	}
	p := &s.Past
	out.Archived, out.Orders, out.Trades, out.Value, out.Fees = p.Markets, p.Orders, p.Trades, p.Value, p.Fees
	for id, m := range s.Markets { // sums do not depend on the order
		count(id, m)
	}
	return out, nil
}
