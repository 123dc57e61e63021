package session_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

func TestEachMemberCountsOnceARound(t *testing.T) {
	w := newWorld(t)
	w.start("s", `{"need":2,"rounds":2}`, "a", "b", "c")
	steps := []struct {
		member string
		round  int
		answer string
		want   string // reason of the refusal
	}{
		{"a", 1, `1`, ""},
		{"a", 1, `1`, ""},                            // again: changes nothing
		{"a", 1, `2`, api.ReasonAlreadyAnswered},     // the first counts
		{"d", 1, `1`, api.ReasonNotParticipant},      // a stranger
		{"", 1, `1`, api.ReasonNotParticipant},       // nobody
		{"b", 1, `"no"`, api.ReasonInvalidAnswer},    // refused, and may answer again
		{"b", 1, `"panic"`, api.ReasonInvalidAnswer}, // a protocol that fails on an answer refuses it
		{"b", 2, `1`, ""},                            // not yet asked: see below
		{"b", 1, `3`, ""},                            // second answer of two: the round is over
		{"c", 1, `1`, api.ReasonRoundClosed},
		{"c", 2, `5`, ""},
		{"b", 2, `6`, ""},
		{"a", 2, `7`, api.ReasonSessionEnded},
		{"b", 2, `6`, ""}, // its answer counts still
	}
	for i, s := range steps {
		err := w.answer("s", s.member, s.round, s.answer)
		if i == 7 {
			if err == nil || err.Code != api.Invalid {
				t.Fatalf("an answer to a round that was not asked: %v", err)
			}
			continue
		}
		if reason(err) != s.want || (err == nil) != (s.want == "") {
			t.Fatalf("step %d: %v, want %q", i, err, s.want)
		}
	}
	x := w.get("s")
	if x.State != api.SessionCompleted || string(x.Result) != `{"answers":["6","5"]}` {
		t.Fatalf("%s %s", x.State, x.Result)
	}
	if want := (api.SessionStats{Asked: 6, Answered: 4, Unneeded: 2, Bytes: x.Stats.Bytes}); x.Stats != want || x.Stats.Bytes == 0 {
		t.Errorf("%+v, want %+v", x.Stats, want)
	}
	w.check("s")
}

func TestRoundsEndByTheLogsTime(t *testing.T) {
	w := newWorld(t)
	w.start("s", `{"need":3}`, "a", "b", "c")
	if err := w.answer("s", "a", 1, `1`); err != nil {
		t.Fatal(err)
	}
	w.wait(time.Minute - time.Nanosecond)
	if w.get("s").State != api.SessionActive {
		t.Fatal("it ended too early")
	}
	w.wait(time.Nanosecond)
	x := w.get("s")
	if x.State != api.SessionFailed || !strings.HasPrefix(x.Reason, "no_quorum: ") || x.Stats.Silent != 2 || x.Stats.Duration.Std() != time.Minute {
		t.Fatalf("%s %q %+v", x.State, x.Reason, x.Stats)
	}
	if x.Rounds[0].Asks[1].State != api.AskSilent || !x.Rounds[0].ClosedAt.Equal(w.now) {
		t.Errorf("%+v", x.Rounds[0])
	}
	w.check("s")
}

func TestWithinEndsTheSession(t *testing.T) {
	w := newWorld(t)
	if _, err := w.do(session.KindStart, "p", session.Start{Request: api.SessionStartRequest{ID: "s", Type: api.SessionConsensus, Members: []string{"a"}, Within: api.Duration(time.Second)}}); err != nil {
		t.Fatal(err)
	}
	w.wait(time.Second)
	if x := w.get("s"); x.State != api.SessionTimeout || x.Reason == "" {
		t.Fatalf("%s %q", x.State, x.Reason)
	}
	w.check("s")
}

