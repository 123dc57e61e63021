package session_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// What one member says, however deep, never keeps the state from being written: there would be no snapshot any more.
func TestDeepValuesKeepNoStateFromBeingWritten(t *testing.T) {
	deep := json.RawMessage(strings.Repeat("[", 9_998) + strings.Repeat("]", 9_998))
	w := newWorld(t)
	w.start("s", "", "a", "b")
	for name, r := range map[string]api.SessionAnswerRequest{"a": {Session: "s", Round: 1, Answer: deep}, "b": {Session: "s", Round: 1, Answer: json.RawMessage(`1`)}} {
		if err := r.Validate(); err == nil {
			_, _ = w.do(session.KindAnswer, name, r)
		}
	}
	q := api.SessionStartRequest{ID: "t", Type: api.SessionConsensus, Members: []string{"a"}, Question: deep}
	if err := q.Validate(); err == nil {
		_, _ = w.do(session.KindStart, "starter", session.Start{Request: q})
	}
	if _, err := w.Snapshot(); err != nil {
		t.Fatal(err)
	}
}

// One effect archives no more than it can store in its time.
func TestLongSessionsAreArchivedAFewAtATime(t *testing.T) {
	w := newWorld(t)
	long := `"` + strings.Repeat("x", 64<<10-2) + `"`
	const n, members = 12, 64 // 4 MiB each
	var who []string
	for i := range members {
		who = append(who, fmt.Sprintf("m%d", i))
	}
	for i := range n {
		id := fmt.Sprintf("s%d", i)
		w.start(id, "", who...)
		for _, m := range who {
			_ = w.answer(id, m, 1, long)
		}
	}
	w.wait(5 * time.Second)
	for round := 1; len(w.State().Sessions) > 0; round++ {
		e := w.effect("archive/")
		if e == nil || round > n {
			t.Fatalf("%d sessions are left, and are not archived", len(w.State().Sessions))
		}
		var what session.Archiving
		if err := codec.Read(e.Body, &what); err != nil {
			t.Fatal(err)
		}
		if len(what.Sessions) > 8 {
			t.Errorf("an effect archives %d sessions of 4 MiB", len(what.Sessions))
		}
		w.effects = nil
		w.append(engine.OutcomeCommand(e.ID, []byte("{}")))
		w.wait(2 * time.Second)
	}
}

// What is kept for a repetition of a cancel does not grow with the session.
func TestACancelHasAShortAnswer(t *testing.T) {
	w := newWorld(t)
	w.start("s", "", "a", "b")
	if err := w.answer("s", "a", 1, `"`+strings.Repeat("x", 60<<10)+`"`); err != nil {
		t.Fatal(err)
	}
	if answer, err := w.do(session.KindCancel, "starter", api.SessionCancelRequest{ID: "s"}); err != nil || len(answer) > 1024 {
		t.Errorf("it has %d bytes: %v", len(answer), err)
	}
}

// A revision is given by the service, and never stored.
func TestAProtocolKeepsNoRevisionOfOthers(t *testing.T) {
	w := newWorld(t)
	if _, err := w.do(session.KindRegister, "", api.Protocol{Name: "p", Type: api.SessionConsensus, Revision: strings.Repeat("x", 300<<10)}); err != nil {
		t.Fatal(err)
	}
	if p := w.State().Protocols["p"]; p.Revision != "" {
		t.Errorf("it has %d bytes", len(p.Revision))
	}
}

// What all sessions take together is bounded, by what begins and by what is said, and there is room again when some are archived.
func TestSessionsTakeNoMoreThanTheirRoom(t *testing.T) {
	w := newWorld(t)
	w.State().Room(100 << 10)
	long := `"` + strings.Repeat("x", 60<<10) + `"`
	w.start("s", "", "a", "b", "c", "d", "e")
	w.start("t", "", "a")
	said := map[string]string{}
	for _, m := range []string{"a", "b", "c", "d", "e"} {
		said[m] = reason(w.answer("s", m, 1, long))
	}
	if said["d"] != "" || said["e"] != api.ReasonManySessions {
		t.Errorf("answers: %v", said)
	}
	r := session.Start{Request: api.SessionStartRequest{ID: "u", Type: api.SessionConsensus, Members: []string{"a"}}}
	if _, err := w.do(session.KindStart, "starter", r); reason(err) != api.ReasonManySessions {
		t.Errorf("start: %v", err)
	}
	if _, err := w.do(session.KindCancel, "starter", api.SessionCancelRequest{ID: "s"}); err != nil {
		t.Fatal(err)
	}
	w.wait(5 * time.Second)
	w.append(engine.OutcomeCommand(w.effect("archive/").ID, []byte("{}")))
	if _, err := w.do(session.KindStart, "starter", r); err != nil {
		t.Error(err)
	}
	if _, err := w.do(session.KindCancel, "starter", api.SessionCancelRequest{ID: "t"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.do(session.KindCancel, "starter", api.SessionCancelRequest{ID: "u"}); err != nil {
		t.Fatal(err)
	}
	w.effects = nil
	w.wait(5 * time.Second)
	w.append(engine.OutcomeCommand(w.effect("archive/").ID, []byte("{}")))
	if n := w.State().Bytes; n != 0 || len(w.State().Sessions) != 0 {
		t.Errorf("%d bytes are left without sessions", n)
	}
}
