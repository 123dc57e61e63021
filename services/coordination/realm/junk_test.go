package realm_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/realm"
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// junkParams are parameters of types that need some.
var junkParams = map[api.SessionType]string{
	api.SessionAllocation: `{"resources":{"cpu":10}}`,
	api.SessionTools:      `{"steps":[{"id":"x","tool":"t"}]}`,
	api.SessionSearch:     `{"parameter_space":{"x":{"min":0,"max":1}}}`,
}

// junkWords are what junk answers are made of.
var junkWords = []string{
	"null", "true", "0", "-0", "1e999999", "-1", "0.1234567", "9007199254740993", `""`, `"yes"`, `"no"`, `"accept"`, `"\u0000"`, `"a b"`, "[]", "{}", `{"":null}`,
}

var junkNames = []string{
	"vote", "confidence", "answer", "score", "offer", "accept", "reject", "value", "decision", "ranking", "weight", "prediction", "probabilities", "steps", "result", "proposal",
	"feedback", "quality", "demand", "utility", "min", "max", "choice", "score", "m0", "m1", "cpu", "x", "modalities", "error", "key", "host", "certificate", "votes", "shares", "counter",
}

func junk(t *rapid.T, depth int) string {
	if depth == 0 || rapid.Bool().Draw(t, "plain") {
		return rapid.SampledFrom(junkWords).Draw(t, "word")
	}
	n := rapid.IntRange(0, 3).Draw(t, "n")
	var parts []string
	if rapid.Bool().Draw(t, "array") {
		for range n {
			parts = append(parts, junk(t, depth-1))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	seen := map[string]bool{}
	for range n {
		name := rapid.SampledFrom(junkNames).Draw(t, "name")
		if !seen[name] {
			seen[name] = true
			parts = append(parts, fmt.Sprintf("%q:%s", name, junk(t, depth-1)))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// Whatever members answer, no protocol panics or loses its way, the state reads back to the byte, and every transcript is proven.
func TestJunkAnswersOfAllTypes(t *testing.T) {
	for _, kind := range api.SessionTypes {
		t.Run(string(kind), func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { junkSession(t, kind) }) })
	}
}

func junkSession(t *rapid.T, kind api.SessionType) {
	e, now, number := engine.New(realm.Machine()), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), uint64(0)
	do := func(c ...engine.Command) []engine.Reply {
		number++
		b := engine.Batch{Machine: "coordination", Log: "l", Version: 1, Writer: "w", Number: number, Applied: e.Seq(), AppliedTime: e.Time(), Claim: e.Hash(), Commands: c}
		a, err := e.Apply(engine.Entry{Seq: e.Seq() + 1, Time: now, Data: b.Append(nil)})
		if err != nil || a.Skipped != "" || len(a.Panics) > 0 {
			t.Fatal(err, a.Skipped, a.Panics)
		}
		for _, r := range a.Replies {
			if r.Panic != "" {
				t.Fatal(r.Panic)
			}
		}
		return a.Replies
	}
	command := func(kind, by string, body any) engine.Command {
		raw, err := codec.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return engine.Command{Kind: kind, Principal: by, Body: raw}
	}
	r := api.SessionStartRequest{ID: "s", Type: kind, Question: json.RawMessage(`"why"`), Params: json.RawMessage(junkParams[kind])}
	members := rapid.IntRange(1, 6).Draw(t, "members")
	if kind == api.SessionByzantine {
		members = 4
	}
	for i := range members {
		r.Members = append(r.Members, fmt.Sprintf("m%d", i))
	}
	if err := do(command(session.KindStart, "starter", session.Start{Request: r}))[0].Err; err != nil {
		t.Skip("a session that is refused asks nobody, so there are no answers to spoil: ", err)
	}
	for range rapid.IntRange(0, 30).Draw(t, "steps") {
		x := &e.State().Sessions.Sessions["s"].Session
		if x.State != api.SessionActive {
			break
		}
		if rapid.IntRange(0, 9).Draw(t, "late") == 0 {
			now = now.Add(10 * time.Minute)
			do()
			continue
		}
		a := api.SessionAnswerRequest{Session: "s", Round: len(x.Rounds), Answer: json.RawMessage(junk(t, 3))}
		if err := a.Validate(); err != nil {
			continue
		}
		do(command(session.KindAnswer, rapid.SampledFrom(r.Members).Draw(t, "by"), a))
	}
	one := e.State().Sessions.Sessions["s"]
	if strings.HasPrefix(one.Session.Reason, "internal") {
		t.Fatal(one.Session.Reason)
	}
	snapshot, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	back, err := engine.Restore(realm.Machine(), snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := back.Snapshot(); err != nil || !bytes.Equal(again, snapshot) {
		t.Fatal("the state does not read back: ", err)
	}
	read := back.State().Sessions.Sessions["s"]
	if err := session.Verify(&read.Session, read.Steps); err != nil {
		t.Fatal(err)
	}
}