func TestWhoCannotBeAskedHasFailed(t *testing.T) {
	w := newWorld(t)
	w.start("s", `{"need":2}`, "a", "b")
	e := w.effect("ask/s/1")
	if e == nil || e.Kind != session.AskEffect {
		t.Fatalf("%+v", w.effects)
	}
	w.append(engine.Command{Kind: engine.KindOutcome, Key: e.ID, Body: []byte(`{"unreachable":[{"member":"b","error":"gone"},{"member":"zz","error":"?"}]}`)})
	if a := w.get("s").Rounds[0].Asks[1]; a.State != api.AskFailed || a.Error != "gone" {
		t.Fatalf("%+v", a)
	}
	if err := w.answer("s", "b", 1, `1`); reason(err) != api.ReasonRoundClosed {
		t.Fatal(err)
	}
	if err := w.answer("s", "a", 1, `1`); err != nil {
		t.Fatal(err)
	}
	if x := w.get("s"); x.State != api.SessionFailed {
		t.Fatal(x.State)
	}
	w.check("s")
}

func TestAMembersError(t *testing.T) {
	w := newWorld(t)
	w.start("s", `{"need":1}`, "a", "b")
	give := func(text string) *api.Error {
		_, err := w.do(session.KindAnswer, "a", api.SessionAnswerRequest{Session: "s", Round: 1, Error: text})
		return err
	}
	if err := give("cannot"); err != nil {
		t.Fatal(err)
	}
	if err := give("cannot"); err != nil {
		t.Fatal(err)
	}
	if err := w.answer("s", "a", 1, `1`); reason(err) != api.ReasonAlreadyAnswered {
		t.Fatal(err)
	}
	if x := w.get("s"); x.State != api.SessionActive || x.Stats.Failed != 1 {
		t.Fatalf("%s %+v", x.State, x.Stats)
	}
	w.check("s")
}

func TestAProtocolThatPanicsEndsItsSessionOnly(t *testing.T) {
	w := newWorld(t)
	w.start("s", `{"need":1}`, "a")
	w.start("other", `{"need":1}`, "a")
	if err := w.answer("s", "a", 1, `"boom"`); err != nil {
		t.Fatal(err)
	}
	if x := w.get("s"); x.State != api.SessionFailed || !strings.HasPrefix(x.Reason, "internal: ") {
		t.Fatalf("%s %q", x.State, x.Reason)
	}
	if w.get("other").State != api.SessionActive {
		t.Fatal("the other session has ended too")
	}
	w.start("stuck", `{"Stuck":true}`, "a")
	if err := w.answer("stuck", "a", 1, `1`); err != nil {
		t.Fatal(err)
	}
	if x := w.get("stuck"); x.State != api.SessionFailed {
		t.Fatal(x.State)
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	w.start("s", "", "a")
	if _, err := w.do(session.KindCancel, "other", api.SessionCancelRequest{ID: "s"}); err == nil || err.Code != api.PermissionDenied {
		t.Fatal(err)
	}
	if _, err := w.do(session.KindCancel, "starter", api.SessionCancelRequest{ID: "s", Reason: "enough"}); err != nil {
		t.Fatal(err)
	}
	if x := w.get("s"); x.State != api.SessionCancelled || x.Reason != "cancelled: enough" || x.Stats.Unneeded != 1 {
		t.Fatalf("%+v", x)
	}
	if _, err := w.do(session.KindCancel, "starter", api.SessionCancelRequest{ID: "s"}); reason(err) != api.ReasonSessionEnded {
		t.Fatal(err)
	}
	if _, err := w.do(session.KindCancel, "starter", api.SessionCancelRequest{ID: "none"}); reason(err) != api.ReasonSessionNotFound {
		t.Fatal(err)
	}
	w.check("s")
}

func TestAnIDIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	first := w.start("s", "", "a")
	if again := w.start("s", "", "a"); again.Head != first.Head || w.State().Counts[api.SessionConsensus].Started != 1 {
		t.Fatal("the same request has started another session")
	}
	other := session.Start{Request: api.SessionStartRequest{ID: "s", Type: api.SessionConsensus, Members: []string{"b"}}}
	if _, err := w.do(session.KindStart, "starter", other); reason(err) != api.ReasonSessionExists {
		t.Fatal(err)
	}
	if err := w.answer("s", "a", 1, `1`); err != nil {
		t.Fatal(err)
	}
	w.wait(time.Second)
	e := w.effect("archive/")
	if e == nil {
		t.Fatal("nothing is archived")
	}
	seen := w.Seq()
	w.append(engine.Command{Kind: engine.KindOutcome, Key: e.ID, Body: []byte(`{}`)})
	if len(w.State().Sessions) != 0 || len(w.State().Ended) != 0 {
		t.Fatal("the archived session is kept")
	}
	other.Checked = seen
	if _, err := w.do(session.KindStart, "starter", other); reason(err) != session.Unchecked.Details.Reason {
		t.Fatal("a look at the archive from before was believed: ", err)
	}
	other.Checked = w.Seq()
	if _, err := w.do(session.KindStart, "starter", other); err != nil {
		t.Fatal(err)
	}
}

