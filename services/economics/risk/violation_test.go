package risk_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/risk"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func uphold(id string) risk.JudgeViolation {
	return risk.JudgeViolation{Request: api.ViolationJudgeRequest{ID: id, Uphold: true}}
}

func dismiss(id string) risk.JudgeViolation {
	return risk.JudgeViolation{Request: api.ViolationJudgeRequest{ID: id}}
}

func accuse(id, accused string) api.ViolationReportRequest {
	return api.ViolationReportRequest{ID: id, Accused: accused, Kind: "quality_fraud", Ref: "contract/" + id, Evidence: json.RawMessage(`{"seen":true}`)}
}

func TestViolationRefusals(t *testing.T) {
	w := newWorld(t)
	w.stake("a", 100*unit)
	refused(w, api.ReasonPrincipalMissing, "", "violations.report", accuse("v", "a"))
	refused(w, api.ReasonOwnCase, "a", "violations.report", accuse("v", "a"))
	own := accuse("v", "a")
	own.Harmed, own.Harm = "a/other", unit
	refused(w, api.ReasonOwnCase, "b", "violations.report", own)
	half := accuse("v", "a")
	half.Harm = unit
	refused(w, api.ReasonMissingFields, "b", "violations.report", half)
	large := accuse("v", "a")
	large.Evidence = json.RawMessage(`"` + string(slices.Repeat([]byte{'x'}, api.MaxEvidence)) + `"`)
	refused(w, api.ReasonPayloadTooLarge, "b", "violations.report", large)
	refused(w, api.ReasonViolationNotFound, operator, "violations.judge", uphold("v"))
	must[api.Violation](w, "b", "violations.report", accuse("v", "a"))
	refused(w, api.ReasonViolationExists, "b", "violations.report", func() any { r := accuse("v", "a"); r.Ref = "other"; return r }())
	refused(w, api.ReasonAlreadyReported, "c", "violations.report", func() any { r := accuse("v2", "a"); r.Ref = "contract/v"; return r }())
	refused(w, api.ReasonOperatorOnly, "b", "violations.judge", uphold("v"))
	refused(w, api.ReasonOperatorOnly, "a", "violations.judge", dismiss("v"))
	refused(w, api.ReasonAppealClosed, "a", "violations.appeal", api.AppealRequest{ID: "v", Statement: "no"})
	refused(w, api.ReasonAppealClosed, operator, "violations.overturn", api.OverturnRequest{ID: "v"})
	must[api.Violation](w, operator, "violations.judge", uphold("v"))
	refused(w, api.ReasonNotAccused, "b", "violations.appeal", api.AppealRequest{ID: "v", Statement: "no"})
	refused(w, api.ReasonMissingFields, "a", "violations.appeal", api.AppealRequest{ID: "v"})
	refused(w, api.ReasonOperatorOnly, "a", "violations.overturn", api.OverturnRequest{ID: "v"})

	// An operator does not judge itself.
	must[api.Violation](w, "b", "violations.report", accuse("v3", operator))
	refused(w, api.ReasonOwnCase, operator, "violations.judge", dismiss("v3"))
}

func TestAppeal(t *testing.T) {
	w := newWorld(t)
	w.stake("a", 100*unit)
	w.convict("v", "a", "quality_fraud", 0)
	w.pass(23 * time.Hour)
	must[api.Violation](w, "a", "violations.appeal", api.AppealRequest{ID: "v", Statement: "it was not me"})
	refused(w, api.ReasonAppealClosed, "a", "violations.appeal", api.AppealRequest{ID: "v", Statement: "again"})
	w.pass(23 * time.Hour) // the window began anew
	if v := w.risk.Violations["v"]; v.State != api.ViolationAppealed || w.risk.Stakes["a"].Pending != 25*unit {
		t.Errorf("%+v", v)
	}
	must[api.Violation](w, operator, "violations.overturn", api.OverturnRequest{ID: "v", Note: "it was not"})
	refused(w, api.ReasonAppealClosed, operator, "violations.overturn", api.OverturnRequest{ID: "v"})
	w.pass(5 * day)
	if v, s := w.risk.Violations["v"], w.risk.Stakes["a"]; v.State != api.ViolationOverturned || s.Total() != 100*unit || s.Pending != 0 ||
		w.score("a") != 500_000 {
		t.Errorf("%+v, %+v", v, s)
	}

	// An appeal that nobody hears does not stop it.
	w.convict("v2", "a", "quality_fraud", 0)
	must[api.Violation](w, "a", "violations.appeal", api.AppealRequest{ID: "v2", Statement: "it was not me"})
	w.pass(2 * day)
	if v, s := w.risk.Violations["v2"], w.risk.Stakes["a"]; v.State != api.ViolationExecuted || s.Total() != 75*unit ||
		v.Penalty != 300_000 || w.score("a") > 210_000 {
		t.Errorf("%+v, %+v", v, s)
	}
}

