package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Work runs heavy work apart.
type Work struct {
	conn  *rpc.Conn
	hosts Hosts
}

// vigilance is the time between two looks at a host that has work of this client's.
const vigilance = time.Second

// Isolate runs a command once in a process of its own on a host, the named one or any, and waits for it until ctx ends,
// or 5 seconds if it has no deadline; then the command and all that it has started are killed. A command that ends with another exit code than 0 is an answer too.
//
// It may not be repeated blindly: an id of the context (WithRequestID) does not make it happen once. Errors are those of
// api.WorkIsolate; overloaded (server_full) if no host has room; not_found (host_not_found) if the named one is not there;
// unavailable with maybe_executed if the host dies or stops while it has the work.
func (w Work) Isolate(ctx context.Context, req api.IsolateRequest) (*api.IsolateResponse, error) {
	if req.Host != "" {
		return w.at(ctx, req)
	}
	err := error(api.Errorf(api.Unavailable, "no host is there to run the command").WithReason(api.ReasonHostNotFound))
	list, lerr := w.live(ctx)
	if lerr != nil {
		return nil, lerr
	}
	rand.Shuffle(len(list.Hosts), func(i, j int) { list.Hosts[i], list.Hosts[j] = list.Hosts[j], list.Hosts[i] })
	for _, host := range list.Hosts {
		req.Host = host.ID
		resp, aerr := w.at(ctx, req)
		switch api.ReasonOf(aerr) {
		case api.ReasonHostNotFound: // it has just gone
		case api.ReasonServerFull, api.ReasonDraining:
			err = aerr
		default:
			return resp, aerr
		}
		if e := api.AsError(aerr); e.Details.MaybeExecuted {
			return nil, aerr
		}
	}
	return nil, err
}

// live lists the hosts that live. A host that has just started is not listed by every replica of the registry yet, so that none is believed
// after some looks alone.
func (w Work) live(ctx context.Context) (*api.HostsListResponse, error) {
	for begin := time.Now(); ; {
		list, err := w.hosts.List(ctx, api.HostsListRequest{Status: api.HostLive, Limit: api.MaxPage})
		if err != nil || len(list.Hosts) > 0 || time.Since(begin) > vigilance {
			return list, err
		}
		select {
		case <-ctx.Done():
			return list, nil
		case <-time.After(vigilance / 20):
		}
	}
}

// at asks one host, and gives up when that is no longer there.
func (w Work) at(ctx context.Context, req api.IsolateRequest) (*api.IsolateResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(rpc.WithRequestID(ctx, nuid.Next())) // with an id it can be cancelled
	over := make(chan struct{})
	go func() {
		defer close(over)
		w.watch(ctx, req.Host, cancel)
	}()
	resp, err := rpc.CallAt(ctx, w.conn, api.HostSubject(w.conn.Namespace, req.Host, "work.isolate"), api.WorkIsolate, &req)
	cause := context.Cause(ctx)
	cancel(nil)
	<-over
	switch {
	case errors.Is(cause, errHostGone):
		return nil, api.Errorf(api.Unavailable, "host %s was lost or stopped while it ran the command", req.Host).WithReason(api.ReasonHostLost).MaybeExecuted()
	case api.ReasonOf(err) == api.ReasonNobodyListens:
		return nil, api.Errorf(api.NotFound, "no live host is called %s", req.Host).WithReason(api.ReasonHostNotFound)
	}
	return resp, err
}

var errHostGone = errors.New("the host is gone")

// watch ends the request when nobody answers for the host any more.
func (w Work) watch(ctx context.Context, host string, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(vigilance)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		ping, done := context.WithTimeout(ctx, 2*vigilance)
		_, err := w.conn.Request(ping, api.HostSubject(w.conn.Namespace, host, "ping"), nil, true)
		done()
		if api.ReasonOf(err) == api.ReasonNobodyListens {
			cancel(errHostGone)
			return
		}
	}
}
