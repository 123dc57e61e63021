package bargain

import (
	"math/big"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// agreed ends the session with one of its offers. later is how many offers were made before it, each of which has cost some of its worth.
func (t *table) agreed(c *course, o *offer, later int, offers []api.BargainOffer) protocol.Step {
	parties := t.inOrder(o.parties)
	r := api.BargainResult{
		Algorithm: t.algorithm, Agreement: true, Deal: o.deal, ProposedBy: o.by, Offer: o.number, Offers: offers, Silent: t.silent(),
	}
	var gains []api.Decimal
	for _, m := range parties {
		p := api.BargainParty{Member: m, Reservation: c.reservations[m]}
		if u, ok := o.utilities[m]; ok {
			left := Discounted(u, t.discount(m), later)
			gain := fixed.Add(left, -p.Reservation)
			p.Utility, p.Discounted, p.Gain = &u, &left, &gain
			gains = append(gains, gain)
		}
		r.Parties = append(r.Parties, p)
	}
	if len(gains) == len(parties) {
		r.NashProduct = Written(Product(gains), len(gains))
		efficient := !slices.ContainsFunc(c.offers, func(other offer) bool {
			return known(&other, parties) && dominates(other.utilities, o.utilities, parties)
		})
		r.ParetoEfficient = &efficient
	}
	return protocol.Step{Result: r}
}

func (t *table) inOrder(parties []string) []string {
	var ids []string
	for _, m := range t.Members {
		if slices.Contains(parties, m.ID) {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

func (t *table) discount(member string) api.Decimal {
	if d, ok := t.params.Discounts[member]; ok {
		return d
	}
	return t.params.Discount
}

// known tells whether all parties' utilities of an offer are known.
func known(o *offer, parties []string) bool {
	return !slices.ContainsFunc(parties, func(m string) bool { _, ok := o.utilities[m]; return !ok })
}

// dominates tells whether a is better than b for one of the parties and worse for none.
func dominates(a, b map[string]api.Decimal, parties []string) bool {
	better := false
	for _, m := range parties {
		if a[m] < b[m] {
			return false
		}
		better = better || a[m] > b[m]
	}
	return better
}

// Discounted returns a utility after some more offers, each of which leaves the discounted part of it: u d^offers, rounded once, to the
// nearest millionth.
func Discounted(u, d api.Decimal, offers int) api.Decimal {
	one := big.NewInt(int64(api.One))
	above := new(big.Int).Exp(big.NewInt(int64(d)), big.NewInt(int64(offers)), nil)
	above.Mul(above, big.NewInt(int64(u)))
	below := new(big.Int).Exp(one, big.NewInt(int64(offers)), nil)
	// floor((2 above + below) / (2 below)), since Div rounds down for a divisor above 0.
	above.Lsh(above, 1).Add(above, below)
	return api.Decimal(above.Div(above, below.Lsh(below, 1)).Int64())
}

// Product is the Nash product of gains (J. F. Nash, The Bargaining Problem, Econometrica 18, 1950) in units of 10^-6 for each of them.
// It is 0 when one is 0 or less: two losses make no gain.
func Product(gains []api.Decimal) *big.Int {
	product := big.NewInt(1)
	for _, g := range gains {
		product.Mul(product, big.NewInt(int64(max(g, 0))))
	}
	return product
}

// Written writes a product of n gains as a decimal number, without zeros at its end.
func Written(product *big.Int, n int) string {
	digits := product.String()
	places := 6 * n
	if len(digits) <= places {
		digits = strings.Repeat("0", places+1-len(digits)) + digits
	}
	whole, part := digits[:len(digits)-places], strings.TrimRight(digits[len(digits)-places:], "0")
	if part == "" {
		return whole
	}
	return whole + "." + part
}
