package weigh

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	half             = api.One / 2
	defaultThreshold = api.Decimal(600_000)
)

// factors are what the parts of expertise count unless the parameters say otherwise.
var factors = api.WeighFactors{Accuracy: 300_000, Consistency: 200_000, DomainKnowledge: 300_000, PastPerformance: 200_000}

// check returns the algorithm and the parameters in full.
func check(algorithm string, raw json.RawMessage) (string, *api.WeighParams, error) {
	if algorithm == "" {
		algorithm = api.WeighExpertise
	}
	if !slices.Contains(api.WeighAlgorithms, algorithm) {
		return "", nil, wrong("algorithm", "algorithm must be one of %v", api.WeighAlgorithms)
	}
	p := &api.WeighParams{}
	if err := codec.Decode(raw, p); err != nil {
		e := api.AsError(err)
		return "", nil, api.Errorf(api.Invalid, "params: %s", e.Message).WithReason(api.ReasonConfiguration).WithFields(append([]string{"params"}, e.Details.Fields...)...)
	}
	if p.Threshold == 0 {
		p.Threshold = defaultThreshold
	}
	if p.Threshold <= half || p.Threshold > api.One {
		return "", nil, wrong("threshold", "threshold must be above 0.5 and at most 1: both sides could have reached less")
	}
	if p.Factors != nil && algorithm != api.WeighExpertise {
		return "", nil, wrong("factors", "factors are read by expertise alone, not by %s", algorithm)
	}
	if p.Factors == nil && algorithm == api.WeighExpertise {
		f := factors
		p.Factors = &f
	}
	if f := p.Factors; f != nil {
		if !unit(f.Accuracy, f.Consistency, f.DomainKnowledge, f.PastPerformance) || f.Accuracy+f.Consistency+f.DomainKnowledge+f.PastPerformance != api.One {
			return "", nil, wrong("factors", "give all four factors, each 0 to 1, together 1")
		}
	}
	return algorithm, p, checkExperts(p)
}

func checkExperts(p *api.WeighParams) error {
	if len(p.Experts) > api.MaxWeighExperts {
		return wrong("experts", "there are %d experts, at most %d are allowed", len(p.Experts), api.MaxWeighExperts)
	}
	for _, id := range slices.Sorted(maps.Keys(p.Experts)) {
		x := p.Experts[id]
		if len(x.Assessments) > api.MaxWeighRecords || len(x.Feedback) > api.MaxWeighRecords {
			return wrong("experts", "%.70q has more than %d assessments or feedbacks: give the newest", id, api.MaxWeighRecords)
		}
		numbers := []api.Decimal{}
		for _, n := range []*api.Decimal{x.Accuracy, x.Consistency, x.DomainKnowledge, x.PastPerformance} {
			if n != nil {
				numbers = append(numbers, *n)
			}
		}
		for _, a := range x.Assessments {
			numbers = append(numbers, a.Accuracy, a.Consistency)
		}
		for _, f := range x.Feedback {
			numbers = append(numbers, f.Accuracy, f.Efficiency)
		}
		if !unit(numbers...) {
			return wrong("experts", "what is known of %.70q must be numbers from 0 to 1", id)
		}
	}
	return nil
}

// unit tells whether all are from 0 to 1.
func unit(numbers ...api.Decimal) bool {
	return !slices.ContainsFunc(numbers, func(d api.Decimal) bool { return d < 0 || d > api.One })
}

func wrong(field, format string, args ...any) error {
	return api.Errorf(api.Invalid, format, args...).WithReason(api.ReasonConfiguration).WithFields(field)
}
