package risk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// draw picks a jury for a case: jurors who are no party of it, in the order of the hashes of their names with the place of the report in
// the log, so that nobody chooses who judges. Too few jurors make no jury.
func draw(r *api.StakeRules, a *act.Act, id string, parties ...string) []string {
	type lot struct {
		name string
		hash [sha256.Size]byte
	}
	seed := binary.BigEndian.AppendUint64([]byte("jury "+id+" "), a.Order)
	seed = binary.BigEndian.AppendUint64(seed, uint64(a.Time.UnixNano()))
	var lots []lot
	for _, name := range r.Jurors {
		if !slices.Contains(parties, name) {
			lots = append(lots, lot{name, sha256.Sum256(append(slices.Clone(seed), name...))})
		}
	}
	if len(lots) < r.JurySize {
		return nil
	}
	slices.SortFunc(lots, func(a, b lot) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	jury := make([]string, r.JurySize)
	for i := range jury {
		jury[i] = lots[i].name
	}
	slices.Sort(jury)
	return jury
}

// Question is what a jury is asked, and nothing else: the evidence is what the violation or claim itself says.
type Question struct {
	Violation string `json:"violation,omitempty"`
	Claim     string `json:"claim,omitempty"`
}

// juryAlgorithms are those by which a jury may decide; "" is the majority.
var juryAlgorithms = []string{"", api.BallotMajority, api.BallotSupermajority, api.BallotUnanimous}

// plain tells whether the parameters of a ballot are those of a question of yes or no.
func plain(params []byte) bool {
	var p api.BallotParams
	if len(params) > 0 && codec.Read(params, &p) != nil {
		return false
	}
	slices.Sort(p.Options)
	return (len(p.Options) == 0 || slices.Equal(p.Options, []string{"no", "yes"})) && (p.Tie == "" || p.Tie == api.TieNone)
}

// verdict reads the decision of a session: yes or no to the question, by just the jury, of whom more than half have answered.
// Anything else is failed_precondition (verdict_invalid).
func verdict(s *api.Session, id string, q Question, jury []string) (bool, error) {
	bad := func(format string, args ...any) (bool, error) {
		return false, api.Errorf(api.FailedPrecondition, "session %s is no verdict: "+format, append([]any{id}, args...)...).WithReason(api.ReasonVerdictInvalid)
	}
	if s == nil || s.ID != id {
		return bad("it was not read")
	}
	if len(jury) == 0 {
		return bad("no jury was drawn, since the rules of stakes have too few jurors: an operator judges")
	}
	members := make([]string, len(s.Members))
	for i, m := range s.Members {
		members[i] = m.ID
	}
	slices.Sort(members)
	var asked Question
	var result api.BallotResult
	switch {
	case s.Type != api.SessionConsensus && s.Type != api.SessionVoting:
		return bad("it has to be of the type %s or %s", api.SessionConsensus, api.SessionVoting)
	case !slices.Contains(juryAlgorithms, s.Algorithm) || !plain(s.Params):
		return bad("it has to be decided by majority, supermajority or unanimous, between yes and no, and a tie is no decision")
	case !slices.Equal(members, jury):
		return bad("its members have to be %v", jury)
	case codec.Decode(s.Question, &asked) != nil || asked != q:
		return bad("its question has to be the id of what is judged, and nothing else")
	case s.State != api.SessionCompleted || codec.Read(s.Result, &result) != nil:
		return bad("it is %s", s.State)
	case !result.ConsensusReached || 2*result.Participants <= len(jury):
		return bad("the jury has not agreed, or less than half of it has answered")
	}
	switch result.Decision {
	case "yes":
		return true, nil
	case "no":
		return false, nil
	}
	return bad("the decision has to be yes or no")
}

// Validate implements api.Validator.
func (r *JudgeViolation) Validate() error { return r.Request.Validate() }

// Validate implements api.Validator.
func (r *JudgeClaim) Validate() error { return r.Request.Validate() }
