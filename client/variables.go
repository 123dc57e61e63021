package client

import (
	"context"
	"encoding/json"
	"iter"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Variables are values that agents share.
type Variables struct {
	conn *rpc.Conn
	seen *session
}

// Register registers a variable: conflict (already_registered) if there is one of its name.
func (s Variables) Register(ctx context.Context, spec api.VariableSpec) (*api.Variable, error) {
	resp, err := change(ctx, s.conn, api.VariablesRegister, &spec)
	return changed(s.seen, func(v *api.Variable) string { return v.Revision }, resp, err)
}

// Get returns a variable: not_found (variable_not_found) if there is none.
func (s Variables) Get(ctx context.Context, name string) (*api.Variable, error) {
	return read(s.seen, "", func(revision string) (*api.Variable, error) {
		return look(ctx, s.conn, api.VariablesGet, &api.NameRequest{Name: name, MinRevision: revision})
	})
}

// Update changes a value: at once, or by a decision of others, for which it waits for as long as ctx lasts. Version is that which the
// variable must have; 0 does not care.
func (s Variables) Update(ctx context.Context, name string, value any, version uint64) (*api.VariableUpdateResponse, error) {
	body, err := encode(value)
	if err != nil {
		return nil, err
	}
	resp, err := decided(ctx, s.conn, api.VariablesUpdate, &api.VariableUpdateRequest{Name: name, Value: body, ExpectedVersion: version, Wait: followWait},
		func(r *api.VariableUpdateResponse) bool { return r.State != api.UpdatePending })
	return changed(s.seen, func(r *api.VariableUpdateResponse) string { return r.Variable.Revision }, resp, err)
}

// Delete removes a variable, and tells whether there was one.
func (s Variables) Delete(ctx context.Context, name string) (existed bool, err error) {
	resp, err := change(ctx, s.conn, api.VariablesDelete, &api.VariableDeleteRequest{Name: name})
	if err == nil {
		s.seen.wrote(resp.Revision)
	}
	return resp != nil && resp.Existed, err
}

// List returns the variables that the client's principal may read, in the order of their names.
func (s Variables) List(ctx context.Context, r api.VariablesListRequest) ([]api.Variable, error) {
	var all []api.Variable
	for {
		page, err := look(ctx, s.conn, api.VariablesList, &r)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Variables...)
		if r.After = page.Next; r.After == "" {
			return all, nil
		}
	}
}

// History returns the last changes, the newest first; 50 of them if limit is 0.
func (s Variables) History(ctx context.Context, name string, limit int) ([]api.VariableChange, error) {
	resp, err := look(ctx, s.conn, api.VariablesHistory, &api.VariableHistoryRequest{Name: name, Limit: limit})
	if err != nil {
		return nil, err
	}
	return resp.Changes, nil
}

// Follow yields the changes of a variable after a version, as they happen, until it is removed or ctx ends.
func (s Variables) Follow(ctx context.Context, name string, after uint64) iter.Seq2[api.VariableChange, error] {
	return func(yield func(api.VariableChange, error) bool) {
		for {
			resp, err := until(ctx, func(ctx context.Context) (*api.VariableFollowResponse, error) {
				return rpc.Call(ctx, s.conn, api.VariablesFollow, &api.VariableFollowRequest{Name: name, After: after, Wait: followWait})
			}, func(r *api.VariableFollowResponse) bool {
				return len(r.Changes) > 0 || r.Gone || r.Variable != nil && r.Variable.Version > after
			})
			if err != nil {
				yield(api.VariableChange{}, err)
				return
			}
			for _, c := range resp.Changes {
				if !yield(c, nil) {
					return
				}
				after = c.Version
			}
			if resp.Gone {
				return
			}
			if v := resp.Variable; v != nil { // its first value is no change
				after = max(after, v.Version)
			}
		}
	}
}

// Coordinate has the agents of a variable decide on its value and take it up, and waits for that for as long as ctx lasts. The question
// is passed to them: anything that can be written as JSON, or nil.
func (s Variables) Coordinate(ctx context.Context, name string, question any) (*api.Coordination, error) {
	body, err := optional(question)
	if err != nil {
		return nil, err
	}
	return decided(ctx, s.conn, api.VariablesCoordinate, &api.VariableCoordinateRequest{Name: name, Question: body, Wait: followWait}, isOver)
}

func isOver(c *api.Coordination) bool {
	return c.State == api.CoordinationCompleted || c.State == api.CoordinationFailed
}

// decided asks for a change on which others decide, as one request, until they have decided or ctx ends.
func decided[Req, Resp any](ctx context.Context, conn *rpc.Conn, m api.Method[Req, Resp], req *Req, done func(*Resp) bool) (*Resp, error) {
	if given, _ := ctx.Value(requestIDKey{}).(string); given == "" {
		ctx = rpc.WithRequestID(ctx, rpc.NewRequestID())
	}
	return until(ctx, func(ctx context.Context) (*Resp, error) { return rpc.Call(ctx, conn, m, req) }, done)
}

// CoordinateAll coordinates every variable that has agents and a protocol and that the client's principal may write.
func (s Variables) CoordinateAll(ctx context.Context, question any) ([]api.CoordinateResult, error) {
	body, err := optional(question)
	if err != nil {
		return nil, err
	}
	resp, err := decided(ctx, s.conn, api.VariablesCoordinateAll, &api.CoordinateAllRequest{Question: body, Wait: followWait}, func(r *api.CoordinateAllResponse) bool {
		return !slices.ContainsFunc(r.Results, func(one api.CoordinateResult) bool { return one.Coordination != nil && !isOver(one.Coordination) })
	})
	if err != nil {
		return nil, err
	}
	return resp.Results, nil
}

// Stats counts what was done with variables; with a name, with that one.
func (s Variables) Stats(ctx context.Context, name string) (*api.VariableStatsResponse, error) {
	return look(ctx, s.conn, api.VariablesStats, &api.VariableStatsRequest{Name: name})
}

func optional(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	return encode(v)
}
