package daemon_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// answers is a service with one method.
type answers struct{ *rpc.Server }

func (answers) Ready() bool { return true }

var probe = api.Method[api.Empty, api.Empty]{Service: "a", Noun: "it", Verb: "ask", Doc: "Answers."}

// A process measures itself and what its services answer, under its lease, and counts its lives.
func TestAProcessIsMeasured(t *testing.T) {
	srv := natstest.Start(t)
	deltas := make(chan api.DeltaAddRequest, 1024)
	listener := srv.Connect(t)
	if _, err := listener.Subscribe("mabus.perfmon.deltas.add", func(msg *nats.Msg) {
		var d api.DeltaAddRequest
		if err := codec.Decode(msg.Data, &d); err != nil || d.Validate() != nil {
			t.Errorf("%s: %v", msg.Data, err)
		}
		deltas <- d
	}); err != nil {
		t.Fatal(err)
	}
	if err := listener.Flush(); err != nil {
		t.Fatal(err)
	}
	j := &journal{}
	envs := make(chan daemon.Env, 16)
	ready, end := run(t, daemon.Config{NATS: rpc.Options{URL: srv.URL()}}, (&service{name: "b", j: j}).row(), daemon.Service{
		Name: "a", Start: func(_ context.Context, env daemon.Env) (daemon.Running, error) {
			s := rpc.NewServer(env.Conn, rpc.ServerConfig{Service: "a", Version: "1.2.3"})
			rpc.Handle(s, probe, func(context.Context, *api.Empty) (*api.Empty, error) { return &api.Empty{}, nil })
			envs <- env
			return answers{s}, s.Start()
		},
	})
	conn := wait(t, ready)
	if _, err := rpc.Call(t.Context(), conn, probe, &api.Empty{}); err != nil {
		t.Fatal(err)
	}
	env := <-envs
	lease, source := env.Lease.ID(), env.Meter.Source()
	if env.Meter.Incarnation() != lease || !api.ValidID(source) {
		t.Errorf("source %s, incarnation %s", source, env.Meter.Incarnation())
	}
	heard := func(want api.Series, incarnation string) {
		t.Helper()
		over := time.After(20 * time.Second)
		for {
			select {
			case d := <-deltas:
				if d.Incarnation != incarnation {
					continue
				}
				if d.Source != source {
					t.Fatalf("a delta of %s", d.Source)
				}
				for _, s := range d.Series {
					if s.Series == want {
						return
					}
				}
			case <-over:
				t.Fatalf("nothing is heard of %s", want)
			}
		}
	}
	heard(api.Series{Metric: "latency_seconds.it.ask", Kind: api.SourceService, ID: "a-" + lease, Type: "a"}, lease)
	heard(api.Series{Metric: "goroutines", Kind: api.SourceService, ID: source, Type: "process"}, lease)
	env.Lease.Abandon(api.Errorf(api.Fenced, "others have what ran here").WithReason(api.ReasonLeaseLost))
	wait(t, ready)
	heard(api.Series{Metric: "restarts", Kind: api.SourceService, ID: source, Type: "process"}, (<-envs).Lease.ID())
	if err := end(); err != nil {
		t.Error(err)
	}
}
