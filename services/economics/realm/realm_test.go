package realm_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// bulk are the methods that the edge takes apart: each part is a command of the method for one.
var bulk = map[string]string{"tenders.announce_many": "tenders.announce", "tenders.bid_many": "tenders.bid"}

// Every method that changes something is a command of the machine, and the machine takes nothing that is no method.
func TestEveryChangeIsACommand(t *testing.T) {
	kinds, methods := realm.Kinds(), map[string]bool{}
	for _, m := range api.Methods {
		if m.Service != "economics" || !m.Write || m.Noun == "rules" { // which rules are in force is the log's own matter
			continue
		}
		kind := m.Noun + "." + m.Verb
		methods[kind] = true
		if one, ok := bulk[kind]; ok {
			kind = one
		}
		if !kinds[kind] {
			t.Errorf("the machine has no command %s", kind)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if !methods[kind] {
			t.Errorf("no method is called %s, or it is not marked as a change", kind)
		}
	}
}

// T is what a test and a property have in common.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
}

// trio is three replicas on one log: two that were there from the beginning, and one that begins anew from a snapshot now and then.
type trio struct {
	T
	*rand.Rand
	replicas [3]*engine.Engine[*realm.State]
	now      time.Time
	batch    engine.Batch
	writers  int
	calls    int
	effects  []engine.Effect
	last     string      // what was asked for, for the message
	number   uint64      // of the schedule
	frozen   chan string // gets what the first replica was frozen to when its snapshot was was
	was      string
}

func newTrio(t T, seed uint64) *trio {
	l := &trio{T: t, Rand: rand.New(rand.NewPCG(seed, 0)), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), batch: engine.Batch{Machine: "economics", Log: "l", Version: 1}, number: seed}
	for i := range l.replicas {
		l.replicas[i] = engine.New(realm.Machine())
	}
	l.writer()
	return l
}

// Fatalf names the seed.
func (l *trio) Fatalf(format string, args ...any) {
	l.T.Helper()
	l.T.Fatalf("seed %d: "+format, append([]any{l.number}, args...)...)
}

func (l *trio) state() *realm.State { return l.replicas[0].State() }

// writer takes another name: who was silent for long is forgotten.
func (l *trio) writer() {
	l.writers++
	l.batch.Writer, l.batch.Number = fmt.Sprintf("w%d", l.writers), 0
}

// apply appends commands as one entry, and wants all replicas to say and to have the same.
func (l *trio) apply(commands ...engine.Command) *engine.Applied {
	l.Helper()
	e := l.replicas[0]
	l.batch.Number++
	l.batch.Applied, l.batch.AppliedTime, l.batch.Claim, l.batch.Commands = e.Seq(), e.Time(), e.Hash(), commands
	data := l.batch.Append(nil)
	var first *engine.Applied
	for i, e := range l.replicas {
		a, err := e.Apply(engine.Entry{Seq: e.Seq() + 1, Time: l.now, Data: data})
		if err != nil || a.Skipped != "" {
			l.Fatalf("replica %d, %s: %v, %s", i, l.last, err, a.Skipped)
		}
		if first == nil {
			first = a
		}
		if e.Hash() != l.replicas[0].Hash() {
			l.Fatalf("replica %d differs after %s", i, l.last)
		}
	}
	for i, r := range first.Replies {
		if r.Panic != "" || r.Err != nil && (r.Err.Code == api.Internal || !slices.Contains(api.Codes, r.Err.Code) || r.Err.Message == "") {
			l.Fatalf("%s %.3000s: %v, %s", commands[i].Kind, commands[i].Body, r.Err, r.Panic)
		}
	}
	if len(first.Panics) > 0 {
		l.Fatalf("after %s: %v", l.last, first.Panics)
	}
	for _, p := range first.Started {
		l.effects = append(l.effects, p.Effect)
	}
	return first
}

// pass lets time go by, in steps that a writer outlives, and brings what effects have to bring.
func (l *trio) pass(d time.Duration) {
	l.Helper()
	l.now = l.now.Add(d)
	if d > time.Minute {
		l.writer()
	}
	l.last = "time"
	l.apply()
	l.settle(0)
}

// settle brings outcomes until there are few effects; some bring nonsense.
func (l *trio) settle(left int) {
	l.Helper()
	for len(l.effects) > left {
		i := l.IntN(len(l.effects))
		f := l.effects[i]
		l.effects = slices.Delete(l.effects, i, i+1)
		l.last = "outcome " + f.ID
		l.apply(engine.Command{Kind: engine.KindOutcome, Key: f.ID, Body: l.bring(f)})
	}
}

// bring is what an effect brings.
func (l *trio) bring(f engine.Effect) []byte {
	if strings.HasPrefix(f.Kind, "tender.") || f.Kind == auction.SolveEffect {
		if l.IntN(6) == 0 {
			return []byte(pick(l, spoilt))
		}
	}
	switch {
	case f.Kind == auction.SolveEffect:
		body, err := auction.Solve(f.Body)
		if err != nil {
			l.Fatalf("%s: %v", f.ID, err)
		}
		return body
	case strings.HasPrefix(f.Kind, "tender."):
		return []byte(pick(l, []string{
			`{"status":"succeeded","result":"r"}`, `{"status":"succeeded"}`, `{"status":"failed","error":"e"}`, `{"status":"cancelled"}`, `{"status":"running"}`, `{"error":"e"}`,
		}))
	}
	return []byte("{}")
}

// command is what an edge would append for a request.
func (l *trio) command(kind, by, body string) engine.Command {
	l.calls++
	l.last = by + ": " + kind + " " + body
	call := act.Call{ID: fmt.Sprintf("id%024d", l.calls), Operator: by == "operator", Taken: l.IntN(50) == 0}
	return engine.Command{Kind: kind, Principal: by, Key: call.String(), Body: []byte(body)}
}

// digest is the state as it is stored.
func (l *trio) digest() string {
	l.Helper()
	raw, err := realm.Machine().Encode(l.state())
	if err != nil {
		l.Fatalf("%v", err)
	}
	return string(raw)
}

// renew begins the third replica anew from a snapshot of the second, which has to be what the first would store.
func (l *trio) renew() {
	l.Helper()
	one, err := l.replicas[0].Snapshot()
	if err != nil {
		l.Fatalf("%v", err)
	}
	two, err := l.replicas[1].Snapshot()
	if err != nil || string(one) != string(two) {
		l.Fatalf("snapshots differ after %s: %v", l.last, err)
	}
	if l.replicas[2], err = engine.Restore(realm.Machine(), two); err != nil {
		l.Fatalf("after %s: %v", l.last, err)
	}
	three, err := l.replicas[2].Snapshot()
	if err != nil || string(one) != string(three) {
		l.Fatalf("what was restored after %s differs: %v", l.last, err)
	}
	if l.frozen != nil && <-l.frozen != l.was {
		l.Fatalf("what was frozen before has changed after %s", l.last)
	}
	write := l.replicas[0].Freeze()
	if write == nil {
		l.Fatalf("the state cannot be frozen after %s", l.last)
	}
	l.frozen, l.was = make(chan string, 1), string(one)
	go func(frozen chan string) {
		data, err := write()
		if err != nil {
			data = []byte(err.Error())
		}
		frozen <- string(data)
	}(l.frozen)
}

func pick[E any](l *trio, of []E) E { return of[l.IntN(len(of))] }
