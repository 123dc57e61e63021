package reputation

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// last returns the records that are remembered, the newest at the end.
func (a *Agent) last() []Record { return a.History[len(a.History)-a.Remembered:] }

// remember adds a record to the history of an agent, which has the last 100. When there is no room for more in the state as a whole, it
// takes the place of the agent's own oldest one; an opinion of an agent without any is not remembered.
func (d *Draft) remember(a *Agent, r *Record) {
	full := d.Totals.Remembered >= api.MaxReputationMemory
	switch {
	case a.Remembered == api.MaxReputationHistory, full && a.Remembered > 0:
	case full && r.Source == api.SourceOpinion:
		return
	default:
		a.Remembered++
		d.Totals.Remembered++
	}
	// Some more are kept than are remembered, so that they are seldom copied.
	if kept := len(a.History); kept >= 2*a.Remembered+spare {
		a.History = append(make([]Record, 0, kept), a.History[kept-a.Remembered+1:]...)
	}
	a.History = append(a.History, *r)
}

// spare is how many records more than twice those that are remembered may be kept.
const spare = 4

func mentions(records []Record, by string) int {
	n := 0
	for i := range records {
		if records[i].By == by {
			n++
		}
	}
	return n
}

// Raw is the score of the reference: the mean of (quality + satisfaction)/2, each record weighing 0.95 to the power of its age in
// records. The newest record is at the end; the prior is left out, and of no records it is 0.
func Raw(records []Record) api.Decimal {
	const unit = 1_000_000_000 // of a weight: 100 of 1 are far from the end of the range
	var sum, mass int64
	weight := int64(unit)
	for i := len(records) - 1; i >= 0 && weight > 0; i-- {
		sum += weight * int64(fixed.MulDiv(records[i].Quality+records[i].Satisfaction, 1, 2))
		mass += weight
		weight = weight * 95 / 100
	}
	return fixed.MulDiv(api.Decimal(sum), 1, api.Decimal(mass))
}

// mean returns the mean of something of the records, 0 of none.
func mean(records []Record, of func(*Record) api.Decimal) api.Decimal {
	var sum api.Decimal
	for i := range records {
		sum += of(&records[i])
	}
	return fixed.MulDiv(sum, 1, api.Decimal(len(records)))
}

// consistency is 1 less the variance of the quality: 1 for one record, 0 for none.
func consistency(records []Record) api.Decimal {
	if len(records) == 0 {
		return 0
	}
	// n^2 times the variance is n * (sum of squares) - (sum)^2, which is exact; 100 records stay below 10^16.
	var sum, squares int64
	n := int64(len(records))
	for i := range records {
		q := int64(records[i].Quality)
		sum, squares = sum+q, squares+q*q
	}
	return api.One - fixed.MulDiv(api.Decimal(n*squares-sum*sum), 1, api.Decimal(n*n*int64(api.One)))
}

// inDomain returns the records of a domain, all of them for "".
func inDomain(records []Record, domain string) []Record {
	if domain == "" {
		return records
	}
	var some []Record
	for i := range records {
		if records[i].Domain == domain {
			some = append(some, records[i])
		}
	}
	return some
}
