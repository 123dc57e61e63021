package coordination

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nuid"
	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/services/coordination/realm"
	"github.com/mabus-project/mabus/services/coordination/variable"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/replog/front"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (c *council) handleVariables(srv *rpc.Server) {
	rpc.Handle(srv, api.VariablesRegister, c.registerVariable)
	rpc.Handle(srv, api.VariablesGet, c.getVariable)
	rpc.Handle(srv, api.VariablesUpdate, c.updateVariable)
	rpc.Handle(srv, api.VariablesDelete, c.deleteVariable)
	rpc.Handle(srv, api.VariablesList, c.listVariables)
	rpc.Handle(srv, api.VariablesHistory, c.variableHistory)
	rpc.Handle(srv, api.VariablesFollow, c.followVariable)
	rpc.Handle(srv, api.VariablesCoordinate, c.coordinate)
	rpc.Handle(srv, api.VariablesCoordinateAll, c.coordinateAll)
	rpc.Handle(srv, api.VariablesStats, c.variableStats)
}

// see asks the state of the variables for whoever asks, under the revision that is wanted.
func see[T any](ctx context.Context, c *council, minRevision string, f func(v *variable.State, by string) (T, error)) (found T, revision string, err error) {
	found, err = sure(ctx, c, func() (found T, err error) {
		var lost error
		if revision, lost = c.log.Read(ctx, minRevision, func(s *realm.State, _ uint64, _ time.Time) {
			found, err = f(s.Variables, rpc.CauseFrom(ctx).Principal)
		}); lost != nil {
			err = lost
		}
		return found, err
	})
	return found, revision, err
}

func (c *council) registerVariable(ctx context.Context, r *api.VariableSpec) (*api.Variable, error) {
	v, a, err := do[api.Variable](ctx, c, realm.KindRegister, r)
	if err == nil {
		v.Revision = a.Revision
	}
	return v, err
}

func (c *council) getVariable(ctx context.Context, r *api.NameRequest) (*api.Variable, error) {
	v, revision, err := see(ctx, c, r.MinRevision, func(s *variable.State, by string) (*api.Variable, error) { return s.Get(r.Name, by) })
	if err == nil {
		v.Revision = revision
	}
	return v, err
}

// updateVariable changes a variable, and waits for those who decide on the change.
func (c *council) updateVariable(ctx context.Context, r *api.VariableUpdateRequest) (*api.VariableUpdateResponse, error) {
	resp, a, err := do[api.VariableUpdateResponse](ctx, c, realm.KindUpdate, realm.Update{Request: *r, Session: nuid.Next()})
	if err != nil {
		return nil, err
	}
	resp.Variable.Revision = a.Revision
	if resp.State != api.UpdatePending || r.Wait == 0 {
		return resp, nil
	}
	id := resp.Session
	verdict := func(s *variable.State, by string) (*api.VariableUpdateResponse, bool, error) {
		v, err := s.Verdict(r.Name, id, by)
		return v, err != nil || v.State != api.UpdatePending, err
	}
	v, revision, err := waitFor(ctx, c, r.Name, r.Wait.Std(), verdict)
	if v != nil {
		v.Variable.Revision = revision
	}
	return v, begun(err)
}

// waitFor waits until f says that there is what is waited for, or the wait is over, and returns what f returned last. The bell rings
// with every change of the variable.
func waitFor[T any](ctx context.Context, c *council, name string, wait time.Duration, f func(s *variable.State, by string) (T, bool, error)) (last T, revision string, err error) {
	free, err := c.seats.Take()
	if err != nil {
		return last, "", err
	}
	defer free()
	over, cancel := await.Limit(ctx, wait)
	defer cancel()
	for {
		bell, forget := c.bells.Listen(variable.Origin(name))
		done := false
		last, revision, err = see(ctx, c, "", func(s *variable.State, by string) (v T, err error) {
			v, done, err = f(s, by)
			return v, err
		})
		if err != nil || done {
			forget()
			return last, revision, err
		}
		select {
		case <-bell.Rung:
			forget()
		case <-over.Done():
			forget()
			return last, revision, nil
		case <-c.front.Leaving():
			forget()
			return last, "", front.ErrLeaving
		}
	}
}

func (c *council) deleteVariable(ctx context.Context, r *api.VariableDeleteRequest) (*api.DeregisterResponse, error) {
	resp, a, err := do[api.DeregisterResponse](ctx, c, realm.KindDelete, r)
	if err == nil {
		resp.Revision = a.Revision
	}
	return resp, err
}

func (c *council) listVariables(ctx context.Context, r *api.VariablesListRequest) (*api.VariablesListResponse, error) {
	resp, revision, err := see(ctx, c, "", func(s *variable.State, by string) (*api.VariablesListResponse, error) { return s.List(r, by) })
	if err == nil {
		resp.Revision = revision
	}
	return resp, err
}

