package registry

import (
	"context"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (s *Service) handleLeases(srv *rpc.Server) {
	rpc.Handle(srv, api.LeasesAcquire, s.acquireLease)
	rpc.Handle(srv, api.LeasesRenew, s.renewLease)
	rpc.Handle(srv, api.LeasesRelease, s.releaseLease)
}

func (s *Service) acquireLease(ctx context.Context, r *api.LeaseAcquireRequest) (*api.Lease, error) {
	id, nonce := r.ID, ""
	if cause := rpc.CauseFrom(ctx); cause.RequestID != "" {
		nonce = rpc.RequestTag(cause)
	}
	switch {
	case id == "" && nonce != "":
		id = nonce // a repetition must mean the same lease
	case id == "":
		id = nuid.Next()
	}
	acquire := s.leases.AcquireFor
	if s.cfg.Strict {
		acquire = s.watcher.AcquireFor
	}
	token, err := acquire(ctx, id, nonce, rpc.CauseFrom(ctx).Principal)
	if err != nil {
		return nil, err
	}
	return s.leaseAnswer(id, token), nil
}

func (s *Service) renewLease(ctx context.Context, r *api.LeaseRenewRequest) (*api.Lease, error) {
	renew := s.leases.Renew
	if s.cfg.Strict {
		renew = func(ctx context.Context, id, token string) (string, error) {
			return s.leases.RenewFor(ctx, id, token, rpc.CauseFrom(ctx).Principal)
		}
	}
	token, err := renew(ctx, r.ID, r.Token)
	if err != nil {
		return nil, err
	}
	return s.leaseAnswer(r.ID, token), nil
}

func (s *Service) releaseLease(ctx context.Context, r *api.LeaseRenewRequest) (*api.Empty, error) {
	if s.cfg.Strict {
		return &api.Empty{}, s.leases.ReleaseFor(ctx, r.ID, r.Token, rpc.CauseFrom(ctx).Principal)
	}
	return &api.Empty{}, s.leases.ReleaseOnce(ctx, r.ID, r.Token)
}

func (s *Service) leaseAnswer(id, token string) *api.Lease {
	t := s.leases.Timing()
	return &api.Lease{ID: id, Token: token, Renew: api.Duration(t.Renew), Hold: api.Duration(t.Hold)}
}

// leaseWait bounds the wait for the watcher to hear of a lease that is on record.
const leaseWait = 2 * time.Second

// needLease returns the refusal of what would live by a lease that does not live, nil if it does or none is named. Its second
// error says that the lease could not be looked at.
//
// It may miss a death that has only just happened: then the reaper marks what was registered.
func (s *Service) needLease(ctx context.Context, id string) (refusal, err error) {
	if id == "" {
		return nil, nil
	}
	state := s.watcher.State(id)
	if state == lease.Unknown {
		stored, err := s.leases.State(ctx, id)
		if err != nil {
			return nil, err
		}
		if stored == lease.Live {
			wait, cancel := context.WithTimeout(ctx, leaseWait)
			defer cancel()
			_ = s.watcher.Wait(wait, id, lease.Live) // what came of it is asked below
		}
		if state = s.watcher.State(id); state == lease.Unknown { // the watcher is behind: the store knows better
			state = stored
		}
	}
	if state == lease.Live {
		return nil, nil
	}
	return api.Errorf(api.FailedPrecondition, "lease %s does not live; acquire a lease, and keep renewing it", id).
		WithReason(api.ReasonUnknownLease), nil
}

// onRecord asks the store's leader whether there is a lease, living or dead.
func (s *Service) onRecord(ctx context.Context, id string) (bool, error) {
	state, err := s.leases.State(ctx, id)
	return err == nil && state != lease.Unknown, err
}

// unless makes a rule refuse, once it would change something. The refusal goes through the rule, so that a repeated request
// still gets its first answer after the lease has ended.
func unless[T any](refusal error, rule func(old *T, now time.Time) (*T, roster.Event, error)) func(old *T, now time.Time) (*T, roster.Event, error) {
	if refusal == nil {
		return rule
	}
	return func(old *T, now time.Time) (*T, roster.Event, error) {
		next, event, err := rule(old, now)
		if err == nil && event != roster.NoChange {
			return nil, roster.NoChange, refusal
		}
		return next, event, err
	}
}
