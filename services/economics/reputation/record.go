package reputation

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// Record is what somebody found of an agent's work.
type Record = api.ReputationRecord

// Record adds a record. No source means a settlement. Refused with invalid, permission_denied (self_rating), conflict
// (already_recorded: the same rater, ref and source, among those remembered), gaming_detected, overloaded (too_many_standings); but a settlement for which there is no room is left out
// without an error, since what it settles must not fail because of it.
func (d *Draft) Record(now time.Time, r Record) error {
	_, err := d.Add(now, r)
	return err
}

// Add is Record, and returns the record with what it weighs.
func (d *Draft) Add(now time.Time, r Record) (Record, error) {
	if r.Source == "" {
		r.Source = api.SourceSettlement
	}
	if err := cmp.Or(check(&r), perfect(&r)); err != nil {
		return r, err
	}
	if a, ok := d.agents.Get(r.Agent); ok {
		if err := guard(now, a, &r); err != nil {
			return r, err
		}
	}
	whole, domain := d.room(&r)
	if !whole {
		if r.Source == api.SourceSettlement {
			d.Totals.Unplaced++
			return r, nil
		}
		return r, api.Errorf(api.Overloaded, "there is no room for a reputation of %s in %q: what is recorded at settlements still has some", r.Agent, r.Domain).
			WithReason(api.ReasonManyStandings)
	}
	d.count(r.Source)
	day := dayOf(now)
	a := d.agent(r.Agent, day)
	repeats := mentions(a.last(), r.By)
	value := fixed.MulDiv(r.Quality+r.Satisfaction, 1, 2)
	rest := d.weigh(&r, day)
	rest /= api.Decimal(1 + repeats)
	r.At = now
	if r.Source != api.SourceOperator {
		r.Weight = r.Proven + rest
	}
	d.place(d.standing(r.Agent, "", day), &r, value, rest)
	if domain {
		d.place(d.standing(r.Agent, r.Domain, day), &r, value, rest)
		if i, found := slices.BinarySearch(a.Domains, r.Domain); !found {
			a.Domains = slices.Insert(slices.Clone(a.Domains), i, r.Domain)
		}
	}
	a.Version++
	d.remember(a, &r)
	d.change(r.Agent)
	return r, nil
}

func (d *Draft) place(s *Standing, r *Record, value, rest api.Decimal) {
	s.Records++
	if r.Source == api.SourceOperator {
		s.addOperator(value)
		return
	}
	s.addProven(r.By, r.Proven, value)
	s.addPool(rest, value)
}

func (d *Draft) count(source api.RecordSource) {
	switch source {
	case api.SourceSettlement:
		d.Totals.Settlements++
	case api.SourceOpinion:
		d.Totals.Opinions++
	case api.SourceOperator:
		d.Totals.ByOperators++
	}
}

// weigh sets what the record weighs and how much of it is proven, spends that from the rater's allowance, and returns the rest.
func (d *Draft) weigh(r *Record, day int64) (rest api.Decimal) {
	r.Weight, r.Proven = api.One, api.One
	switch r.Source {
	case api.SourceOperator:
		return 0
	case api.SourceOpinion:
		r.Stake, r.Fee = 0, 0
	}
	weight := stakeWeight(r.Stake)
	if s, ok := d.standings.Get(r.By + "/"); ok && s.ratedBy(r.Agent) {
		weight /= mutual
	}
	if _, ok := d.agents.Get(r.By); !ok && (r.Fee == 0 || d.agents.Len() >= api.MaxStandings) {
		r.Proven = 0
		return weight
	}
	by := d.agent(r.By, day)
	by.Credit = min(by.Credit+api.Decimal(r.Fee), creditLimit)
	r.Proven = max(0, min(weight, raterLimit, d.allowance(by, r.By, day)-by.Given))
	by.Given += r.Proven
	return weight - r.Proven
}

// allowance is the proven weight that a rater may have given, of what has not faded.
func (d *Draft) allowance(by *Agent, id string, day int64) api.Decimal {
	backed, score := by.Credit, Prior
	if s, ok := d.standings.Get(id + "/"); ok {
		s = s.Clone()
		s.fadeTo(day)
		backed += s.proven().Sum / passedOn
		score = s.score()
	}
	score = max(0, score-by.Penalty)
	return fixed.Mul(backed, min(api.One, 2*score))
}

// stakeWeight is sqrt(stake/fullStake), from leastWeight to 1. The root keeps splitting one transaction into many from gaining more than
// their fees, which back what is proven, come to.
func stakeWeight(stake api.Micro) api.Decimal {
	if stake >= api.Micro(fullStake) {
		return api.One
	}
	return max(leastWeight, root(fixed.MulDiv(api.Decimal(stake), api.One, fullStake)))
}

// root returns the square root of x, rounded down.
func root(x api.Decimal) api.Decimal {
	n := uint64(x) * uint64(api.One)
	y := uint64(1) << ((bits.Len64(n) + 1) / 2)
	for y*y > n {
		y = (y + n/y) / 2
	}
	return api.Decimal(y)
}

// room tells whether the record has a place in the agent's standing as a whole, and in that of its domain. Opinions, which cost nothing,
// fill half of what there is at most.
func (d *Draft) room(r *Record) (whole, domain bool) {
	free, domains := api.MaxStandings-d.standings.Len(), api.MaxReputationDomains
	if r.Source == api.SourceOpinion {
		free, domains = free-api.MaxStandings/2, domains/2
	}
	if _, ok := d.standings.Get(r.Agent + "/"); !ok {
		if free--; free < 0 {
			return false, false
		}
	}
	if r.Domain == "" {
		return true, false
	}
	if _, ok := d.standings.Get(r.Agent + "/" + r.Domain); ok {
		return true, true
	}
	domain = free > 0
	if a, ok := d.agents.Get(r.Agent); ok && len(a.Domains) >= domains {
		domain = false
	}
	return domain || r.Source == api.SourceSettlement, domain
}
