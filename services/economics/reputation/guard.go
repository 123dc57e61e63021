package reputation

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// check refuses what no record may be.
func check(r *Record) error {
	for _, f := range []struct{ field, id string }{{"agent", r.Agent}, {"by", r.By}} {
		if err := api.CheckID(f.field, f.id); err != nil {
			return err
		}
	}
	if err := api.CheckOptionalID("domain", r.Domain); err != nil {
		return err
	}
	if r.Ref == "" || len(r.Ref) > api.MaxReputationRef {
		return api.Errorf(api.Invalid, "ref must name what the record is about, in at most %d bytes", api.MaxReputationRef).WithFields("ref")
	}
	for _, f := range []struct {
		field string
		v     api.Decimal
	}{{"quality", r.Quality}, {"satisfaction", r.Satisfaction}, {"cost_efficiency", r.CostEfficiency}} {
		if f.v < 0 || f.v > api.One {
			return api.Errorf(api.Invalid, "%s must be 0 to 1, have %s", f.field, f.v).WithFields(f.field)
		}
	}
	for _, f := range []struct {
		field string
		v     api.Micro
	}{{"stake", r.Stake}, {"fee", r.Fee}} {
		if f.v < 0 || f.v > api.MaxRecordStake {
			return api.Errorf(api.Invalid, "%s must be 0 to %d millionths", f.field, api.MaxRecordStake).WithFields(f.field)
		}
	}
	if r.Duration < 0 {
		return api.Errorf(api.Invalid, "duration must not be below 0s").WithFields("duration")
	}
	if r.By == r.Agent && r.Source != api.SourceOperator {
		return api.Errorf(api.PermissionDenied, "%s cannot record its own work: whoever it was for does", r.By).WithReason(api.ReasonSelfRating)
	}
	return nil
}

// guard refuses what looks made to please. A settlement is not refused for it: what it costs, and what it weighs, are its guard.
func guard(now time.Time, a *Agent, r *Record) error {
	last, recent := a.last(), 0
	for i := range last {
		x := &last[i]
		if x.By == r.By && x.Ref == r.Ref && x.Source == r.Source {
			return api.Errorf(api.Conflict, "%s has recorded %s of %s already: again would be gaming", r.By, r.Ref, r.Agent).WithReason(api.ReasonAlreadyRecorded)
		}
		if x.By == r.By && x.Source == r.Source && now.Sub(x.At) < burstTime {
			recent++
		}
	}
	if r.Source == api.SourceOpinion && recent >= burst {
		err := api.Errorf(api.RateLimited, "gaming: %s has given %d opinions of %s within a minute, wait", r.By, recent, r.Agent).WithReason(api.ReasonGaming)
		err.Details.RetryAfter = api.Duration(burstTime)
		return err
	}
	return nil
}

// perfect refuses work without any fault in no time.
func perfect(r *Record) error {
	faultless := r.Quality == api.One && r.Satisfaction == api.One && r.CostEfficiency == api.One
	if r.Source != api.SourceSettlement && faultless && r.Duration > 0 && r.Duration.Std() < tooFast {
		return api.Errorf(api.Invalid, "gaming: nothing is perfect in every respect after %s", r.Duration).WithReason(api.ReasonGaming)
	}
	return nil
}
