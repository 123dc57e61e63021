package lockcheck_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/test/lockcheck"
)

type op = lockcheck.Op

func acquire(ticket string, token uint64, call, ret int64) op {
	return op{Kind: lockcheck.Acquire, Lock: "x", Ticket: ticket, Token: token, Call: call, Return: ret, OK: true}
}

func release(ticket string, call, ret int64) op {
	return op{Kind: lockcheck.Release, Lock: "x", Ticket: ticket, Call: call, Return: ret, OK: true}
}

func lost(ticket string, call int64) op {
	return op{Kind: lockcheck.Lost, Lock: "x", Ticket: ticket, Call: call}
}

func permits(o op, takes, capacity int) op {
	o.Takes, o.Capacity = takes, capacity
	return o
}

func unknown(o op) op {
	o.OK, o.Unknown, o.Return = false, true, 0
	return o
}

func refused(o op) op {
	o.OK = false
	return o
}

func cell(kind lockcheck.Kind, token uint64, value string, call, ret int64) op {
	return op{Kind: kind, Cell: "y", Token: token, Value: value, Call: call, Return: ret, OK: true}
}

func TestCheck(t *testing.T) {
	const opens, puts, gets = lockcheck.Open, lockcheck.Put, lockcheck.Get
	cases := []struct {
		name string
		ops  []op
		want string // part of what is wrong
	}{
		{"nothing", nil, ""},
		{"one after the other", []op{acquire("a", 1, 1, 2), release("a", 3, 4), acquire("b", 5, 5, 6)}, ""},
		{"the order of the slice means nothing", []op{acquire("b", 5, 5, 6), release("a", 3, 4), acquire("a", 1, 1, 2)}, ""},
		{"two at once", []op{acquire("a", 1, 1, 2), acquire("b", 3, 3, 4)}, "no order"},
		{"an answer before the release", []op{acquire("a", 1, 1, 2), acquire("b", 3, 3, 4), release("a", 5, 6)}, "no order"},
		{"an answer during the release", []op{acquire("a", 1, 1, 2), acquire("b", 3, 3, 6), release("a", 5, 7)}, ""},
		{"a release without an answer", []op{acquire("a", 1, 1, 2), unknown(release("a", 3, 0)), acquire("b", 9, 9, 10)}, ""},
		{"a release of what is gone", []op{acquire("a", 1, 1, 2), refused(release("a", 3, 4)), acquire("b", 9, 9, 10)}, ""},
		{"a lost lease", []op{acquire("a", 1, 1, 2), lost("a", 8), acquire("b", 9, 9, 10)}, ""},
		{"a lease that is lost too late", []op{acquire("a", 1, 1, 2), acquire("b", 9, 9, 10), lost("a", 11)}, "no order"},
		{"a lost lease and a later release", []op{acquire("a", 1, 1, 2), lost("a", 3), acquire("b", 4, 4, 5), refused(release("a", 8, 9))}, ""},
		{"an acquisition without an answer", []op{unknown(acquire("a", 0, 1, 0)), acquire("b", 3, 3, 4)}, ""},
		{"an acquisition that was refused", []op{refused(acquire("a", 0, 1, 2)), acquire("b", 3, 3, 4), release("a", 5, 6)}, ""},
		{"the same token twice", []op{acquire("a", 3, 1, 2), release("a", 3, 4), acquire("b", 3, 5, 6)}, "given twice"},
		{"no token", []op{acquire("a", 0, 1, 2)}, "is none"},
		{"a token that goes back", []op{acquire("a", 7, 1, 2), release("a", 3, 4), acquire("b", 5, 5, 6)}, "lower token"},
		{"a token that goes back between others", []op{
			acquire("a", 7, 1, 2), release("a", 3, 4), acquire("b", 5, 5, 8), release("b", 9, 9), acquire("c", 8, 1, 20),
		}, "lower token"},
		{"tokens out of the order of the grants", []op{acquire("a", 7, 1, 3), release("a", 5, 6), acquire("b", 5, 2, 9)}, "no order"},
		{"a grant in time for a smaller token", []op{acquire("b", 5, 1, 2), release("b", 3, 3), acquire("a", 7, 1, 9)}, ""},
		{"a ticket twice", []op{acquire("a", 1, 1, 2), release("a", 3, 4), acquire("a", 5, 5, 6)}, "acquired twice"},
		{"all permits", []op{permits(acquire("a", 1, 1, 2), 2, 3), permits(acquire("b", 2, 3, 4), 1, 3)}, ""},
		{"a permit too many", []op{permits(acquire("a", 1, 1, 2), 2, 3), permits(acquire("b", 2, 3, 4), 2, 3)}, "no order"},
		{"two capacities", []op{permits(acquire("a", 1, 1, 2), 2, 3), permits(acquire("b", 2, 3, 4), 1, 4)}, "capacity 3 and 4"},
		{"another lock", []op{acquire("a", 1, 1, 2), func() op { o := acquire("b", 1, 3, 4); o.Lock = "z"; return o }()}, ""},
		{"an answer before its question", []op{acquire("a", 1, 3, 2)}, "not a history"},
		{"a kind that is none", []op{{Kind: "steal"}}, "not a history"},

		{"a cell", []op{cell(opens, 1, "", 1, 2), cell(puts, 1, "v", 3, 4), cell(opens, 2, "v", 5, 6), cell(gets, 0, "v", 7, 8)}, ""},
		{"a value from nowhere", []op{cell(puts, 1, "v", 1, 2), cell(gets, 0, "w", 3, 4)}, "no order"},
		{"an old value", []op{cell(puts, 1, "v", 1, 2), cell(puts, 1, "w", 3, 4), cell(gets, 0, "v", 5, 6)}, "no order"},
		{"a token that was fenced", []op{cell(opens, 2, "", 1, 2), refused(cell(puts, 1, "v", 3, 4)), cell(gets, 0, "", 5, 6)}, ""},
		{"a token that was not fenced", []op{cell(opens, 2, "", 1, 2), cell(puts, 1, "v", 3, 4)}, "no order"},
		{"fenced by nobody", []op{cell(opens, 2, "", 1, 2), refused(cell(puts, 2, "v", 3, 4))}, "no order"},
		{"a lost put that came late", []op{cell(opens, 1, "", 1, 2), unknown(cell(puts, 1, "v", 3, 0)), cell(gets, 0, "", 5, 6), cell(gets, 0, "v", 7, 8)}, ""},
		{"a lost put that came twice", []op{
			unknown(cell(puts, 1, "v", 1, 0)), cell(puts, 1, "w", 3, 4), cell(gets, 0, "w", 5, 6), cell(gets, 0, "v", 7, 8),
			cell(puts, 1, "u", 9, 10), cell(gets, 0, "v", 11, 12),
		}, "no order"},
		{"a lost put that never came", []op{unknown(cell(puts, 1, "v", 1, 0)), cell(gets, 0, "", 5, 6)}, ""},
		{"a lost put that was noticed before it was sent", []op{cell(gets, 0, "v", 1, 2), unknown(cell(puts, 1, "v", 3, 0))}, "no order"},
		{"a lost open that fenced", []op{unknown(cell(opens, 5, "", 1, 0)), refused(cell(puts, 4, "v", 3, 4))}, ""},
		{"a lost get", []op{unknown(cell(gets, 0, "v", 1, 0)), refused(cell(gets, 0, "v", 1, 2))}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.ops)
			err := lockcheck.Check(c.ops)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if !slices.Equal(before, c.ops) {
				t.Error("the history was changed")
			}
		})
	}
}

