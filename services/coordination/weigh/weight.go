package weigh

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// Bounds of a weight before the cap.
const (
	leastWeight = api.One / 10
	mostWeight  = 3 * api.One
)

// weight is what a member's vote counts.
type weight struct {
	is, raw api.Decimal
	capped  bool
	trend   string
}

// weights returns those of all members, in their order.
func weights(s *api.Session, algorithm string, p *api.WeighParams) []weight {
	all := make([]weight, len(s.Members))
	for i := range s.Members {
		if algorithm == api.WeighEqual {
			all[i].is = api.One
			continue
		}
		x := p.Experts[s.Members[i].ID]
		raw := past(&x)
		if algorithm == api.WeighExpertise {
			raw = expertise(&x, p.Factors)
		}
		all[i] = weight{is: scaled(raw), raw: raw, trend: trend(x.Assessments)}
	}
	limit(all)
	return all
}

// expertise is the sum of what is known of a member, each part times its factor (the reference system's formula).
func expertise(x *api.WeighExpert, f *api.WeighFactors) api.Decimal {
	newest := last(x.Assessments, api.WeighAssessmentsFor)
	accuracy := known(x.Accuracy, newest, func(a api.WeighAssessment) api.Decimal { return 2 * a.Accuracy })
	consistency := known(x.Consistency, newest, func(a api.WeighAssessment) api.Decimal { return 2 * a.Consistency })
	knowledge := half
	if x.DomainKnowledge != nil {
		knowledge = *x.DomainKnowledge
	}
	// In millionths of a millionth: there is one rounding, at the end.
	sum := accuracy*f.Accuracy + consistency*f.Consistency + knowledge*f.DomainKnowledge + past(x)*f.PastPerformance
	return fixed.MulDiv(sum, 1, api.One)
}

// past is the mean of accuracy and efficiency in the newest feedback.
func past(x *api.WeighExpert) api.Decimal {
	return known(x.PastPerformance, last(x.Feedback, api.WeighFeedbackFor), func(f api.WeighFeedback) api.Decimal { return f.Accuracy + f.Efficiency })
}

// known is what is given, or else half the mean of what twice tells of each record, or else 0.5.
func known[T any](given *api.Decimal, records []T, twice func(T) api.Decimal) api.Decimal {
	if given != nil {
		return *given
	}
	if len(records) == 0 {
		return half
	}
	return mean(records, twice, 2)
}

func mean[T any](records []T, of func(T) api.Decimal, over int) api.Decimal {
	sum := api.Decimal(0)
	for _, r := range records {
		sum += of(r)
	}
	return fixed.MulDiv(sum, 1, api.Decimal(over*len(records)))
}

func last[T any](records []T, n int) []T { return records[max(0, len(records)-n):] }

// trend compares the three newest assessments with the others of the ten newest. The reference system did so with an empty rest too,
// and then called whoever had two assessments improving.
func trend(all []api.WeighAssessment) string {
	const newest, margin = 3, api.One / 10
	all = last(all, api.WeighAssessmentsFor)
	if len(all) <= newest {
		return ""
	}
	accuracy := func(a api.WeighAssessment) api.Decimal { return a.Accuracy }
	now, before := mean(last(all, newest), accuracy, 1), mean(all[:len(all)-newest], accuracy, 1)
	switch {
	case now > before+margin:
		return "improving"
	case now < before-margin:
		return "declining"
	}
	return "stable"
}

// scaled makes a weight of expertise, by the reference system's bands: they leap at their bounds, so that the best stand out.
func scaled(raw api.Decimal) api.Decimal {
	w := raw
	switch {
	case raw >= 800_000:
		w = 2 * fixed.Pow(raw, 7, 10)
	case raw >= 600_000:
		w = fixed.MulDiv(raw, 3, 2)
	case raw >= 400_000:
		w = fixed.MulDiv(raw, 6, 5)
	}
	return min(max(w, leastWeight), mostWeight)
}

// limit cuts the greatest weight to the sum of the others, if it is more: then it is exactly half of the whole. Only one member can
// have more than half, so that this is all there is to cut. One who is alone keeps what it has.
func limit(all []weight) {
	if len(all) < 2 {
		return
	}
	sum, greatest := api.Decimal(0), 0
	for i, w := range all {
		sum += w.is
		if w.is > all[greatest].is {
			greatest = i
		}
	}
	if g := &all[greatest]; 2*g.is > sum {
		g.is, g.capped = sum-g.is, true
	}
}
