package allot

import (
	"math/big"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// share makes the result from the demands of a closed round. The resources are shared one by one, none with regard to another.
func share(s *api.Session, p *api.AllotParams, round *api.SessionRound) api.AllotResult {
	r := api.AllotResult{Algorithm: s.Algorithm, Allocations: make([]api.Allotment, len(s.Members)), Resources: map[string]api.AllotUse{}, Satisfied: true}
	if r.Algorithm == "" {
		r.Algorithm = api.AllotMaxMinFair
	}
	asked := demands(p, s, round)
	for i, m := range s.Members {
		r.Allocations[i].Member = m.ID
		if asked[m.ID] == nil {
			r.Silent = append(r.Silent, m.ID)
		}
	}
	for _, name := range sorted(p.Resources) {
		claims := make([]claim, len(s.Members))
		for i, m := range s.Members {
			claims[i] = claim{most: asked[m.ID][name], weight: weight(p, r.Algorithm, m.ID, asked[m.ID][name])}
		}
		granted := fill(p.Resources[name], claims)
		r.Resources[name] = use(p.Resources[name], claims, granted)
		for i, c := range claims {
			r.Satisfied = r.Satisfied && granted[i] == c.most
			if c.most > 0 {
				note(&r.Allocations[i], name, c.most, granted[i])
			}
		}
	}
	for i := range r.Allocations {
		r.Allocations[i].Satisfaction = satisfaction(&r.Allocations[i])
	}
	return r
}

// demands are those of a round by member; who has not answered has none.
func demands(p *api.AllotParams, s *api.Session, round *api.SessionRound) map[string]map[string]api.Decimal {
	asked := make(map[string]map[string]api.Decimal, len(round.Asks))
	for i := range round.Asks {
		a := &round.Asks[i]
		if a.State != api.AskAnswered {
			continue
		}
		if d, err := demand(p, len(s.Members), a.Answer); err == nil {
			asked[a.Member] = d
		}
	}
	return asked
}

// weight is how a member's share rises: by its weight, and for proportional shares by its demand too, so that all are served to the
// same degree at the same time.
func weight(p *api.AllotParams, algorithm, member string, most api.Decimal) *big.Int {
	w, ok := p.Weights[member]
	if !ok {
		w = api.One
	}
	if algorithm == api.AllotProportional {
		return times(big.NewInt(int64(w)), most)
	}
	return big.NewInt(int64(w))
}

func note(a *api.Allotment, name string, asked, granted api.Decimal) {
	if a.Asked == nil {
		a.Asked, a.Granted = map[string]api.Decimal{}, map[string]api.Decimal{}
	}
	a.Asked[name], a.Granted[name] = asked, granted
}

func satisfaction(a *api.Allotment) api.Decimal {
	if len(a.Asked) == 0 {
		return api.One
	}
	var sum api.Decimal
	for name, asked := range a.Asked {
		sum += fixed.Div(a.Granted[name], asked)
	}
	return fixed.MulDiv(sum, 1, api.Decimal(len(a.Asked)))
}

func use(capacity api.Decimal, claims []claim, granted []api.Decimal) api.AllotUse {
	u := api.AllotUse{Capacity: capacity}
	var served []api.Decimal
	for i, c := range claims {
		u.Asked += c.most
		u.Granted += granted[i]
		if c.most > 0 {
			served = append(served, fixed.Div(granted[i], c.most))
		}
	}
	u.Utilisation = fixed.Div(u.Granted, capacity)
	u.Fairness = Jain(served)
	return u
}

// Jain returns the fairness index of some shares that are not negative: (sum x)^2 / (n sum x^2) (R. Jain, D. Chiu, W. Hawe, A
// Quantitative Measure of Fairness, DEC-TR-301, 1984). It is 1 of none, and of zeros alone.
func Jain(shares []api.Decimal) api.Decimal {
	sum, squares := new(big.Int), new(big.Int)
	for _, x := range shares {
		b := big.NewInt(int64(x))
		sum.Add(sum, b)
		squares.Add(squares, new(big.Int).Mul(b, b))
	}
	if squares.Sign() == 0 {
		return api.One
	}
	squares.Mul(squares, big.NewInt(int64(len(shares))))
	sum.Mul(sum, sum).Mul(sum, big.NewInt(int64(api.One)))
	// Rounded to the nearest: the index is at most 1, so half of the divisor is added.
	half := new(big.Int).Rsh(squares, 1)
	return api.Decimal(sum.Add(sum, half).Quo(sum, squares).Int64())
}
