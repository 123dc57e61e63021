package agenthost_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// voter is a puppet that obeys the ask of a question.
func (w *world) voter(t *testing.T, spec api.AgentSpec) (*host, *puppet) {
	t.Helper()
	h, p := w.standard(t, "h1")
	spec.Module = "voter"
	if spec.ID == "" {
		spec.ID = "a"
	}
	w.start(t, spec)
	return h, p
}

func TestPlainAnswerIsTheMembersAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assembly(t)
	w.voter(t, api.AgentSpec{})
	a.ask("a", question("s1", 1, echoed(`"yes"`)))
	got := a.want(1)
	if got.text() != `"yes"` || got.principal != "a" || got.Session != "s1" || got.Round != 1 || !api.ValidID(got.id) {
		t.Errorf("%+v", got)
	}
	a.ask("a", question("s1", 2, order{Do: "who"}))
	if next := a.want(2); next.text() != `["a","s1",false,""]` || next.id == got.id || next.Round != 2 {
		t.Errorf("%+v", next)
	}
	w.ask(t, "a", question("s1", 3, order{Do: "who"}), `["a","",false,""]`) // no question without the header: its caller gets the answer
	a.want(2)
}

func TestErrorsAreAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assembly(t)
	w.voter(t, api.AgentSpec{})
	for i, c := range []struct {
		order order
		want  string
	}{
		{order{Do: "fail", Arg: "no luck"}, "error agent_error: no luck"},
		{order{Do: "refuse", Arg: "my_reason"}, "error my_reason: not so fast"},
		{order{Do: "junk"}, "error agent_error: the agent's answer is not one JSON value"},
		{order{Do: "big", N: api.MaxSessionAnswer}, "error payload_too_large: the answer has 65538 bytes, a session takes 65536"},
		{order{Do: "panic", Arg: "bang"}, "error agent_crashed"},
		{order{Do: "nothing"}, "null"},
	} {
		a.ask("a", question("s1", i+1, c.order))
		if got := a.want(i + 1); got.text() != c.want || got.principal != "a" {
			t.Errorf("%s: %+v, want %s", c.order.Do, got, c.want)
		}
	}
}

// The agent crashes with one question; those behind it go to its next instance.
func TestCrashLosesOneQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assembly(t)
	_, p := w.voter(t, api.AgentSpec{})
	if err := w.Cast(t.Context(), "a", question("s1", 9, order{Do: "wait"})); err != nil { // no header: a plain message
		t.Fatal(err)
	}
	<-p.entered
	a.ask("a", question("s1", 1, order{Do: "panic"}))
	a.ask("a", question("s1", 2, echoed("2")))
	p.release <- struct{}{}
	a.want(2)
	for _, g := range a.got() {
		if want := map[int]string{1: "error agent_crashed", 2: "2"}[g.Round]; g.text() != want {
			t.Errorf("%+v, want %s", g, want)
		}
	}
}

func TestRepeatedQuestionRunsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assembly(t)
	h, p := w.voter(t, api.AgentSpec{Concurrency: 4})
	q := question("s1", 1, order{Do: "wait"})
	a.ask("a", q)
	<-p.entered
	a.ask("a", q) // acknowledged again, and not run
	a.ask("a", question("s2", 1, echoed("2")))
	a.want(1)
	p.release <- struct{}{}
	first := a.want(2)
	if err := h.svc.AnswersSent(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	a.ask("a", q) // the answer is known, and sent again
	if again := a.want(3); again.text() != first.text() || again.id != first.id || again.principal != "a" || first.Session != "s1" {
		t.Errorf("%+v after %+v", again, first)
	}
	select {
	case <-p.entered:
		t.Error("the question was run twice")
	default:
	}
}

func TestAnswerIsRepeatedUntilItIsHeard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assembly(t)
	w.voter(t, api.AgentSpec{})
	var tries atomic.Int64
	a.onAnswer(func(given) error {
		switch tries.Add(1) {
		case 1:
			return api.Errorf(api.Unavailable, "not now")
		case 2:
			return api.Errorf(api.Overloaded, "too much")
		case 3:
			return api.Errorf(api.DeadlineExceeded, "too slow")
		}
		return nil
	})
	a.ask("a", question("s1", 1, echoed("1")))
	natstest.Eventually(t, patience, func() bool { return tries.Load() == 4 }, "the answer is sent four times")
	for _, g := range a.got() {
		if g.id != a.got()[0].id || g.text() != "1" {
			t.Errorf("%+v", g)
		}
	}
	w.idle(t, "a", 1) // while it was repeated, the agent's slot was free: nothing waits for it
}

// The handler's slot is free although its answer is not taken.
func TestSlotIsFreeBeforeTheAnswerIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assembly(t)
	w.voter(t, api.AgentSpec{})
	var open atomic.Bool
	a.onAnswer(func(g given) error {
		if g.Round == 1 && !open.Load() {
			return api.Errorf(api.Unavailable, "not now")
		}
		return nil
	})
	a.ask("a", question("s1", 1, echoed("1")))
	natstest.Eventually(t, patience, func() bool { return len(a.got()) > 1 }, "the answer is sent and not taken")
	a.ask("a", question("s1", 2, echoed("2")))
	natstest.Eventually(t, patience, func() bool { // the first goes on coming
		return slices.ContainsFunc(a.got(), func(g given) bool { return g.Round == 2 })
	}, "the second answer")
	open.Store(true)
	natstest.Eventually(t, patience, func() bool {
		got := a.got()
		return got[len(got)-1].Round == 1
	}, "the first answer")
}

func TestWhatEndsAnAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assembly(t)
	h, _ := w.voter(t, api.AgentSpec{})
	ends := []*api.Error{
		api.Errorf(api.FailedPrecondition, "over").WithReason(api.ReasonSessionEnded),
		api.Errorf(api.FailedPrecondition, "closed").WithReason(api.ReasonRoundClosed),
		api.Errorf(api.Conflict, "another").WithReason(api.ReasonAlreadyAnswered),
		api.Errorf(api.PermissionDenied, "who are you").WithReason(api.ReasonNotParticipant),
	}
	a.onAnswer(func(g given) error {
		if g.Round <= len(ends) {
			return ends[g.Round-1]
		}
		return nil
	})
	for round := range len(ends) + 1 {
		a.ask("a", question("s1", round+1, echoed("1")))
		a.want(round + 1) // one try each
	}
	h.stop() // which waits for answers that are on their way
	a.want(len(ends) + 1)
}

// An answer of the wrong form ends the wait for the member: it has no other.
func TestRefusedAnswerBecomesAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assembly(t)
	w.voter(t, api.AgentSpec{})
	a.onAnswer(func(g given) error {
		if g.Error == "" {
			return api.Errorf(api.Invalid, "want yes or no").WithReason(api.ReasonInvalidAnswer)
		}
		return nil
	})
	a.ask("a", question("s1", 1, echoed(`"perhaps"`)))
	if got := a.want(2); got.text() != "error invalid_answer: want yes or no" || got.id == a.got()[0].id {
		t.Errorf("%+v", a.got())
	}
}

func TestQuestionsDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assembly(t)
	_, p := w.voter(t, api.AgentSpec{})
	q := question("s1", 1, order{Do: "wait"})
	q.Deadline = time.Now().Add(5 * time.Second) // by which both questions are there
	a.ask("a", q)
	<-p.entered
	late := question("s1", 2, echoed("2")) // its time is over when its turn comes
	late.Deadline = q.Deadline
	a.ask("a", late)
	w.idle(t, "a", 2) // the handler's context ended, and nothing was sent: the round is closed
	q.Deadline = time.Now().Add(-time.Second)
	wantError(t, a.send("a", q), api.DeadlineExceeded, api.ReasonTimeout)
	q.Deadline = time.Now().Add(patience) // the first is forgotten with its deadline
	q.Ask = json.RawMessage(`{"do":"echo","payload":3}`)
	a.ask("a", q)
	if got := a.want(1); got.text() != "3" || got.Round != 1 {
		t.Errorf("%+v", got)
	}
}

func TestQuestionsThatAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assembly(t)
	_, p := w.voter(t, api.AgentSpec{Mailbox: 1, Capabilities: []string{"vote"}})
	body, err := codec.Marshal(question("s1", 1, echoed("1")))
	if err != nil {
		t.Fatal(err)
	}
	send := func(conn *rpc.Conn, subject, header string, body []byte) error {
		_, err := conn.RequestHeader(within(t, patience), subject, body, false, nats.Header{api.HeaderCast: {"1"}, api.HeaderSession: {header}})
		return err
	}
	plain := api.AgentSubject("mabus", "a")
	for _, header := range []string{"s1", "s1/", "s1/0", "s1/1001", "s1/x", "s1/1/1", "/1", "a b/1"} {
		wantError(t, send(a.conn, plain, header, body), api.Invalid, "")
	}
	wantError(t, send(a.conn, plain, "s2/1", body), api.Invalid, api.ReasonMalformed)
	wantError(t, send(a.conn, plain, "s1/1", []byte("junk")), api.Invalid, api.ReasonMalformed)
	wantError(t, send(a.conn, plain, "s1/1", nil), api.Invalid, api.ReasonMalformed)
	wantError(t, send(w.dial(t, "mallory"), plain, "s1/1", body), api.PermissionDenied, "") // only a service asks for a session
	wantError(t, send(a.conn, api.CapabilitySubject("mabus", "vote"), "s1/1", body), api.PermissionDenied, "")

	a.ask("a", question("s3", 1, order{Do: "wait"}))
	<-p.entered
	a.ask("a", question("s3", 2, echoed("2")))
	full := question("s3", 3, echoed("3"))
	wantError(t, a.send("a", full), api.Overloaded, api.ReasonMailboxFull) // it may be asked again
	p.release <- struct{}{}
	a.want(2)
	a.ask("a", full)
	if got := a.want(3); got.text() != "3" {
		t.Errorf("%+v", got)
	}
}

func TestLargeQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assembly(t)
	w.voter(t, api.AgentSpec{})
	q := question("s1", 1, order{Do: "size", Arg: strings.Repeat("x", 3<<20)}) // travels by reference
	natstest.Eventually(t, patience, func() bool { return a.send("a", q) == nil }, "the question is taken")
	if got := a.want(1); len(got.Answer) != 7 {
		t.Errorf("%s", got.text())
	}
}

// A question that waits when its agent ends for good is answered, since nobody else will.
func TestStoppedAgentAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assembly(t)
	_, p := w.voter(t, api.AgentSpec{Shutdown: api.Duration(200 * time.Millisecond)})
	a.ask("a", question("s1", 1, order{Do: "wait"}))
	<-p.entered
	a.ask("a", question("s1", 2, echoed("2")))
	if _, err := w.Agents.Stop(within(t, patience), "a"); err != nil {
		t.Fatal(err)
	}
	a.want(2)
	for _, g := range a.got() {
		want := map[int]string{1: "error draining: ", 2: "error nobody_listens: "}[g.Round]
		if !strings.HasPrefix(g.text(), want) || g.principal != "a" {
			t.Errorf("%+v, want %s", g, want)
		}
	}
}
