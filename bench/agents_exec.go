package bench

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	osexec "os/exec"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// How many messages a program has at once, in turn.
var (
	pythonInFlight = []int{1, 64, 256}
	goInFlight     = []int{1, 64}
)

// script is the program that is measured for what its users see.
//
//go:embed echo.py
var script string

// measureExec sets calls to an agent in another program against a plain loop at the same program's pipe: first one in Python, as
// people write them, then one in Go that takes next to no time itself.
func measureExec(ctx context.Context, r *run) error {
	f, err := r.host(ctx)
	if err != nil {
		return err
	}
	if python, err := osexec.LookPath("python3"); err != nil {
		r.note("exec_call_ratio was not measured: there is no python3 on this machine")
	} else if err := measurePython(ctx, r, f, []string{python, "-c", script}); err != nil {
		return err
	}
	return measureGo(ctx, r, f)
}

func measurePython(ctx context.Context, r *run, f *faraway, command []string) error {
	spec := api.AgentSpec{ID: "exec-python", Command: command, Concurrency: slices.Max(pythonInFlight)}
	end, err := f.beginAgent(ctx, spec)
	if err != nil {
		return err
	}
	defer end()
	p, err := openPipe(command)
	if err != nil {
		return err
	}
	defer p.stop()
	for _, inFlight := range pythonInFlight {
		err := r.rounds(ctx, fmt.Sprintf("python, %d at once", inFlight), []side{p.side(inFlight), f.calls(spec.ID, inFlight)}, func(l []load) {
			r.recordLoads("exec_", inFlight, l, "pipe", "mabus")
			r.record(suffixed("exec_call_ratio", inFlight), "ratio", l[1].rate()/l[0].rate())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// side is the plain loop with so many messages in flight.
func (p *pipe) side(inFlight int) side {
	return side{"pipe", func(ctx context.Context, d time.Duration) (load, error) { return p.turn(ctx, inFlight, d) }}
}

// calls is so many callers of an agent that answers with the message.
func (f *faraway) calls(id string, callers int) side {
	return side{"mabus", loop(callers, func(ctx context.Context, _ int) error {
		answer, err := f.client.Call(ctx, id, payload)
		if err != nil {
			return err
		}
		return sameValue(answer)
	})}
}

// recordLoads records what the named sides did.
func (r *run) recordLoads(prefix string, inFlight int, l []load, names ...string) {
	for i, name := range names {
		r.record(suffixed(prefix+name+"_ops", inFlight), "ops/s", l[i].rate())
		r.record(suffixed(prefix+name+"_p50", inFlight), "us", micros(l[i].p50))
		r.record(suffixed(prefix+name+"_p99", inFlight), "us", micros(l[i].p99))
	}
}

// sameValue is same for answers that were taken out of a frame, where the spaces around a value are lost.
func sameValue(answer []byte) error {
	if !bytes.Equal(bytes.TrimSpace(answer), bytes.TrimSpace(payload)) {
		return errAnswer
	}
	return nil
}
