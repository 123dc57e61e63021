package coordination_test

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Agents are asked, and their answers decide.
func TestAgentsAreReallyAsked(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	all := h.members(t, each(map[string]string{"a": "yes", "b": "yes", "c": "no"}), "a", "b", "c")
	r := vote("a", "b", "c")
	r.Params = json.RawMessage(`{"options":["yes","no"]}`)
	x := h.hold(t, r)
	got := result[api.BallotResult](t, x)
	if got.Decision != "yes" || !got.ConsensusReached || x.Members[0].Attributes["type"] != "voter" || x.StartedBy != "tester" || x.Revision == "" {
		t.Errorf("%+v of %+v", got, x)
	}
	q := all["a"].question(t, x.ID)
	if string(q.Question) != `"lunch"` || q.Phase != "vote" || q.Type != api.SessionConsensus || q.Round != 1 || !q.Deadline.Equal(x.Rounds[0].Deadline) {
		t.Errorf("asked %+v", q)
	}
	h.verify(t, x.ID)
}

// Nobody who is away holds the session up longer than it takes to find that out, and who is silent no longer than the round lasts.
func TestMembersWhoDoNotAnswer(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.register(t, "away")
	h.member(t, "silent", always(nil))
	h.member(t, "unwell", always(errUnwell))
	h.member(t, "here", always("yes"))
	r := vote("here", "away", "silent", "unwell")
	r.Timeout = api.Duration(8 * time.Second)
	x := h.open(t, r)
	natstest.Eventually(t, patience, func() bool {
		now, err := h.Sessions.Get(until(t), x.ID)
		return err == nil && asks(now, 1)["away"].State == api.AskFailed
	}, "the session knows that nobody runs one member")
	if now, err := h.Sessions.Get(until(t), x.ID); err != nil || now.State != api.SessionActive {
		t.Errorf("it has not waited for who is silent: %+v, %v", now, err)
	}
	x = h.over(t, x.ID)
	got := asks(x, 1)
	for id, want := range map[string]api.AskState{"here": api.AskAnswered, "away": api.AskFailed, "silent": api.AskSilent, "unwell": api.AskFailed} {
		if got[id].State != want {
			t.Errorf("%s is %s, want %s", id, got[id].State, want)
		}
	}
	if got["unwell"].Error != errUnwell.Error() || !strings.Contains(got["away"].Error, "no process runs the agent") {
		t.Errorf("%q, %q", got["unwell"].Error, got["away"].Error)
	}
	if s := x.Stats; s.Asked != 4 || s.Answered != 1 || s.Failed != 2 || s.Silent != 1 || s.Unneeded != 0 || s.Duration.Std() < 8*time.Second {
		t.Errorf("%+v", s)
	}
	if b := result[api.BallotResult](t, x); b.Decision != "yes" || b.Participants != 1 || b.Members != 4 {
		t.Errorf("%+v", b)
	}
	h.verify(t, x.ID)
}

