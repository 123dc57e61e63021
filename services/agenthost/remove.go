package agenthost

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// removeMethods adds the methods that remove what is kept of jobs and of agents that are gone.
func (s *Service) removeMethods() {
	rpc.Handle(s.server, api.JobsRemove, func(ctx context.Context, r *api.JobRemoveRequest) (*api.JobRemoved, error) {
		cause := rpc.CauseFrom(ctx)
		resp, err := s.tasks.RemoveJob(ctx, cause, r)
		if err != nil || resp.Next != "" {
			return resp, err
		}
		if err := s.budgets.Remove(ctx, cause, &api.BudgetKey{Scope: api.BudgetJob, ID: r.Job}); err != nil {
			return nil, err
		}
		return resp, s.tell(ctx, "jobs", r.Job, "removed", resp)
	})
	rpc.Handle(s.server, api.StatesRemove, s.removeState)
}

// removeState asks the registry first, at the store's leader: what a registered agent has saved is its own.
func (s *Service) removeState(ctx context.Context, r *api.DeregisterRequest) (*api.Removed, error) {
	_, err := rpc.Call(ctx, s.conn, api.AgentsUpdate, &api.AgentUpdateRequest{ID: r.ID})
	switch {
	case err == nil:
		return nil, api.Errorf(api.FailedPrecondition, "agent %s is registered: deregister it first", r.ID).WithReason(api.ReasonStillThere)
	case api.CodeOf(err) != api.NotFound:
		return nil, err
	}
	existed, err := s.states.Forget(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	if err := s.tasks.RemoveQueue(ctx, r.ID); err != nil {
		return nil, err
	}
	resp := &api.Removed{Existed: existed}
	if !existed {
		return resp, nil
	}
	return resp, s.tell(ctx, "states", r.ID, "removed", resp)
}

// tell stores the event of a change that nothing else tells of, with who has asked for it.
func (s *Service) tell(ctx context.Context, noun, id, what string, now any) error {
	cause := rpc.CauseFrom(ctx)
	data, err := codec.Marshal(now)
	if err != nil {
		return err
	}
	e := api.Event{
		SpecVersion: "1.0", ID: what + "-" + nuid.Next(), Source: "/" + s.conn.Namespace + "/agenthost", Type: "mabus." + noun + "." + what, Subject: id,
		Time: time.Now().UTC(), DataContentType: "application/json", Data: data, Principal: cause.Principal, CausationID: cause.Causation, Traceparent: cause.Traceparent,
	}
	msg := nats.NewMsg(api.EventSubject(s.conn.Namespace, "agenthost", noun, id))
	if msg.Data, err = codec.Marshal(e); err != nil {
		return err
	}
	if _, err := s.conn.JS.PublishMsg(ctx, msg, jetstream.WithMsgID(e.ID)); err != nil {
		return api.Errorf(api.Unavailable, "%s is %s, but its event could not be stored: ask again: %v", id, what, err).WithReason(api.ReasonDependencyDown).MaybeExecuted()
	}
	return nil
}
