package reputation

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Score is what an agent has earned in a domain, or as a whole (""), from 0 to 1; the prior when nothing is known.
func (d *Draft) Score(agent, domain string, now time.Time) api.Decimal {
	score := Prior
	if s, ok := d.seen(agent, domain, now); ok {
		score = s.score()
	}
	return max(0, score-d.penalty(agent, now))
}

// seen returns a standing as it is by now, to read.
func (d *Draft) seen(agent, domain string, now time.Time) (*Standing, bool) {
	s, ok := d.standings.Get(agent + "/" + domain)
	if ok && s.Day < dayOf(now) {
		s = s.Clone()
		s.fadeTo(dayOf(now))
	}
	return s, ok
}

func (d *Draft) penalty(agent string, now time.Time) api.Decimal {
	a, ok := d.agents.Get(agent)
	if !ok {
		return 0
	}
	return Fade(a.Penalty, dayOf(now)-a.Day)
}

// Profile is everything about an agent as a whole: for the gates of marketplaces and auctions.
func (d *Draft) Profile(agent string, now time.Time) api.Reputation { return d.Of(agent, "", now) }

// Of is everything about an agent in a domain, or as a whole ("").
func (d *Draft) Of(agent, domain string, now time.Time) api.Reputation {
	r := api.Reputation{
		Agent: agent, Domain: domain, Score: d.Score(agent, domain, now), Penalty: d.penalty(agent, now),
		Specialisations: []string{},
	}
	if s, ok := d.seen(agent, domain, now); ok {
		r.Records, r.Proven = s.Records, s.proven().Mass
		r.Unproven = s.unproven(r.Proven).Mass
	}
	a, ok := d.agents.Get(agent)
	if !ok {
		return r
	}
	r.Version = a.Version
	records := inDomain(a.last(), domain)
	r.History, r.Raw, r.Consistency = len(records), Raw(records), consistency(records)
	r.Quality = mean(records, func(x *Record) api.Decimal { return x.Quality })
	r.Satisfaction = mean(records, func(x *Record) api.Decimal { return x.Satisfaction })
	r.CostEfficiency = mean(records, func(x *Record) api.Decimal { return x.CostEfficiency })
	for _, name := range a.Domains {
		if s, ok := d.standings.Get(agent + "/" + name); ok && s.Records >= specialised && d.Score(agent, name, now) >= specialist {
			r.Specialisations = append(r.Specialisations, name)
		}
	}
	return r
}

// History returns the last records of an agent in a domain, or all of them (""), and its penalties, the newest first, at most limit of
// each.
func (d *Draft) History(agent, domain string, limit int) ([]Record, []api.ReputationPenalty) {
	a, ok := d.agents.Get(agent)
	if !ok {
		return []Record{}, []api.ReputationPenalty{}
	}
	return newest(inDomain(a.last(), domain), limit), newest(a.penalties(), limit)
}

func newest[T any](all []T, limit int) []T {
	some := make([]T, 0, min(limit, len(all)))
	for i := len(all) - 1; i >= 0 && len(some) < limit; i-- {
		some = append(some, all[i])
	}
	return some
}