// An answer counts once, for who gives it, and only while it is asked for.
func TestWhoseAnswersCount(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	members := h.members(t, always(nil), "a", "b", "c")
	stranger := h.member(t, "stranger", always(nil))
	r := vote("a", "b", "c")
	r.Timeout, r.Algorithm = api.Duration(time.Minute), api.BallotPlurality
	x := h.open(t, r)
	members["a"].question(t, x.ID)

	yes := json.RawMessage(`"yes"`)
	_, err := members["a"].answer(until(t), "none", 1, "yes")
	wantError(t, err, api.NotFound, api.ReasonSessionNotFound)
	_, err = stranger.answer(until(t), x.ID, 1, "yes")
	wantError(t, err, api.PermissionDenied, api.ReasonNotParticipant)
	_, err = rpc.Call(until(t), h.desk, api.SessionsAnswer, &api.SessionAnswerRequest{Session: x.ID, Round: 1, Answer: yes})
	wantError(t, err, api.Unauthenticated, api.ReasonPrincipalMissing)
	_, err = members["a"].answer(until(t), x.ID, 2, "yes")
	wantError(t, err, api.Invalid, "")
	_, err = members["a"].answer(until(t), x.ID, 1, "perhaps")
	wantError(t, err, api.Invalid, api.ReasonInvalidAnswer)

	first, err := members["a"].answer(until(t), x.ID, 1, "yes")
	if err != nil || first.State != api.SessionActive || first.Round != 1 || first.Revision == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := members["a"].answer(until(t), x.ID, 1, "yes")
	if err != nil || again.Head != first.Head {
		t.Errorf("the same again: %+v, %v, want %+v", again, err, first)
	}
	_, err = members["a"].answer(until(t), x.ID, 1, "no")
	wantError(t, err, api.Conflict, api.ReasonAlreadyAnswered)
	_, err = members["a"].answer(until(t), x.ID, 1, errUnwell)
	wantError(t, err, api.Conflict, api.ReasonAlreadyAnswered)

	if _, err := members["b"].answer(until(t), x.ID, 1, "yes"); err != nil { // which decides
		t.Fatal(err)
	}
	_, err = members["c"].answer(until(t), x.ID, 1, "no")
	wantError(t, err, api.FailedPrecondition, api.ReasonSessionEnded)
	ended := h.over(t, x.ID)
	if s := ended.Stats; s.Answered != 2 || s.Unneeded != 1 || asks(ended, 1)["c"].State != api.AskUnneeded {
		t.Errorf("%+v", s)
	}
	for _, when := range []string{"ended", "archived"} { // whoever has answered hears the same as before, whoever has not that it is over
		if again, err := members["a"].answer(until(t), x.ID, 1, "yes"); err != nil || again.State != api.SessionCompleted || again.Head != ended.Head {
			t.Errorf("%s: the same again: %+v, %v", when, again, err)
		}
		_, err = members["a"].answer(until(t), x.ID, 1, "no")
		wantError(t, err, api.Conflict, api.ReasonAlreadyAnswered)
		_, err = members["c"].answer(until(t), x.ID, 1, "no")
		wantError(t, err, api.FailedPrecondition, api.ReasonSessionEnded)
		_, err = stranger.answer(until(t), x.ID, 1, "no")
		wantError(t, err, api.PermissionDenied, api.ReasonNotParticipant)
		h.archived(t, x.ID)
	}
	h.verify(t, x.ID)
}

// Who answers a round that is over is told so while the session goes on.
func TestALateAnswer(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	slow := h.member(t, "slow", always(nil))
	h.member(t, "quick", func(_ string, q *api.SessionQuestion) any { return map[string]any{"answer": q.Round} })
	x := h.open(t, api.SessionStartRequest{
		Type: api.SessionReasoning, Members: []string{"slow", "quick"}, Params: json.RawMessage(`{"samples":3,"consensus_threshold":1}`), Timeout: api.Duration(2 * time.Second),
		Question: json.RawMessage(`"why"`),
	})
	natstest.Eventually(t, patience, func() bool {
		now, err := h.Sessions.Get(until(t), x.ID)
		return err == nil && len(now.Rounds) >= 2
	}, "the second round")
	_, err := slow.answer(until(t), x.ID, 1, map[string]any{"answer": 1})
	wantError(t, err, api.FailedPrecondition, api.ReasonRoundClosed)
	if x = h.over(t, x.ID); asks(x, 1)["slow"].State != api.AskSilent {
		t.Errorf("%+v", x.Rounds)
	}
	h.verify(t, x.ID)
}

// A session that is given less time than it needs ends as timeout, in the middle of a round.
func TestWithin(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.member(t, "a", always("yes"))
	h.member(t, "b", always(nil))
	r := vote("a", "b")
	r.Timeout, r.Within = api.Duration(time.Minute), api.Duration(4*time.Second)
	x := h.hold(t, r)
	if x.State != api.SessionTimeout || !strings.HasPrefix(x.Reason, "timeout") || x.EndedAt.Before(x.Deadline) || x.EndedAt.Sub(x.StartedAt) > patience || len(x.Result) != 0 {
		t.Errorf("%+v", x)
	}
	if got := asks(x, 1); got["a"].State != api.AskAnswered || got["b"].State == api.AskOpen || !x.Rounds[0].Deadline.Equal(x.Deadline) {
		t.Errorf("%+v", x.Rounds)
	}
	h.verify(t, x.ID)
}

