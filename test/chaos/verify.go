package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/test/lockcheck"
)

// healed waits until every process is ready, every agent runs and answers.
func (w *world) healed(ctx context.Context, work *load, calm time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, calm.Add(healTime))
	defer cancel()
	waits := func(what string, err error) error {
		return fmt.Errorf("%s after the last fault, %s: %w", healTime, what, err)
	}
	for n := range agents {
		for {
			err := work.callOne(ctx, agentID(n))
			if err == nil {
				break
			}
			if rest(ctx, 50*time.Millisecond); ctx.Err() != nil {
				a, look := work.c.Agents.Get(context.WithoutCancel(ctx), api.GetRequest{ID: agentID(n)})
				if look != nil {
					return waits(agentID(n)+" does not answer, nor does the registry", errors.Join(err, look))
				}
				return waits(fmt.Sprintf("%s, which is %s on %s (epoch %d, wanted %t, %q), does not answer", a.ID, a.Status, a.Host, a.Epoch, a.Wanted, a.Reason), err)
			}
		}
		w.cfg.Log("%s answers", agentID(n))
	}
	if err := w.ready(ctx); err != nil {
		return waits("not all is ready", err)
	}
	return nil
}

// outcomes demands that every task that was accepted has one outcome, soon after the last fault.
func (w *world) outcomes(ctx context.Context, work *load, calm time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, calm.Add(2*healTime))
	defer cancel()
	want := map[string]bool{}
	for n, id := range work.accepted {
		want[id] = true
		t, err := w.outcome(ctx, work, id)
		if err != nil {
			return fmt.Errorf("%s was accepted: %w", id, err)
		}
		if t.Status != api.TaskSucceeded && t.Error != nil {
			return fmt.Errorf("%s was given %d and has %s: %w", id, n, t.Status, t.Error)
		}
		if t.Status != api.TaskSucceeded || string(t.Result) != fmt.Sprint(n) {
			return fmt.Errorf("%s was given %d and has %s with %s", id, n, t.Status, t.Result)
		}
	}
	return w.once(ctx, want)
}

func (w *world) outcome(ctx context.Context, work *load, id string) (*api.Task, error) {
	var last *api.Task
	for {
		try, cancel := context.WithTimeout(ctx, 3*time.Second)
		t, err := work.c.Tasks.Get(try, api.TaskGetRequest{ID: id, Wait: api.Duration(2 * time.Second)})
		cancel()
		switch {
		case err == nil && t.Status.Ended():
			return t, nil
		case err == nil:
			last = t
		case api.CodeOf(err) == api.NotFound:
			return nil, err
		}
		switch {
		case ctx.Err() == nil:
		case last != nil:
			return nil, fmt.Errorf("%s after the last fault it is %s, attempt %d of %s on %s", 2*healTime, last.Status, last.Attempt, last.Agent, last.Host)
		default:
			return nil, err
		}
	}
}

// once demands that the store has one outcome of each task.
func (w *world) once(ctx context.Context, want map[string]bool) error {
	s, err := w.js.Stream(ctx, api.DefaultNamespace+"_results")
	if err != nil {
		return err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(api.DefaultNamespace+".result.>"))
	if err != nil {
		return err
	}
	for subject, n := range info.State.Subjects {
		if n != 1 {
			return fmt.Errorf("there are %d outcomes on %s", n, subject)
		}
	}
	if have := len(info.State.Subjects); have < len(want) {
		return fmt.Errorf("%d tasks were accepted, %d have an outcome", len(want), have)
	}
	return nil
}

// checkLocks lets the clients of locks come to their end, and judges what they did.
func (r *Result) checkLocks(ctx context.Context, w *world, calm bool) error {
	var errs []error
	for n := range lockers {
		m := w.members[fmt.Sprintf("locker%d", n)]
		if !m.process.runs() {
			errs = append(errs, fmt.Errorf("%s has ended: %w: %s", m.name, m.process.err, m.process.lastLine()))
			continue
		}
		m.process.stdin.Close() // the sign to finish
	}
	end := time.NewTimer(lastTime + 10*time.Second)
	defer end.Stop()
	for n := range lockers {
		m := w.members[fmt.Sprintf("locker%d", n)]
		select {
		case <-m.process.over:
			if err := m.process.err; err != nil && calm {
				errs = append(errs, fmt.Errorf("%s: %w: %s", m.name, err, m.process.lastLine()))
			}
		case <-end.C:
			errs = append(errs, fmt.Errorf("%s does not come to its end", m.name))
			end.Reset(0)
		case <-ctx.Done():
		}
	}
	var ops []lockcheck.Op
	for n, path := range w.journals {
		h, err := readJournal(path, n)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		ops = append(ops, h.ops...)
		r.Grants += h.grants
	}
	r.Ops = len(ops)
	return errors.Join(append(errs, lockcheck.Check(ops))...)
}
