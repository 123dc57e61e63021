package contract

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// What terms are unless they say it.
const (
	DefaultGuarantee  = api.One * 8 / 10
	DefaultCompletion = api.Duration(time.Hour)
	DefaultJudging    = api.Duration(time.Hour)
	DefaultDeadline   = api.Duration(24 * time.Hour) // of the bonus for speed
)

// Fill returns the terms with the defaults for what they do not say.
func Fill(t api.ContractTerms) api.ContractTerms {
	if t.QualityGuarantee == 0 {
		t.QualityGuarantee = DefaultGuarantee
	}
	if t.Penalty == nil {
		whole := api.One
		t.Penalty = &whole
	}
	if t.Completion == 0 {
		t.Completion = DefaultCompletion
	}
	if t.Judging == 0 {
		t.Judging = DefaultJudging
	}
	if t.Bonus.Max > 0 {
		if t.Bonus.Target == 0 {
			t.Bonus.Target = t.QualityGuarantee
		}
		if t.Bonus.Deadline == 0 {
			t.Bonus.Deadline = DefaultDeadline
		}
	}
	return t
}
