package engine_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

func ids(list []engine.Pending) []string {
	var out []string
	for _, p := range list {
		out = append(out, p.ID+" of "+p.Owner)
	}
	return out
}

func TestEffects(t *testing.T) {
	l := newTape(t, counter())
	a := l.do("a", do("e1"), do("e2"), do("e1"))
	if got := ids(a.Started); !slices.Equal(got, []string{"e1 of a", "e2 of a"}) {
		t.Errorf("started %v", got)
	}
	if p, ok := l.e.Effect("e1"); !ok || p.Kind != "write" || string(p.Body) != "body" || !p.Deadline.Equal(begin.Add(engine.Claim)) {
		t.Errorf("%+v", p)
	}
	if a := l.do("b", do("e1")); len(a.Started) != 0 {
		t.Errorf("what is pending was started again: %v", a.Started)
	}
	// The first outcome wins, whoever brings it.
	a = l.do("b", engine.OutcomeCommand("e1", []byte("first")), engine.OutcomeCommand("e1", []byte("second")))
	if s := l.e.State().Outcomes["e1"]; s != "first" || !slices.Equal(a.Settled, []string{"e1"}) {
		t.Errorf("outcome %q, settled %v", s, a.Settled)
	}
	for i, r := range a.Replies {
		if string(r.Answer) != "{}" || r.Err != nil {
			t.Errorf("reply %d: %+v", i, r)
		}
	}
	if a := l.do("a", engine.OutcomeCommand("e1", []byte("third")), engine.OutcomeCommand("none", nil)); len(a.Events) != 0 || len(a.Settled) != 0 {
		t.Errorf("%+v", a)
	}
	if got := ids(slices.Collect(l.e.Effects())); !slices.Equal(got, []string{"e2 of a"}) || l.e.Pending() != 1 {
		t.Errorf("pending %v", got)
	}
	l.replay(counter())
}

func TestClaims(t *testing.T) {
	l := newTape(t, counter())
	l.do("b")
	l.do("a", do("e1"))
	claim := engine.ClaimCommand("e1")
	if r := l.after(engine.Claim-1).one("b", claim); code(r.Err) != api.Conflict {
		t.Errorf("before the deadline: %+v", r)
	}
	if a := l.do("a", claim); a.Replies[0].Err != nil || len(a.Started) != 0 {
		t.Errorf("a renewal: %+v", a)
	}
	if r := l.after(engine.Claim-1).one("b", claim); code(r.Err) != api.Conflict {
		t.Errorf("after a renewal: %+v", r)
	}
	if a := l.after(1).do("b", claim); a.Replies[0].Err != nil || !slices.Equal(ids(a.Started), []string{"e1 of b"}) {
		t.Errorf("at the deadline: %+v", a)
	}
	if r := l.one("a", claim); code(r.Err) != api.Conflict {
		t.Errorf("by the former owner: %+v", r)
	}
	if r := l.one("a", engine.ClaimCommand("none")); code(r.Err) != api.NotFound {
		t.Errorf("of nothing: %+v", r)
	}
	// Who leaves lets go.
	l.do("b", engine.LeaveCommand())
	if a := l.do("a", claim); !slices.Equal(ids(a.Started), []string{"e1 of a"}) {
		t.Errorf("after its owner has left: %+v", a)
	}
	l.replay(counter())
}

func TestEffectsOfTimersBelongToTheWriter(t *testing.T) {
	m := counter()
	m.Rules = map[int]engine.Rules[*counts]{1: {Evolve: evolve(1), Decide: func(s *counts, c engine.Command) engine.Decision {
		if c.Kind == engine.KindTimer {
			return engine.Decision{Effects: []engine.Effect{{ID: c.Key, Kind: "write"}}}
		}
		return decide(s, c)
	}}}
	l := newTape(t, m)
	l.do("a", alarm("x", begin.Add(time.Second)))
	if a := l.after(time.Second).do("b"); !slices.Equal(ids(a.Started), []string{"x of b"}) {
		t.Errorf("%+v", a)
	}
}

// TestEachEffectHasOneOutcome draws claims, outcomes, departures and silences.
func TestEachEffectHasOneOutcome(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newTape(t, counter())
		owner, deadline := map[string]string{}, map[string]time.Time{}
		writers := []string{"p", "q", "r"}
		for range rapid.IntRange(1, 80).Draw(rt, "entries") {
			w := rapid.SampledFrom(writers).Draw(rt, "writer")
			id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "effect")
			l.after(time.Duration(rapid.IntRange(0, 1500).Draw(rt, "step")) * time.Millisecond)
			held := owner[id]
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0:
				l.do(w, do(id))
				if held == "" {
					owner[id], deadline[id] = w, l.now.Add(engine.Claim)
				}
			case 1, 2:
				r := l.one(w, engine.ClaimCommand(id))
				may := held != "" && (held == w || !l.now.Before(deadline[id]))
				if may != (r.Err == nil) {
					rt.Fatalf("claim of %s by %s: %v; it is %s's until %s, now %s", id, w, r.Err, held, deadline[id], l.now)
				}
				if may {
					owner[id], deadline[id] = w, l.now.Add(engine.Claim)
				}
			case 3:
				a := l.do(w, engine.OutcomeCommand(id, []byte("x")))
				if (len(a.Settled) == 1) != (held != "") {
					rt.Fatalf("outcome of %s: %+v", id, a)
				}
				delete(owner, id)
			case 4:
				l.do(w, engine.LeaveCommand())
				for e, o := range owner {
					if o == w && deadline[e].After(l.now) {
						deadline[e] = l.now
					}
				}
			}
			if l.e.Pending() != len(owner) {
				rt.Fatalf("%d pending, want %d", l.e.Pending(), len(owner))
			}
			for p := range l.e.Effects() {
				if p.Owner != owner[p.ID] || !p.Deadline.Equal(deadline[p.ID]) {
					rt.Fatalf("%+v, want %s until %s", p, owner[p.ID], deadline[p.ID])
				}
			}
		}
		l.replay(counter())
	})
}
