package bench

import (
	"context"
	"fmt"
	"slices"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// measureGo compares five ways to a program in Go that does nothing but answer, each with a process of it for itself.
func measureGo(ctx context.Context, r *run, f *faraway) error {
	spec := api.AgentSpec{ID: "exec-go", Command: r.program(workExec), Concurrency: slices.Max(goInFlight)}
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
	for _, inFlight := range goInFlight {
		err := r.rounds(ctx, fmt.Sprintf("go, %d at once", inFlight), []side{
			p.side(inFlight),
			{"shared pipe", loop(inFlight, func(_ context.Context, c int) error { return many.call(answers[c], deadline) })},
			{"runtime", loop(inFlight, func(ctx context.Context, _ int) error { return handle(ctx, local) })},
			{"bridge", loop(inFlight, func(context.Context, int) error {
				m, err := f.ask.Request(plainExec, payload, api.DefaultTimeout.Std())
				if err != nil {
					return err
				}
				return sameValue(m.Data)
			})},
			f.calls(spec.ID, inFlight),
		}, func(l []load) {
			r.recordLoads("exec_go_", inFlight, l, "pipe", "shared", "runtime", "bridge", "mabus")
			r.record(suffixed("exec_go_call_ratio", inFlight), "ratio", l[4].rate()/l[0].rate())
			r.record(suffixed("exec_go_runtime_ratio", inFlight), "ratio", l[2].rate()/l[1].rate())
			r.record(suffixed("exec_go_bridge_ratio", inFlight), "ratio", l[4].rate()/l[3].rate())
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
