package weigh

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/fixed"
)

// tally is the weight that is for the proposal, that is against it, that is still to come, and of all members: each voter's weight
// times its confidence is divided among the two sides by its vote.
type tally struct {
	voters                   int
	pro, contra, rest, total api.Decimal
}

// count counts the votes of a round by the weights that its members were told.
func count(r *api.SessionRound) tally {
	var t tally
	for i := range r.Asks {
		a := &r.Asks[i]
		var told api.WeighAsk
		if err := codec.Read(a.Ask, &told); err != nil {
			continue
		}
		t.total += told.Weight
		switch a.State {
		case api.AskOpen:
			t.rest += told.Weight
		case api.AskAnswered:
			v, err := read(a.Answer)
			if err != nil {
				continue
			}
			t.voters++
			sure := fixed.Mul(told.Weight, v.confidence)
			pro := fixed.Mul(sure, v.number)
			t.pro += pro
			t.contra += sure - pro
		}
	}
	return t
}

// enough tells whether a part of the weight reaches the threshold. A weight is at most 3 and members are at most 50, so that the
// products stay far below 2^63.
func (t tally) enough(part, threshold api.Decimal) bool { return part*api.One >= threshold*t.total }

// outcome is accepted or rejected as soon as enough weight is on a side: what is there cannot be taken away, and as the threshold is
// above half, not both can be.
func (t tally) outcome(threshold api.Decimal) string {
	switch {
	case t.total == 0:
	case t.enough(t.pro, threshold):
		return api.WeighAccepted
	case t.enough(t.contra, threshold):
		return api.WeighRejected
	}
	return api.WeighUndecided
}

// settled tells whether the rest cannot change the outcome, nor, when it is undecided, the decision.
func (t tally) settled(threshold api.Decimal) bool {
	if t.outcome(threshold) != api.WeighUndecided {
		return true
	}
	if t.enough(t.pro+t.rest, threshold) || t.enough(t.contra+t.rest, threshold) {
		return false
	}
	whole := t.pro + t.contra + t.rest
	return band(share(t.pro, whole)) == band(share(t.pro+t.rest, whole))
}

func (t tally) result(s *api.Session, threshold api.Decimal) *api.WeighResult {
	r := &api.WeighResult{
		Decision: api.WeighNoDecision, Outcome: t.outcome(threshold), Members: len(s.Members), Participants: t.voters,
		Confidence: share(t.pro, t.total), Against: share(t.contra, t.total),
	}
	r.ConsensusReached = r.Outcome != api.WeighUndecided
	if sum := t.pro + t.contra; sum > 0 {
		r.Score = share(t.pro, sum)
		r.Decision = band(r.Score)
	}
	return r
}

// band names a mean vote.
func band(score api.Decimal) string {
	switch {
	case score >= 700_000:
		return api.WeighStrongApprove
	case score >= 500_000:
		return api.WeighApprove
	case score >= 300_000:
		return api.WeighNeutral
	}
	return api.WeighReject
}

// share returns part/whole, and 0 when there is no whole.
func share(part, whole api.Decimal) api.Decimal { return fixed.MulDiv(part, api.One, whole) }
