package bench

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// measureExec compares five ways to one program, each with a process of it for itself.
func measureExec(ctx context.Context, r *run) error {
	f, err := r.host(ctx)
	if err != nil {
		return err
	}
	const id = "exec-echo"
	spec := api.AgentSpec{ID: id, Command: r.program(workExec), Concurrency: 64}
	end, err := f.beginAgent(ctx, spec)
	if err != nil {
		return err
	}
	defer end()
	p, err := openPipe(spec.Command)
	if err != nil {
		return err
	}
	defer p.stop()
	many, err := openShared(spec.Command, spec.Concurrency)
	if err != nil {
		return err
	}
	defer many.close()
	answers, deadline := make([]chan error, spec.Concurrency), until(api.DefaultTimeout.Std())
	for i := range answers {
		answers[i] = make(chan error, 1)
	}
	local, err := exec.Start(ctx, spec, exec.Options{})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		_ = local.Stop(ctx) // it ends with this process in any case
	}()
	for _, inFlight := range []int{1, 64} {
		err := r.rounds(ctx, fmt.Sprintf("%d in flight", inFlight), []side{
			{"pipe", func(ctx context.Context, d time.Duration) (load, error) { return p.turn(ctx, inFlight, d) }},
			{"shared pipe", loop(inFlight, func(_ context.Context, c int) error { return many.call(answers[c], deadline) })},
			{"runtime", loop(inFlight, func(ctx context.Context, _ int) error { return handle(ctx, local) })},
			{"bridge", loop(inFlight, func(context.Context, int) error {
				m, err := f.ask.Request(plainExec, payload, api.DefaultTimeout.Std())
				if err != nil {
					return err
				}
				return sameValue(m.Data)
			})},
			{"mabus", loop(inFlight, func(ctx context.Context, _ int) error {
				answer, err := f.client.Call(ctx, id, payload)
				if err != nil {
					return err
				}
				return sameValue(answer)
			})},
		}, func(l []load) {
			for i, who := range []string{"pipe", "shared", "runtime", "bridge", "mabus"} {
				r.record(suffixed("exec_"+who+"_ops", inFlight), "ops/s", l[i].rate())
				r.record(suffixed("exec_"+who+"_p50", inFlight), "us", micros(l[i].p50))
				r.record(suffixed("exec_"+who+"_p99", inFlight), "us", micros(l[i].p99))
			}
			r.record(suffixed("exec_call_ratio", inFlight), "ratio", l[4].rate()/l[0].rate())
			r.record(suffixed("exec_runtime_ratio", inFlight), "ratio", l[2].rate()/l[1].rate())
			r.record(suffixed("exec_bridge_ratio", inFlight), "ratio", l[4].rate()/l[3].rate())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// handle gives the runtime a message as the host does.
func handle(ctx context.Context, h agent.Handler) error {
	call := rpc.NewContext(ctx, api.DefaultTimeout.Std(), api.Cause{})
	defer call.End()
	answer, err := h.Handle(call, &agent.Message{Payload: payload, Parts: agent.NoParts{}})
	if err != nil {
		return err
	}
	return sameValue(answer)
}

// sameValue is same for answers that were taken out of a frame, where the spaces around a value are lost.
func sameValue(answer []byte) error {
	if !bytes.Equal(bytes.TrimSpace(answer), bytes.TrimSpace(payload)) {
		return errAnswer
	}
	return nil
}
