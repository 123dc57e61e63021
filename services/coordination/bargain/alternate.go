package bargain

import (
	"encoding/json"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
)

// offer is one that was made, with what is known of its utilities.
type offer struct {
	number    int // of the turn
	by        string
	deal      json.RawMessage
	accepted  int
	agreed    bool
	utilities map[string]api.Decimal
	parties   []string
}

// course is what has happened in a negotiation by turns.
type course struct {
	turns        int // that are over
	idle         int // of them the last ones without an offer
	offers       []offer
	reservations map[string]api.Decimal
	last         string // whose turn was the last
	counter      *offer // what is on the table next
}

// alternate goes on with alternating offers (A. Rubinstein, Perfect Equilibrium in a Bargaining Model, Econometrica 50, 1982): the
// members are in turn to make an offer, and all others respond to it. All who were asked have answered, failed or run out of time; it
// is not shortened, since a response says more than yes or no. After a refusal the first member after the proposer, in the order of the
// members, who has made a counter-offer is next with that; if none has, the member after the proposer is asked for an offer.
func (t *table) alternate() protocol.Step {
	c := t.course()
	if now := protocol.Current(t.Session); now != nil && now.Phase == PhaseOffer && c.counter != nil {
		return t.respond(c.counter)
	}
	if n := len(c.offers); n > 0 && c.offers[n-1].agreed {
		o := &c.offers[n-1]
		return t.agreed(&c, o, o.number-1, listed(c.offers))
	}
	switch {
	case c.turns >= t.params.MaxRounds:
		return t.without(api.BargainDeadline, listed(c.offers))
	case c.idle >= len(t.Members):
		return t.without(api.BargainNoOffers, listed(c.offers))
	case c.counter != nil:
		return t.respond(c.counter)
	}
	next := t.Members[0].ID
	if c.last != "" {
		next = t.after(c.last)[0]
	}
	body := api.BargainOfferAsk{Offer: c.turns + 1, MaxRounds: t.params.MaxRounds, Total: t.params.Total, Issues: t.params.Issues, MaxBytes: t.longest}
	if n := len(c.offers); n > 0 {
		body.Rejected = c.offers[n-1].deal
	}
	return round(PhaseOffer, add(nil, next, body))
}

// respond asks everybody else about an offer.
func (t *table) respond(o *offer) protocol.Step {
	body := api.BargainResponseAsk{
		Offer: o.number, MaxRounds: t.params.MaxRounds, By: o.by, Deal: o.deal, Total: t.params.Total, Issues: t.params.Issues, MaxBytes: t.longest,
	}
	var asks []protocol.Ask
	for _, m := range t.Members {
		if m.ID != o.by {
			asks = add(asks, m.ID, body)
		}
	}
	return round(PhaseResponse, asks)
}

// course reads the transcript.
func (t *table) course() course {
	c := course{reservations: map[string]api.Decimal{}}
	for m, d := range t.params.Reservations {
		c.reservations[m] = d
	}
	for i := range t.Rounds {
		if r := &t.Rounds[i]; r.Phase == PhaseOffer {
			t.offered(&c, r)
		} else {
			t.responded(&c, r)
		}
	}
	return c
}

// offered reads a turn to make an offer. One without an offer is over; one with goes on with the responses.
func (t *table) offered(c *course, r *api.SessionRound) {
	a := &r.Asks[0]
	c.last, c.counter = a.Member, nil
	said, err := t.offerOf(a.Answer)
	if a.State != api.AskAnswered || err != nil {
		said = api.BargainOfferAnswer{Pass: true}
	}
	if said.Reservation != nil {
		c.reservations[a.Member] = *said.Reservation
	}
	if said.Pass {
		c.turns++
		c.idle++
		return
	}
	c.counter = t.made(c.turns+1, a.Member, said.Offer, said.Utility)
}

// responded reads the responses to the offer that is on the table.
func (t *table) responded(c *course, r *api.SessionRound) {
	o := c.counter
	if o == nil {
		return
	}
	c.counter, c.last, c.idle = nil, o.by, 0
	c.turns++
	said := map[string]api.BargainResponse{}
	o.parties, o.agreed = []string{o.by}, true
	for i := range r.Asks {
		a := &r.Asks[i]
		response, err := t.responseOf(a.Answer)
		if a.State != api.AskAnswered || err != nil {
			o.agreed = o.agreed && t.params.Absent == api.BargainAbstain
			continue
		}
		said[a.Member] = response
		if response.Utility != nil {
			o.utilities[a.Member] = *response.Utility
		}
		if response.Reservation != nil {
			c.reservations[a.Member] = *response.Reservation
		}
		o.parties = append(o.parties, a.Member)
		if response.Response == api.BargainAccept {
			o.accepted++
		} else {
			o.agreed = false
		}
	}
	o.agreed = o.agreed && o.accepted > 0 // nobody agrees with itself alone
	c.offers = append(c.offers, *o)
	for _, m := range t.after(o.by) {
		if s := said[m]; s.Response == api.BargainCounter {
			c.counter = t.made(c.turns+1, m, s.Offer, s.OfferUtility)
			return
		}
	}
}

// made is a new offer; of a division everybody's utility is its share until it says otherwise.
func (t *table) made(number int, by string, deal json.RawMessage, utility *api.Decimal) *offer {
	o := &offer{number: number, by: by, deal: deal, utilities: map[string]api.Decimal{}}
	for _, m := range t.Members {
		if share, ok := t.share(deal, m.ID); ok {
			o.utilities[m.ID] = share
		}
	}
	if utility != nil {
		o.utilities[by] = *utility
	}
	return o
}

func listed(offers []offer) []api.BargainOffer {
	out := make([]api.BargainOffer, len(offers))
	for i, o := range offers {
		out[i] = api.BargainOffer{Offer: o.number, By: o.by, Deal: o.deal, Accepted: o.accepted}
	}
	return out
}
