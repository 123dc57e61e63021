package bench

import (
	"context"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

// addition is a command of the machine: it adds to the one counter.
type addition struct {
	By   int64  `json:"by"`
	Memo string `json:"memo,omitempty"` // makes the command as long as other messages
}

// sum is the state of the machine, and its answer: what the counter stands at.
type sum struct {
	Sum int64 `json:"sum"`
}

// additionBody is an addition of one, of 128 bytes like payload, and without spaces, as it is appended.
var additionBody = []byte(`{"by":1,"memo":"there is nothing in this text that anybody reads, but the commands of services are often about as long as this"}`)

// Commands of the machine.
const (
	kindAdd = "add" // what its body says
	kindOne = "one" // one, whatever its body is: a command that costs as little as one can
)

// one is an event: the counter goes up by one.
type one struct{}

// addMethod is answered by the handler in front of the log.
var addMethod = api.Method[addition, sum]{Service: "bench", Noun: "counter", Verb: "add", Write: true, Doc: "Adds to a counter and returns the sum."}

// adder is the machine that the log drives.
func adder() engine.Machine[*sum] {
	return engine.Machine[*sum]{
		Name:   "adder",
		New:    func() *sum { return &sum{} },
		Encode: func(s *sum) ([]byte, error) { return codec.Marshal(s) },
		Decode: func(data []byte) (*sum, error) {
			s := &sum{}
			return s, codec.Read(data, s)
		},
		Rules: map[int]engine.Rules[*sum]{1: {Decide: decideAddition, Evolve: evolveSum}},
	}
}

func evolveSum(s *sum, event any) {
	switch event := event.(type) {
	case one:
		s.Sum++
	case sum:
		*s = event
	}
}

var ones = []any{one{}}

func decideAddition(s *sum, c engine.Command) engine.Decision {
	if c.Kind == kindOne {
		return engine.Decision{Events: ones, Answer: strconv.AppendInt(nil, s.Sum+1, 10)}
	}
	var a addition
	if err := codec.Read(c.Body, &a); err != nil {
		return engine.Decision{Err: api.Errorf(api.Invalid, "an addition is not readable: %v", err)}
	}
	next := sum{s.Sum + a.By}
	answer, err := codec.Marshal(next)
	if err != nil {
		return engine.Decision{Err: api.Errorf(api.Internal, "write the sum: %v", err)}
	}
	return engine.Decision{Events: []any{next}, Answer: answer}
}

// handleAdditions answers additions from a log, in the way of the services.
func handleAdditions(srv *rpc.Server, log *replog.Log[*sum]) {
	rpc.Handle(srv, addMethod, func(ctx context.Context, a *addition) (*sum, error) {
		body, err := codec.Marshal(a)
		if err != nil {
			return nil, err
		}
		answer, err := log.Do(ctx, engine.Command{Kind: kindAdd, Body: body})
		if err != nil {
			return nil, err
		}
		s := &sum{}
		return s, codec.Read(answer.Body, s)
	})
}

// addOne answers a request with what the log makes of its body; with nothing when that fails.
func addOne(ctx context.Context, log *replog.Log[*sum], m *nats.Msg) {
	answer, _ := log.Do(ctx, engine.Command{Kind: kindOne, Body: m.Data})
	_ = m.Respond(answer.Body)
}