// TestCheckNeedsEveryEnding removes one ending after another from sound histories of exclusive locks: unless it was the last,
// somebody else then holds at the same time.
func TestCheckNeedsEveryEnding(t *testing.T) {
	noticed := 0
	for seed := uint64(1); seed <= 60; seed++ {
		ops := lockcheck.Simulate(seed, lockcheck.Options{}).Ops
		last, exclusive := uint64(0), true
		tokens := map[string]uint64{}
		for _, o := range ops {
			if o.Kind == lockcheck.Acquire {
				last, exclusive = max(last, o.Token), exclusive && o.Capacity == 1
				tokens[o.Ticket] = o.Token
			}
		}
		if !exclusive {
			continue
		}
		for ticket, token := range tokens {
			if token == last {
				continue
			}
			rest := slices.DeleteFunc(slices.Clone(ops), func(o op) bool { return o.Ticket == ticket && o.Kind != lockcheck.Acquire })
			if lockcheck.Check(rest) == nil {
				t.Fatalf("seed %d: that %s never ended goes unnoticed", seed, ticket)
			}
			noticed++
		}
	}
	if noticed < 100 {
		t.Errorf("only %d endings were removed", noticed)
	}
}

// TestCheckIsFast gives it a long history, with many operations that had no answer.
func TestCheckIsFast(t *testing.T) {
	var ops []op
	for i := range int64(2000) {
		ticket, token, at := string(rune('a'+i%26))+string(rune('0'+i/26%10))+string(rune('0'+i/260)), uint64(i+1), 100*i
		o := cell(lockcheck.Put, token, ticket, at+30, at+40)
		if i%20 == 0 {
			o = unknown(o)
		}
		ops = append(ops, acquire(ticket, token, max(0, at-500), at+10), cell(lockcheck.Open, token, "", at+20, at+25), o, unknown(release(ticket, at+50, 0)))
	}
	value := ""
	for i := range ops {
		if o := &ops[i]; o.Kind == lockcheck.Open {
			o.Value = value
		} else if o.Kind == lockcheck.Put && o.OK {
			value = o.Value
		}
	}
	if err := lockcheck.Check(ops); err != nil {
		t.Error(err)
	}
}
