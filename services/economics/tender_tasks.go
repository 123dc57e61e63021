package economics

import (
	"context"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/services/economics/tender"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

// taskTime bounds one request about a durable task.
const taskTime = 10 * time.Second

// runTenderExecute submits the durable task of an awarded tender. Its id makes it one task however often this runs.
func (e *economy) runTenderExecute(ctx context.Context, f engine.Effect) ([]byte, error) {
	var spec api.TaskSpec
	if err := codec.Read(f.Body, &spec); err != nil {
		return nil, fmt.Errorf("read the effect: %w", err)
	}
	return e.seen(ctx, spec.Deadline, func(ctx context.Context) (*api.Task, error) { return rpc.Call(ctx, e.conn, api.TasksSubmit, &spec) })
}

// runTenderCheck looks how the durable task of an awarded tender stands.
func (e *economy) runTenderCheck(ctx context.Context, f engine.Effect) ([]byte, error) {
	var c tender.Check
	if err := codec.Read(f.Body, &c); err != nil {
		return nil, fmt.Errorf("read the effect: %w", err)
	}
	return e.seen(ctx, c.Until, func(ctx context.Context) (*api.Task, error) {
		return rpc.Call(ctx, e.conn, api.TasksGet, &api.TaskGetRequest{ID: c.Task})
	})
}

// seen asks about a task. What another try may mend is tried again, until the contract is over anyway by the time of the log: what a
// replica's own clock says must not end a contract.
func (e *economy) seen(ctx context.Context, until time.Time, ask func(ctx context.Context) (*api.Task, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, taskTime)
	defer cancel()
	task, err := ask(ctx)
	switch code := api.CodeOf(err); {
	case err == nil:
		s := tender.Seen{Status: task.Status, Result: task.Result}
		if len(s.Result) > api.MaxContractItem { // whoever wants it finds it there
			if s.Result, err = codec.Marshal(map[string]string{"task": task.ID}); err != nil {
				return nil, err
			}
		}
		if task.Error != nil {
			s.Error = task.Error.Message
		}
		return codec.Marshal(s)
	case code == api.Conflict || code == api.Invalid || code == api.NotFound || code == api.PermissionDenied || e.passed(ctx, until):
		return codec.Marshal(tender.Seen{Error: err.Error()})
	}
	return nil, err
}

// passed tells whether a time is over by the log.
func (e *economy) passed(ctx context.Context, t time.Time) (over bool) {
	_, err := e.log.Read(ctx, "", func(_ *realm.State, _ uint64, at time.Time) { over = at.After(t) })
	return err == nil && over
}
