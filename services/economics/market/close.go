package market

import (
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
)

// releaseOrders is how many orders one command takes out of the book of a market that closes, so that others are not kept waiting.
const releaseOrders = 1000

func closeNow(a *act.Act, d *Draft, r *api.MarketIDRequest) (*api.Market, error) {
	m, err := d.edit(r.ID)
	if err != nil {
		return nil, err
	}
	if err := owns(a, m); err != nil {
		return nil, err
	}
	if m.State == api.MarketOpen {
		err = d.close(a, m)
	}
	if err != nil {
		return nil, err
	}
	return d.view(m), nil
}

// close ends the trade: a market that is cleared is cleared a last time, then the orders are released.
func (d *Draft) close(a *act.Act, m *Market) error {
	id := m.Spec.ID
	if m.Spec.Duration > 0 {
		a.At(Entity(id)+"/close", time.Time{})
	}
	if m.Spec.ClearEvery > 0 {
		a.At(Entity(id)+"/clear", time.Time{})
		m.ClearsAt = time.Time{}
	}
	m.EndedAt = a.Time
	if m.Maker != nil {
		m.State = api.MarketClosed
		return step(a, m, StepClosed, Closing{})
	}
	if m.Spec.Type != api.MarketContinuous {
		if _, err := d.clear(a, m); err != nil && api.ReasonOf(err) != api.ReasonNoEquilibrium {
			return err
		}
	}
	m.State = api.MarketClosing
	if err := step(a, m, StepClosed, Closing{}); err != nil {
		return err
	}
	return d.release(a, m)
}

// release gives back what resting orders hold, as many as fit into a command, and ends the market after the last.
func (d *Draft) release(a *act.Act, m *Market) error {
	id := m.Spec.ID
	book := d.state.Books[id]
	if d.changed(id) { // by the last clearing
		a.At(Entity(id)+"/release", a.Time)
		return nil
	}
	orders := book.First(releaseOrders)
	for _, o := range orders {
		a.Ledger.Release(orderHold(id, o.Number))
	}
	if len(orders) < book.Len() {
		all := make([]orderbook.Fill, len(orders))
		for i, o := range orders {
			all[i] = orderbook.Fill{Maker: o, Quantity: o.Quantity}
		}
		c, err := book.Take(all)
		if err != nil {
			return err
		}
		d.change(bookChange{market: id, change: c})
		a.At(Entity(id)+"/release", a.Time)
		return nil
	}
	d.change(bookChange{market: id, closed: true})
	m.State = api.MarketClosed
	m.Version++
	a.Ended(Entity(id))
	return nil
}

// stepsOfTimer is more than a timer ever adds to a transcript: while there is no room for them, it waits until steps are archived.
const stepsOfTimer = 64

// Timer clears and closes markets when it is time to, and goes on with what one command has not finished.
func Timer(a *act.Act, d *Draft, key string) error {
	id, what, _ := strings.Cut(key, "/")
	m, ok := d.markets.Edit(id)
	if !ok {
		return nil
	}
	if len(m.Log.Recent) > transcript.MaxRecent-stepsOfTimer {
		a.At(Entity(id)+"/"+what, a.Time.Add(time.Second))
		return nil
	}
	switch {
	case what == "close" && m.State == api.MarketOpen:
		return d.close(a, m)
	case what == "clear" && m.State == api.MarketOpen:
		if !tradable(d.state.Books[id]) { // the next order sets the clock again: thousands of idle markets cost nothing
			m.ClearsAt = time.Time{}
			break
		}
		m.ClearsAt = a.Time.Add(m.Spec.ClearEvery.Std())
		a.At(Entity(id)+"/clear", m.ClearsAt)
		if _, err := d.clear(a, m); err != nil && api.ReasonOf(err) != api.ReasonNoEquilibrium {
			return err
		}
		a.Changed(Entity(id))
	case what == "release" && m.State == api.MarketClosing:
		return d.release(a, m)
	case what == "pay" && m.Maker != nil && m.Maker.Payouts != nil:
		return d.pay(a, m)
	}
	return nil
}