func (c *council) variableHistory(ctx context.Context, r *api.VariableHistoryRequest) (*api.VariableHistoryResponse, error) {
	resp, revision, err := see(ctx, c, "", func(s *variable.State, by string) (*api.VariableHistoryResponse, error) { return s.History(r, by) })
	if err == nil {
		resp.Revision = revision
	}
	return resp, err
}

func (c *council) followVariable(ctx context.Context, r *api.VariableFollowRequest) (*api.VariableFollowResponse, error) {
	since := func(s *variable.State, by string) (*api.VariableFollowResponse, bool, error) { return s.Since(r, by) }
	if r.Wait > 0 {
		resp, _, err := waitFor(ctx, c, r.Name, r.Wait.Std(), since)
		return resp, err
	}
	resp, _, err := see(ctx, c, "", func(s *variable.State, by string) (*api.VariableFollowResponse, error) {
		resp, _, err := since(s, by)
		return resp, err
	})
	return resp, err
}

// coordinate has the agents of a variable decide on its value, and waits until they have taken it up.
func (c *council) coordinate(ctx context.Context, r *api.VariableCoordinateRequest) (*api.Coordination, error) {
	resp, _, err := do[api.Coordination](ctx, c, realm.KindCoordinate, realm.Coordinate{Request: *r, Session: nuid.Next()})
	if err != nil || r.Wait == 0 {
		return resp, err
	}
	return c.coordinated(ctx, r.Name, resp.Decision, r.Wait.Std())
}

// coordinated waits for the end of a coordination.
func (c *council) coordinated(ctx context.Context, name, decision string, wait time.Duration) (*api.Coordination, error) {
	last, _, err := waitFor(ctx, c, name, wait, func(s *variable.State, by string) (*api.Coordination, bool, error) {
		v, err := s.Get(name, by)
		if err != nil {
			return nil, true, err
		}
		if v.Coordination == nil || v.Coordination.Decision != decision { // another has begun since, so this one has ended
			return nil, true, api.Errorf(api.NotFound, "variable %s was coordinated anew: session %s has what was decided", name, decision).WithReason(api.ReasonSessionNotFound)
		}
		return v.Coordination, v.Coordination.State == api.CoordinationCompleted || v.Coordination.State == api.CoordinationFailed, nil
	})
	return last, begun(err)
}

// atOnce is how many variables are coordinated at the same time.
const atOnce = 64

// coordinateAll begins all coordinations before it waits for any, so that none has to wait for another's agents.
func (c *council) coordinateAll(ctx context.Context, r *api.CoordinateAllRequest) (*api.CoordinateAllResponse, error) {
	names, _, err := see(ctx, c, "", func(s *variable.State, by string) ([]string, error) { return s.Coordinated(by), nil })
	if err != nil {
		return nil, err
	}
	resp := &api.CoordinateAllResponse{Results: make([]api.CoordinateResult, len(names))}
	each := func(f func(i int) (*api.Coordination, error)) {
		var group errgroup.Group
		group.SetLimit(atOnce)
		for i, name := range names {
			group.Go(func() error {
				one, err := f(i)
				resp.Results[i] = api.CoordinateResult{Variable: name, Coordination: one}
				if err != nil {
					resp.Results[i].Error = rpc.Explain(err, c.cfg.Log)
				}
				return nil
			})
		}
		_ = group.Wait() // no error leaves it
	}
	cause := rpc.CauseFrom(ctx)
	each(func(i int) (*api.Coordination, error) {
		return c.coordinate(rpc.WithCause(ctx, derive(cause, names[i])), &api.VariableCoordinateRequest{Name: names[i], Question: r.Question})
	})
	if r.Wait == 0 {
		return resp, nil
	}
	end := time.Now().Add(r.Wait.Std())
	begun := slices.Clone(resp.Results)
	each(func(i int) (*api.Coordination, error) {
		if e := begun[i].Error; e != nil {
			return nil, e
		}
		return c.coordinated(ctx, names[i], begun[i].Coordination.Decision, max(time.Until(end), leastTime))
	})
	return resp, nil
}

// derive returns the cause of what a request does to one variable: by its name, since a repetition may find others too.
func derive(c api.Cause, name string) api.Cause {
	if c.RequestID != "" {
		c.RequestID += "." + name
		c.BodyHash += "." + name
	}
	return c
}

func (c *council) variableStats(ctx context.Context, r *api.VariableStatsRequest) (*api.VariableStatsResponse, error) {
	resp, revision, err := see(ctx, c, "", func(s *variable.State, by string) (*api.VariableStatsResponse, error) { return s.Stats(r, by) })
	if err == nil {
		resp.Revision = revision
	}
	return resp, err
}
