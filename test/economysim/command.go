package economysim

import (
	"fmt"
	"strconv"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// command draws a command of a script's line, of somebody.
func (w *world) command() engine.Command {
	d := &w.drawer
	n := d.IntN(weights)
	i := 0
	for ; n >= script[i].weight; i++ {
		n -= script[i].weight
	}
	l := script[i]
	d.parties = nil
	d.state, d.bad = w.judge.e.State(), d.IntN(25) == 0
	d.by = one(d, people...)
	if l.by != "" && d.IntN(20) != 0 {
		d.by = l.by
	}
	c := engine.Command{Kind: l.kind, Principal: d.by}
	switch l.kind {
	case "auctions.bid":
		c.Body = w.bid()
	case "auctions.reveal":
		c.Body = w.reveal(&c)
	default:
		c.Body = []byte(d.fill(l.body))
		if len(d.parties) > 0 && l.by == "" && !strangers[l.kind] && d.IntN(4) != 0 {
			c.Principal = one(d, d.parties...)
		}
	}
	if d.IntN(50) == 0 {
		c.Principal = ""
	}
	w.calls++
	c.Key = w.call(&c, fmt.Sprintf("id%06d", w.calls))
	return c
}

// strangers are the commands for which one comes from outside: whoever owns the entity may not, or need not be asked.
var strangers = map[string]bool{
	"tenders.bid": true, "bazaars.list_service": true, "bazaars.request_service": true, "markets.order": true, "markets.trade": true,
	"policies.buy": true, "auctions.withdraw": true,
}

// call is what a replica says of a request, each time that it is made.
func (w *world) call(c *engine.Command, id string) string {
	call := act.Call{ID: id, Operator: c.Principal == operator}
	if prefix := creates[c.Kind]; prefix != "" {
		var named struct {
			ID string `json:"id"`
		}
		if codec.Read(c.Body, &named) == nil {
			entity := prefix + named.ID
			call.Taken = realm.Record(w.judge.e.State(), entity) != nil || w.archive[entity]
		}
	}
	return call.String()
}

// creates are the commands for which state and archive are asked whether they have the id.
var creates = map[string]string{"auctions.create": "auction/", "tenders.announce": "tender/", "bazaars.create": "bazaar/", "markets.create": "market/"}

// secret is what opens a commitment.
type secret struct {
	price api.Micro
	salt  string
}

// bid draws a bid as the auction takes it.
func (w *world) bid() []byte {
	d := &w.drawer
	open := draft.Table[*auction.Auction]{}
	for _, id := range d.state.Auctions.Auctions.IDs() {
		x := d.state.Auctions.Auctions[id]
		if x.State == api.AuctionOpen && x.Owner != d.by || d.IntN(10) == 0 {
			open[id] = x
		}
	}
	id := existing(d, open)
	x := open[id]
	if x == nil {
		return []byte(d.fill(`{"auction":$auction,"price":$money}`))
	}
	body := `{"auction":` + quote(id)
	switch {
	case x.Terms.Reveal > 0:
		s := secret{api.Micro(1+d.IntN(6)) * unit, "salt of " + strconv.Itoa(w.calls) + " and more"}
		w.secrets[id+"/"+d.by] = s
		return []byte(body + `,"commitment":` + quote(api.SealBid(id, d.by, s.price, 1, s.salt)) + `,"deposit":"8000000"}`)
	case x.Terms.Type == api.AuctionEnglish:
		next := max(x.Lead.Price, x.Terms.Reserve) + api.Micro(d.IntN(3*unit))
		body += `,"price":` + quote(next.String())
		if d.IntN(3) == 0 {
			body += `,"max":` + quote((next + api.Micro(d.IntN(4*unit))).String())
		}
	case x.Terms.Type == api.AuctionDutch:
	case x.Terms.Type == api.AuctionDouble:
		body += `,"side":$side,"price":$money,"quantity":$units`
	case x.Terms.Type == api.AuctionUniform:
		body += `,"price":$money,"quantity":1`
	case x.Terms.Type == api.AuctionCombinatorial:
		body += `,"price":$money,"items":` + one(d, `["p"]`, `["q"]`, `["p","q"]`, `["q","r"]`, `["p","q","r"]`)
	case x.Terms.Type == api.AuctionMultiTrait:
		body += `,"price":$money,"attributes":[{"name":"speed","value":$share}]`
	default:
		body += `,"price":$money`
	}
	return []byte(d.fill(body + "}"))
}

// reveal opens a commitment in an auction that reveals, as whoever made it.
func (w *world) reveal(c *engine.Command) []byte {
	d := &w.drawer
	for _, id := range d.state.Auctions.Auctions.IDs() {
		x := d.state.Auctions.Auctions[id]
		if x.State != api.AuctionClosing || x.Terms.Reveal == 0 {
			continue
		}
		for _, who := range x.Bidders {
			s, ok := w.secrets[id+"/"+who]
			if b := d.state.Auctions.Bids[id+"/"+who]; !ok || b == nil || b.State != api.BidCommitted || d.IntN(3) == 0 {
				continue
			}
			c.Principal = who
			return fmt.Appendf(nil, `{"auction":%q,"price":%q,"salt":%q}`, id, s.price, s.salt)
		}
	}
	return []byte(d.fill(`{"auction":$auction,"price":$money,"salt":"too short"}`))
}

// outcome draws what an effect brings: what its runner would return, and now and then something worse.
func (w *world) outcome(f engine.Effect) []byte {
	if w.drawer.IntN(12) == 0 {
		return []byte(one(&w.drawer, `{}`, `"garbage"`, `{"failed":"out of memory"}`, `{"solution":{"welfare":"5"}}`, `{"error":"no such task"}`, `[1`))
	}
	switch f.Kind {
	case auction.SolveEffect:
		body, err := auction.Solve(f.Body)
		if err != nil {
			w.fail("effect %s: %w", f.ID, err)
		}
		return body
	case "tender.execute", "tender.check":
		return []byte(one(&w.drawer, `{"status":"succeeded","result":1}`, `{"status":"running"}`, `{"status":"failed","error":"boom"}`))
	}
	return []byte("{}")
}