func TestProtocols(t *testing.T) {
	w := newWorld(t)
	p := api.Protocol{Name: "p", Type: api.SessionConsensus, Params: json.RawMessage(`{"need":1}`), Timeout: api.Duration(time.Hour)}
	if _, err := w.do(session.KindUpdate, "", p); reason(err) != api.ReasonProtocolNotFound {
		t.Fatal(err)
	}
	if _, err := w.do(session.KindRegister, "", p); err != nil {
		t.Fatal(err)
	}
	if _, err := w.do(session.KindRegister, "", p); reason(err) != api.ReasonAlreadyRegistered {
		t.Fatal(err)
	}
	start := func(id string, r api.SessionStartRequest) *api.Error {
		r.ID, r.Members = id, []string{"a", "b"}
		_, err := w.do(session.KindStart, "", session.Start{Request: r})
		return err
	}
	if err := start("one", api.SessionStartRequest{Protocol: "p"}); err != nil {
		t.Fatal(err)
	}
	if x := w.get("one"); x.Timeout.Std() != time.Hour || string(x.Params) != `{"need":1,"rounds":1,"Stuck":false}` {
		t.Fatalf("%+v", x)
	}
	if err := start("two", api.SessionStartRequest{Protocol: "p", Params: json.RawMessage(`{"rounds":3}`), Timeout: api.Duration(time.Second)}); err != nil {
		t.Fatal(err)
	}
	if x := w.get("two"); x.Timeout.Std() != time.Second || string(x.Params) != `{"need":1,"rounds":3,"Stuck":false}` {
		t.Fatalf("%s", x.Params)
	}
	if err := start("three", api.SessionStartRequest{Protocol: "q"}); reason(err) != api.ReasonProtocolNotFound {
		t.Fatal(err)
	}
	if err := start("three", api.SessionStartRequest{Type: api.SessionFusion}); err == nil || err.Code != api.Unimplemented {
		t.Fatal(err)
	}
	if answer, err := w.do(session.KindUnregister, "", api.NameRequest{Name: "p"}); err != nil || string(answer) != `{"existed":true}` {
		t.Fatal(string(answer), err)
	}
	if answer, err := w.do(session.KindUnregister, "", api.NameRequest{Name: "p"}); err != nil || string(answer) != `{"existed":false}` {
		t.Fatal(string(answer), err)
	}
}

// TestAnyHistory plays random commands, and checks what must hold after each of them.
func TestAnyHistory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		members := []string{"a", "b", "c", "d"}
		for i := range rapid.IntRange(1, 30).Draw(rt, "commands") {
			switch rapid.IntRange(0, 7).Draw(rt, "what") {
			case 0:
				id := fmt.Sprintf("s%d", rapid.IntRange(0, 3).Draw(rt, "id"))
				params := fmt.Sprintf(`{"need":%d,"rounds":%d}`, rapid.IntRange(0, 5).Draw(rt, "need"), rapid.IntRange(1, 3).Draw(rt, "rounds"))
				r := api.SessionStartRequest{ID: id, Type: api.SessionConsensus, Members: members[:rapid.IntRange(0, 4).Draw(rt, "n")], Params: json.RawMessage(params)}
				_, _ = w.do(session.KindStart, "p", session.Start{Request: r, Checked: w.Seq()})
			case 1, 2, 3, 4:
				_ = w.answer(fmt.Sprintf("s%d", rapid.IntRange(0, 3).Draw(rt, "id")), rapid.SampledFrom(append(members, "x", "")).Draw(rt, "who"),
					rapid.IntRange(1, 3).Draw(rt, "round"), rapid.SampledFrom([]string{`1`, `2`, `"no"`, `"panic"`, `"boom"`}).Draw(rt, "answer"))
			case 5:
				w.wait(time.Duration(rapid.IntRange(0, 90).Draw(rt, "seconds")) * time.Second)
			case 6:
				_, _ = w.do(session.KindCancel, "p", api.SessionCancelRequest{ID: fmt.Sprintf("s%d", rapid.IntRange(0, 3).Draw(rt, "id"))})
			case 7:
				if len(w.effects) > 0 {
					e := w.effects[rapid.IntRange(0, len(w.effects)-1).Draw(rt, "effect")]
					w.append(engine.Command{Kind: engine.KindOutcome, Key: e.ID, Body: []byte(`{"unreachable":[{"member":"a","error":"gone"}]}`)})
				}
			}
			w.invariants(rt, i)
		}
		before, err := w.Snapshot()
		if err != nil {
			rt.Fatal(err)
		}
		copied, err := engine.Restore(machine(), before)
		if err != nil {
			rt.Fatal(err)
		}
		if after, err := copied.Snapshot(); err != nil || !bytes.Equal(before, after) {
			rt.Fatal("a snapshot does not read back as it was: ", err)
		}
	})
}

