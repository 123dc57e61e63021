package agenthost

import (
	"context"
	"runtime"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/agenthost/isolate"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// workMethods adds the method that runs a command once. It changes nothing that Mabus keeps, so a request id does not keep its
// answer; but in a strict namespace a command is run only for somebody.
func (s *Service) workMethods() {
	pool := isolate.NewPool(isolate.PerCPU * runtime.GOMAXPROCS(0))
	work := func(ctx context.Context, r *api.IsolateRequest) (*api.IsolateResponse, error) {
		if s.env.Strict && rpc.CauseFrom(ctx).Principal == "" {
			return nil, api.Errorf(api.Unauthenticated, "this namespace is strict: ask as a principal to run a command").WithReason(api.ReasonPrincipalMissing)
		}
		if r.Host != "" && r.Host != s.cfg.ID {
			on := s.conn.WithPrincipal(rpc.CauseFrom(ctx).Principal)
			if s.private() { // no host speaks as somebody who has credentials
				on = s.conn
			}
			return client.New(on).Work.Isolate(ctx, *r)
		}
		return pool.Run(ctx, r, isolate.Options{Host: s.cfg.ID})
	}
	rpc.Handle(s.server, api.WorkIsolate, work)
	rpc.HandleAt(s.server, api.HostSubject(s.conn.Namespace, s.cfg.ID, "work.isolate"), api.WorkIsolate, work)
}