// Only who started a session cancels it.
func TestCancel(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	m := h.member(t, "a", always(nil))
	r := vote("a")
	r.Timeout = api.Duration(time.Minute)
	x := h.open(t, r)
	m.question(t, x.ID)
	_, err := rpc.Call(until(t), dial(t, h.url, "stranger"), api.SessionsCancel, &api.SessionCancelRequest{ID: x.ID})
	wantError(t, err, api.PermissionDenied, "")
	_, err = rpc.Call(until(t), h.desk, api.SessionsCancel, &api.SessionCancelRequest{ID: x.ID})
	wantError(t, err, api.PermissionDenied, "")
	_, err = h.Sessions.Cancel(until(t), "none", "")
	wantError(t, err, api.NotFound, api.ReasonSessionNotFound)
	wait := later(t, h.conn, "", api.SessionsGet, api.SessionGetRequest{ID: x.ID, Wait: api.Duration(patience)})
	got, err := h.Sessions.Cancel(until(t), x.ID, "rain")
	if err != nil || got.State != api.SessionCancelled || got.Reason != "cancelled: rain" || got.Revision == "" {
		t.Fatalf("%+v, %v", got, err)
	}
	if seen, err := heard(t, wait); err != nil || seen.State != api.SessionCancelled || asks(seen, 1)["a"].State != api.AskUnneeded {
		t.Errorf("%+v, %v", seen, err)
	}
	_, err = h.Sessions.Cancel(until(t), x.ID, "rain")
	wantError(t, err, api.FailedPrecondition, api.ReasonSessionEnded)
	_, err = m.answer(until(t), x.ID, 1, "yes")
	wantError(t, err, api.FailedPrecondition, api.ReasonSessionEnded)
	h.archived(t, x.ID)
	_, err = h.Sessions.Cancel(until(t), x.ID, "rain")
	wantError(t, err, api.FailedPrecondition, api.ReasonSessionEnded)
	h.verify(t, x.ID)
}

// The longest question and the longest answer pass.
func TestLargeQuestions(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	text := strings.Repeat("é", api.MaxSessionQuestion/2-1)
	answer := strings.Repeat("x", api.MaxSessionAnswer-len(`{"value":""}`))
	h.member(t, "a", func(_ string, q *api.SessionQuestion) any {
		if want := `"` + text + `"`; string(q.Question) != want {
			t.Errorf("the question has %d bytes, want %d", len(q.Question), len(want))
		}
		return map[string]string{"value": answer}
	})
	x := h.hold(t, api.SessionStartRequest{Type: api.SessionDecision, Members: []string{"a"}, Question: json.RawMessage(`"` + text + `"`)})
	if got := result[api.DecisionResult](t, x); string(got.Value) != `"`+answer+`"` || got.By != "a" {
		t.Errorf("decided %d bytes by %s", len(got.Value), got.By)
	}
	h.verify(t, x.ID)
}

// What is asked beside the question may be longer than a message: then it goes by reference.
func TestQuestionsByReference(t *testing.T) {
	t.Parallel()
	srv := natstest.StartWith(t, natsd.Config{MaxPayload: 136 << 10})
	h := newHallAt(t, srv.URL(), 1, quiet)
	ids := []string{"a", "b", "c", "d", "e", "f"}
	var longest atomic.Int64
	h.members(t, func(id string, q *api.SessionQuestion) any {
		longest.Store(max(longest.Load(), int64(len(q.Ask)+len(q.Question))))
		if q.Phase != "feedback" {
			return map[string]any{"proposal": strings.Repeat("word ", 3_200) + id}
		}
		ratings := map[string]float64{}
		for _, other := range ids {
			if other != id {
				ratings[other] = 0.5
			}
		}
		return ratings
	}, ids...)
	x := h.hold(t, api.SessionStartRequest{Type: api.SessionIterative, Members: ids, Question: json.RawMessage(`"` + strings.Repeat("w", 65_000) + `"`), Params: json.RawMessage(`{"max_rounds":1}`)})
	if r := result[api.RefineResult](t, x); r.Rounds != 1 || x.Stats.Answered != 12 || longest.Load() < 140_000 {
		t.Errorf("%d answers of %+v, longest question %d", x.Stats.Answered, x.Stats, longest.Load())
	}
	h.verify(t, x.ID)
}
