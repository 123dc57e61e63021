package variable_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/coordination/variable"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// start is when every test begins.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fatal is of testing.T and rapid.T.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// play is a state with a clock and session ids, that checks of every plan that making it changes nothing, and that the answer is
// what stands after it.
type play struct {
	t       fatal
	s       *variable.State
	at      time.Time
	session int
}

func begin(t fatal) *play { return &play{t: t, s: variable.New(), at: start} }

func (p *play) next() string {
	p.session++
	return fmt.Sprintf("s%d", p.session)
}

// do makes a plan a second later, and applies it, also when it counts a refusal.
func (p *play) do(make func(at time.Time) (*variable.Plan, error)) (*variable.Plan, error) {
	p.t.Helper()
	p.at = p.at.Add(time.Second)
	before := p.bytes()
	plan, err := make(p.at)
	if after := p.bytes(); !bytes.Equal(before, after) {
		p.t.Fatalf("a plan has changed the state:\n%s\n%s", before, after)
	}
	if plan == nil {
		if err == nil {
			p.t.Fatalf("neither plan nor error")
		}
		return nil, err
	}
	for _, e := range plan.Events {
		p.s.Apply(e)
	}
	if v := plan.Variable; v != nil && err == nil && v.Owner != "" {
		got, err := p.s.Get(v.Name, v.Owner)
		if diff := cmp.Diff(v, got); err != nil || diff != "" {
			p.t.Fatalf("the answer is not what stands: %v\n%s", err, diff)
		}
	}
	return plan, err
}

func (p *play) bytes() []byte {
	p.t.Helper()
	data, err := codec.Marshal(p.s)
	if err != nil {
		p.t.Fatalf("marshal: %v", err)
	}
	return data
}

// restore goes on with what was stored.
func (p *play) restore() {
	p.t.Helper()
	data, size := p.bytes(), p.s.Size()
	p.s = variable.New()
	if err := codec.Read(data, p.s); err != nil {
		p.t.Fatalf("read: %v", err)
	}
	if again := p.bytes(); !bytes.Equal(again, data) || p.s.Size() != size {
		p.t.Fatalf("size %d was %d; another state after a restart:\n%s\n%s", p.s.Size(), size, data, again)
	}
}

func (p *play) register(spec api.VariableSpec, by string) (*variable.Plan, error) {
	p.t.Helper()
	return p.do(func(at time.Time) (*variable.Plan, error) { return p.s.Register(&spec, by, at) })
}

func (p *play) update(name, value, by string, expected uint64) (*variable.Plan, error) {
	p.t.Helper()
	return p.do(func(at time.Time) (*variable.Plan, error) {
		return p.s.Update(&api.VariableUpdateRequest{Name: name, Value: json.RawMessage(value), ExpectedVersion: expected}, by, at, p.next())
	})
}

func (p *play) coordinate(name, question, by string) (*variable.Plan, error) {
	p.t.Helper()
	return p.do(func(at time.Time) (*variable.Plan, error) {
		return p.s.Coordinate(&api.VariableCoordinateRequest{Name: name, Question: json.RawMessage(question)}, by, at, p.next())
	})
}

func (p *play) delete(name, by string) (*variable.Plan, error) {
	p.t.Helper()
	return p.do(func(at time.Time) (*variable.Plan, error) { return p.s.Delete(name, by, at) })
}

// ended ends the session that a plan has started.
func (p *play) ended(plan *variable.Plan, name string, state api.SessionState, reason, result string, rounds ...api.SessionRound) *variable.Plan {
	p.t.Helper()
	if plan.Start == nil {
		p.t.Fatalf("no session was started")
	}
	out, _ := p.do(func(at time.Time) (*variable.Plan, error) {
		return p.s.Ended(&api.Session{
			ID: plan.Start.ID, Origin: variable.Origin(name), State: state, Reason: reason, Result: json.RawMessage(result), Rounds: rounds,
		}, at, p.next()), nil
	})
	return out
}

func (p *play) must(plan *variable.Plan, err error) *variable.Plan {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("refused: %v", err)
	}
	return plan
}

// stats returns the counts of the namespace.
func (p *play) stats() api.VariableStatsResponse {
	out, err := p.s.Stats(&api.VariableStatsRequest{}, "")
	if err != nil {
		p.t.Fatalf("stats: %v", err)
	}
	return *out
}

// refusedAs checks code and reason of a refusal.
func refusedAs(t *testing.T, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Fatalf("got %v, want %s (%s)", err, code, reason)
	}
}

func text(raw json.RawMessage) string { return string(raw) }