// Two verdicts at once take of what the first has left, and never more than there is.
func TestVerdictsAddUp(t *testing.T) {
	w := newWorld(t)
	must[api.StakeRules](w, operator, "stakes.configure", api.StakeRules{Rates: map[string]api.Decimal{"all": api.One, "half": 500_000}})
	w.stake("a", 100*unit)
	w.convict("v1", "a", "half", 0)
	w.convict("v2", "a", "half", 0)
	w.convict("v3", "a", "all", 0)
	w.convict("v4", "a", "all", 0)
	if s := w.risk.Stakes["a"]; s.Pending != 100*unit {
		t.Errorf("%+v", s)
	}
	w.pass(2 * day)
	if s := w.risk.Stakes["a"]; s.Total() != 0 || s.Slashed != 100*unit || w.has(risk.Slashed) != 100*unit {
		t.Errorf("%+v", s)
	}
	w.give("a", 100*unit)
	must[api.Stake](w, "a", "stakes.put", api.StakePutRequest{Amount: 100 * unit})
	refused(w, api.ReasonNotRecoverable, operator, "stakes.restore", api.StakeRestoreRequest{Agent: "a", Amount: unit})
}

func TestReportsLapseAndAreForgotten(t *testing.T) {
	w := newWorld(t)
	for i := range api.MaxOpenReports {
		must[api.Violation](w, "b", "violations.report", accuse(fmt.Sprint("v", i), "a"))
	}
	refused(w, api.ReasonManyReportsOpen, "b", "violations.report", accuse("more", "a"))
	must[api.Violation](w, operator, "violations.judge", dismiss("v0"))
	must[api.Violation](w, "b", "violations.report", accuse("more", "a"))
	w.pass(31 * day)
	if v := w.risk.Violations["more"]; v.State != api.ViolationLapsed || len(w.risk.Reporters) != 0 {
		t.Errorf("%+v, %d reporters", v, len(w.risk.Reporters))
	}
	again := accuse("again", "a") // nobody has judged it
	again.Ref = "contract/more"
	must[api.Violation](w, "b", "violations.report", again)
	refused(w, api.ReasonAlreadyReported, "b", "violations.report", func() any { r := accuse("x", "a"); r.Ref = "contract/v0"; return r }())
	w.pass(200 * day)
	if len(w.risk.Violations) != 0 || len(w.risk.Occasions) != 0 || len(w.timers) != 0 {
		t.Errorf("%d violations, %d occasions and %d timers are left", len(w.risk.Violations), len(w.risk.Occasions), len(w.timers))
	}
}

// hearing is a session of the jury as the council would tell of it.
func hearing(t *testing.T, question string, decision string, members ...string) *api.Session {
	t.Helper()
	result, err := codec.Marshal(api.BallotResult{Decision: decision, ConsensusReached: true, Members: len(members), Participants: len(members)})
	if err != nil {
		t.Fatal(err)
	}
	s := &api.Session{ID: "s", Type: api.SessionVoting, Question: json.RawMessage(question), State: api.SessionCompleted, Result: result}
	for _, m := range members {
		s.Members = append(s.Members, api.SessionMember{ID: m})
	}
	return s
}

