package replog_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// accounts are the state of these tests: counters, reminders that have come, and effects that have an outcome.
type accounts struct {
	Counters map[string]int `json:"counters"`
	Came     map[string]int `json:"came"`
	Paid     map[string]int `json:"paid"`
	Done     map[string]int `json:"done"` // by the name of a command, to see that it was done once
	Rules    int            `json:"rules"`
}

// entry is an event: one more in one of the maps.
type entry struct {
	in   string
	name string
	n    int
}

func evolve(s *accounts, event any) {
	e := event.(entry)
	m := map[string]map[string]int{"counters": s.Counters, "came": s.Came, "paid": s.Paid, "done": s.Done}[e.in]
	m[e.name] += e.n
}

// decide: "add" adds the number in the body to the counter Key, and remembers Hash as done; "remind" comes back as a timer after the
// duration in the body; "pay" is an effect; "fail" is refused; "panic" panics; "list" answers what depends on the order of a map if
// order is set.
func decide(order bool) func(s *accounts, c engine.Command) engine.Decision {
	return func(s *accounts, c engine.Command) engine.Decision {
		switch c.Kind {
		case "add":
			n, err := strconv.Atoi(string(c.Body))
			if err != nil {
				return engine.Decision{Err: api.Errorf(api.Invalid, "not a number")}
			}
			events := []any{entry{"counters", c.Key, n}}
			if c.Hash != "" {
				events = append(events, entry{"done", c.Principal + "/" + c.Hash, 1})
			}
			return engine.Decision{Events: events, Answer: strconv.AppendInt(nil, int64(s.Counters[c.Key]+n), 10)}
		case "remind":
			d, err := time.ParseDuration(string(c.Body))
			if err != nil {
				return engine.Decision{Err: api.Errorf(api.Invalid, "not a duration")}
			}
			return engine.Decision{Timers: []engine.Timer{{ID: c.Key, At: c.Time.Add(d)}}}
		case engine.KindTimer:
			return engine.Decision{Events: []any{entry{"came", c.Key, 1}}}
		case "pay":
			return engine.Decision{Effects: []engine.Effect{{ID: c.Key, Kind: "pay", Body: c.Body}}}
		case engine.KindOutcome:
			return engine.Decision{Events: []any{entry{"paid", c.Key, 1}}}
		case "fail":
			return engine.Decision{Err: api.Errorf(api.FailedPrecondition, "it never works")}
		case "panic":
			panic("planted")
		case "list":
			names := slices.Collect(maps.Keys(s.Counters))
			if !order {
				slices.Sort(names)
			}
			return engine.Decision{Answer: fmt.Appendf(nil, "%q", fmt.Sprint(names))}
		}
		return engine.Decision{Err: api.Errorf(api.Invalid, "no such command: %s", c.Kind)}
	}
}

// machine has the rules from version low to high.
func machine(low, high int) engine.Machine[*accounts] {
	m := engine.Machine[*accounts]{
		Name: "accounts",
		New: func() *accounts {
			return &accounts{map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, 0}
		},
		Encode: func(s *accounts) ([]byte, error) { return codec.Marshal(s) },
		Decode: func(data []byte) (*accounts, error) {
			s := new(accounts)
			return s, codec.Read(data, s)
		},
		Rules: map[int]engine.Rules[*accounts]{},
	}
	for v := low; v <= high; v++ {
		m.Rules[v] = engine.Rules[*accounts]{Decide: decide(false), Evolve: evolve, Upgrade: func(s *accounts) { s.Rules = v }}
	}
	return m
}

// freeze writes a state at once.
func freeze(s *accounts) func() ([]byte, error) {
	data, err := codec.Marshal(s)
	return func() ([]byte, error) { return data, err }
}