func (w *world) invariants(t *rapid.T, i int) {
	active := 0
	for id, r := range w.State().Sessions {
		x := &r.Session
		if err := session.Verify(x, r.Steps); err != nil {
			t.Fatalf("after %d: %s: %v", i, id, err)
		}
		if x.State == api.SessionActive {
			active++
			last := x.Rounds[len(x.Rounds)-1]
			if !last.ClosedAt.IsZero() || !last.Deadline.After(w.Time()) {
				t.Fatalf("after %d: %s is active without an open round", i, id)
			}
		}
		stats := api.SessionStats{Bytes: x.Stats.Bytes, Duration: x.Stats.Duration}
		for _, r := range x.Rounds {
			for _, a := range r.Asks {
				stats.Asked++
				switch a.State {
				case api.AskAnswered:
					stats.Answered++
				case api.AskFailed:
					stats.Failed++
				case api.AskSilent:
					stats.Silent++
				case api.AskUnneeded:
					stats.Unneeded++
				case api.AskOpen:
					if x.State != api.SessionActive {
						t.Fatalf("after %d: %s has ended with an open question", i, id)
					}
				}
			}
		}
		if stats != x.Stats {
			t.Fatalf("after %d: %s counts %+v, and has %+v", i, id, x.Stats, stats)
		}
	}
	if active != w.State().Active {
		t.Fatalf("after %d: %d are active, counted as %d", i, active, w.State().Active)
	}
}

func TestVerifyFindsEveryChange(t *testing.T) {
	w := newWorld(t)
	w.start("s", `{"need":2}`, "a", "b", "c")
	_ = w.answer("s", "a", 1, `{"vote":"yes"}`)
	_ = w.answer("s", "b", 1, `{"vote":"no"}`)
	r := w.State().Sessions["s"]
	for name, change := range map[string]func(x *api.Session, steps []api.SessionStep){
		"answer": func(x *api.Session, _ []api.SessionStep) {
			x.Rounds[0].Asks[0].Answer = json.RawMessage(`{"vote":"no"}`)
		},
		"member":   func(x *api.Session, _ []api.SessionStep) { x.Rounds[0].Asks[0].Member = "c" },
		"question": func(x *api.Session, _ []api.SessionStep) { x.Question = json.RawMessage(`"how?"`) },
		"result":   func(x *api.Session, _ []api.SessionStep) { x.Result = json.RawMessage(`{}`) },
		"time":     func(_ *api.Session, s []api.SessionStep) { s[2].At = s[2].At.Add(1) },
		"who":      func(_ *api.Session, s []api.SessionStep) { s[2].Member = "b" },
		"order":    func(_ *api.Session, s []api.SessionStep) { s[2], s[3] = s[3], s[2] },
		"head":     func(x *api.Session, _ []api.SessionStep) { x.Head = strings.Repeat("0", 64) },
	} {
		x := r.Session
		x.Rounds = []api.SessionRound{x.Rounds[0]}
		x.Rounds[0].Asks = append([]api.SessionAsk{}, x.Rounds[0].Asks...)
		steps := append([]api.SessionStep{}, r.Steps...)
		change(&x, steps)
		if session.Verify(&x, steps) == nil {
			t.Errorf("a changed %s is not found", name)
		}
	}
}