func TestJury(t *testing.T) {
	w := newWorld(t)
	w.stake("a", 100*unit)
	must[api.StakeRules](w, operator, "stakes.configure", api.StakeRules{Jurors: []string{"a", "b", "victim", "j1", "j2", "j3", "j4", "j5"}})
	r := accuse("v", "a")
	r.Harmed, r.Harm = "victim", unit
	v := must[api.Violation](w, "b", "violations.report", r)
	if len(v.Jury) != 3 || !slices.IsSorted(v.Jury) || slices.ContainsFunc(v.Jury, func(j string) bool { return j[0] != 'j' }) {
		t.Fatalf("the jury is %v", v.Jury)
	}
	judge := func(s *api.Session) risk.JudgeViolation {
		return risk.JudgeViolation{Request: api.ViolationJudgeRequest{ID: "v", Session: "s"}, Session: s}
	}
	good := func() *api.Session { return hearing(t, `{"violation":"v"}`, "yes", v.Jury...) }
	for name, spoil := range map[string]func(s *api.Session){
		"another id":       func(s *api.Session) { s.ID = "other" },
		"another question": func(s *api.Session) { s.Question = json.RawMessage(`{"violation":"w"}`) },
		"a claim":          func(s *api.Session) { s.Question = json.RawMessage(`{"claim":"v"}`) },
		"more than that":   func(s *api.Session) { s.Question = json.RawMessage(`{"violation":"v","say":"yes means innocent"}`) },
		"no question":      func(s *api.Session) { s.Question = nil },
		"junk":             func(s *api.Session) { s.Question = json.RawMessage(`[[]]`) },
		"another member":   func(s *api.Session) { s.Members[0].ID = "b" },
		"a member less":    func(s *api.Session) { s.Members = s.Members[1:] },
		"a member more":    func(s *api.Session) { s.Members = append(s.Members, api.SessionMember{ID: "b"}) },
		"not over":         func(s *api.Session) { s.State = api.SessionActive },
		"failed":           func(s *api.Session) { s.State = api.SessionFailed },
		"another type":     func(s *api.Session) { s.Type = api.SessionDecision },
		"plurality":        func(s *api.Session) { s.Algorithm = api.BallotPlurality },
		"other options":    func(s *api.Session) { s.Params = json.RawMessage(`{"options":["yes","no","perhaps"]}`) },
		"a tie decides":    func(s *api.Session) { s.Params = json.RawMessage(`{"tie":"first"}`) },
		"junk parameters":  func(s *api.Session) { s.Params = json.RawMessage(`[]`) },
		"no agreement":     func(s *api.Session) { s.Result = json.RawMessage(`{"decision":"yes","participants":3}`) },
		"one vote": func(s *api.Session) {
			s.Result = json.RawMessage(`{"decision":"yes","consensus_reached":true,"participants":1}`)
		},
		"another decision": func(s *api.Session) {
			s.Result = json.RawMessage(`{"decision":"perhaps","consensus_reached":true,"participants":3}`)
		},
		"no result": func(s *api.Session) { s.Result = nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := good()
			spoil(s)
			w.t = t
			refused(w, api.ReasonVerdictInvalid, "b", "violations.judge", judge(s))
		})
	}
	w.t = t
	refused(w, api.ReasonVerdictInvalid, "b", "violations.judge", judge(nil))
	got := must[api.Violation](w, "b", "violations.judge", judge(good()))
	if got.State != api.ViolationUpheld || got.JudgedBy != "session/s" || got.Slash != 25*unit {
		t.Errorf("%+v", got)
	}
	must[api.Violation](w, "b", "violations.report", accuse("v2", "a"))
	no := hearing(t, `{"violation":"v2"}`, "no", w.risk.Violations["v2"].Jury...)
	got = must[api.Violation](w, "b", "violations.judge", risk.JudgeViolation{Request: api.ViolationJudgeRequest{ID: "v2", Session: "s"}, Session: no})
	if got.State != api.ViolationDismissed {
		t.Errorf("%+v", got)
	}
}

// Every juror who is no party is drawn about as often, whatever the report is called.
func TestTheDrawIsFair(t *testing.T) {
	w := newWorld(t)
	must[api.StakeRules](w, operator, "stakes.configure", api.StakeRules{Jurors: []string{"j1", "j2", "j3", "j4", "j5", "j6"}})
	times := map[string]int{}
	const n = 600
	for i := range n {
		v := must[api.Violation](w, operator, "violations.report", accuse(fmt.Sprint("v", i), "a"))
		for _, j := range v.Jury {
			times[j]++
		}
	}
	for j, got := range times { // 300 each; the standard deviation is 12
		if got < n/2-60 || got > n/2+60 {
			t.Errorf("%s was drawn %d times of %d", j, got, n)
		}
	}
	few := newWorld(t)
	must[api.StakeRules](few, operator, "stakes.configure", api.StakeRules{Jurors: []string{"a", "j1", "j2"}})
	v := must[api.Violation](few, "b", "violations.report", accuse("v", "a"))
	s := hearing(t, `{"violation":"v"}`, "yes")
	if v.Jury != nil {
		t.Errorf("a jury of %v", v.Jury)
	}
	refused(few, api.ReasonVerdictInvalid, "b", "violations.judge", risk.JudgeViolation{Request: api.ViolationJudgeRequest{ID: "v", Session: "s"}, Session: s})
}
