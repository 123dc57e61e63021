package engine_test

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// counts is the state of the machine under test.
type counts struct {
	Values   map[string]int64  `json:"values"`
	Fired    map[string]int    `json:"fired"`
	Last     time.Time         `json:"last"`
	Outcomes map[string]string `json:"outcomes"`
	// Decided counts the commands and timers that had events.
	Decided int `json:"decided"`
}

type (
	added   struct{ key, value string }
	fired   struct{ key string }
	brought struct{ key, value string }
	dropped struct{ key string }
	poison  struct{}
)

// counter returns a machine that counts by key: "add" adds the body, "alarm" sets a timer to the body's nanoseconds, "do" starts an
// effect, "drop" forgets a key, "refuse" and "panic" do that, "poison" makes Evolve panic. Version 2 doubles what is added from then on
// and what there was; there is also a version 3 that is like it.
func counter() engine.Machine[*counts] {
	return engine.Machine[*counts]{
		Name: "counter",
		New: func() *counts {
			return &counts{Values: map[string]int64{}, Fired: map[string]int{}, Outcomes: map[string]string{}}
		},
		Encode: func(s *counts) ([]byte, error) { return codec.Marshal(s) },
		Decode: func(data []byte) (*counts, error) {
			s := new(counts)
			return s, codec.Read(data, s)
		},
		Rules: map[int]engine.Rules[*counts]{
			1: {Decide: decide, Evolve: evolve(1)},
			2: {Decide: decide, Evolve: evolve(2), Upgrade: func(s *counts) {
				for k := range s.Values {
					s.Values[k] *= 2
				}
			}},
			3: {Decide: decide, Evolve: evolve(2)},
		},
	}
}

// only returns the machine of a binary that has some versions.
func only(m engine.Machine[*counts], versions ...int) engine.Machine[*counts] {
	all := m.Rules
	m.Rules = map[int]engine.Rules[*counts]{}
	for _, v := range versions {
		m.Rules[v] = all[v]
	}
	return m
}

func decide(s *counts, c engine.Command) engine.Decision {
	switch c.Kind {
	case "add":
		n, err := strconv.ParseInt(string(c.Body), 10, 64)
		if err != nil {
			return engine.Decision{Err: api.Errorf(api.Invalid, "the body must be a number").WithFields("body")}
		}
		return engine.Decision{Events: []any{added{c.Key, string(c.Body)}}, Answer: strconv.AppendInt(nil, s.Values[c.Key]+n, 10)}
	case "alarm":
		n, err := strconv.ParseInt(string(c.Body), 10, 64)
		if err != nil {
			return engine.Decision{Timers: []engine.Timer{{ID: c.Key}}}
		}
		return engine.Decision{Timers: []engine.Timer{{ID: c.Key, At: time.Unix(0, n)}}}
	case "do":
		return engine.Decision{Effects: []engine.Effect{{ID: c.Key, Kind: "write", Body: c.Body}}, Events: []any{added{c.Key, "0"}}}
	case "drop":
		return engine.Decision{Events: []any{dropped{c.Key}}}
	case "refuse":
		return engine.Decision{
			Err: api.Errorf(api.FailedPrecondition, "no").WithReason("because"), Events: []any{added{"refused", "1"}},
			Effects: []engine.Effect{{ID: "refused"}}, Timers: []engine.Timer{{ID: "refused", At: time.Unix(1, 0)}},
		}
	case "panic":
		panic(fmt.Sprintf("%s at %d", c.Key, len(s.Values)))
	case "poison":
		return engine.Decision{Events: []any{poison{}}}
	case engine.KindTimer:
		if c.Key == "panic" {
			panic("alarm")
		}
		return engine.Decision{Events: []any{fired{c.Key}, c.Time}}
	case engine.KindOutcome:
		return engine.Decision{Events: []any{brought{c.Key, string(c.Body)}}}
	}
	return engine.Decision{Err: api.Errorf(api.Unimplemented, "no such command")}
}

func evolve(factor int64) func(*counts, any) {
	return func(s *counts, event any) {
		s.Decided++
		switch e := event.(type) {
		case added:
			n, _ := strconv.ParseInt(e.value, 10, 64)
			s.Values[e.key] += n * factor
		case fired:
			s.Fired[e.key]++
		case brought:
			s.Outcomes[e.key] += e.value
		case dropped:
			delete(s.Values, e.key)
			delete(s.Outcomes, e.key)
			delete(s.Fired, e.key)
		case time.Time:
			s.Last = e
		case poison:
			panic("poison")
		}
	}
}

func add(key string, n int) engine.Command {
	return engine.Command{Kind: "add", Key: key, Body: strconv.AppendInt(nil, int64(n), 10)}
}

// addOnce is an add with an id, by a principal.
func addOnce(principal, id, key string, n int) engine.Command {
	c := add(key, n)
	c.Principal, c.ID, c.Hash = principal, id, key+strconv.Itoa(n)
	return c
}

func alarm(key string, at time.Time) engine.Command {
	return engine.Command{Kind: "alarm", Key: key, Body: strconv.AppendInt(nil, at.UnixNano(), 10)}
}

func do(effect string) engine.Command {
	return engine.Command{Kind: "do", Key: effect, Body: []byte("body")}
}

// begin is the time of the log before its first entry.
var begin = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// tape is a log under test, and an engine that has applied it.
type tape struct {
	t       testing.TB
	e       *engine.Engine[*counts]
	now     time.Time
	entries []engine.Entry
	numbers map[string]uint64
}

func newTape(t testing.TB, m engine.Machine[*counts]) *tape {
	return &tape{t: t, e: engine.New(m), now: begin, numbers: map[string]uint64{}}
}

// batch is the next one of a writer that has applied all.
func (l *tape) batch(writer string, commands ...engine.Command) *engine.Batch {
	return l.batchOf(l.e, writer, commands...)
}

// batchOf is the next batch of a writer with an engine of its own.
func (l *tape) batchOf(e *engine.Engine[*counts], writer string, commands ...engine.Command) *engine.Batch {
	l.numbers[writer]++
	return &engine.Batch{
		Machine: "counter", Log: "L", Version: e.Version(), Writer: writer, Number: l.numbers[writer],
		Applied: e.Seq(), AppliedTime: e.Time(), Claim: e.Hash(), Commands: commands,
	}
}

// append appends a batch and applies it.
func (l *tape) append(b *engine.Batch) *engine.Applied { return l.raw(b.Append(nil)) }

func (l *tape) raw(data []byte) *engine.Applied {
	l.t.Helper()
	a, err := l.try(data)
	if err != nil {
		l.t.Fatalf("entry %d: %v", len(l.entries), err)
	}
	return a
}

func (l *tape) try(data []byte) (*engine.Applied, error) {
	en := engine.Entry{Seq: uint64(len(l.entries)) + 1, Time: l.now, Data: data}
	l.entries = append(l.entries, en)
	return l.e.Apply(en)
}

// do appends commands of a writer.
func (l *tape) do(writer string, commands ...engine.Command) *engine.Applied {
	l.t.Helper()
	return l.append(l.batch(writer, commands...))
}

// one appends a command of a writer and returns its reply.
func (l *tape) one(writer string, c engine.Command) engine.Reply {
	l.t.Helper()
	a := l.do(writer, c)
	if len(a.Replies) != 1 {
		l.t.Fatalf("entry %d was skipped: %s", a.Seq, a.Skipped)
	}
	return a.Replies[0]
}

func (l *tape) after(d time.Duration) *tape {
	l.now = l.now.Add(d)
	return l
}

func snapshot(t testing.TB, e *engine.Engine[*counts]) []byte {
	t.Helper()
	data, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func restore(t testing.TB, m engine.Machine[*counts], data []byte) *engine.Engine[*counts] {
	t.Helper()
	e, err := engine.Restore(m, data)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// sameEngine fails unless two engines are the same to the last byte.
func sameEngine(t testing.TB, got, want *engine.Engine[*counts]) {
	t.Helper()
	if got.Seq() != want.Seq() || got.Hash() != want.Hash() {
		t.Fatalf("at %d with hash %x, want %d with %x", got.Seq(), got.Hash(), want.Seq(), want.Hash())
	}
	if g, w := snapshot(t, got), snapshot(t, want); !bytes.Equal(g, w) {
		t.Fatalf("snapshots at %d differ:\n%q\n%q", want.Seq(), g[len(g)-min(len(g), 500):], w[len(w)-min(len(w), 500):])
	}
}

// replay checks that the log so far gives the same on a new engine, and on one that is restored from a snapshot of each entry.
func (l *tape) replay(m engine.Machine[*counts]) {
	l.t.Helper()
	e := engine.New(m)
	restored := e
	for _, en := range l.entries {
		if restored.Seq() > 0 || en.Seq == 1 {
			restored = restore(l.t, m, snapshot(l.t, restored))
		}
		for _, x := range []*engine.Engine[*counts]{e, restored} {
			if x.Seq() < en.Seq {
				if _, err := x.Apply(en); err != nil {
					l.t.Fatal(err)
				}
			}
		}
	}
	sameEngine(l.t, e, l.e)
	sameEngine(l.t, restored, l.e)
}

func code(err *api.Error) api.Code {
	if err == nil {
		return ""
	}
	return err.Code
}
