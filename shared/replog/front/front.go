// Package front lets a replica of a service answer requests while its log is caught up, and only then: until it is, and when it falls
// behind, it is in no queue group, so that others are asked.
package front

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	leaveTime  = 5 * time.Second // to finish what is under way when the replica is no longer ready
	startTime  = 5 * time.Second // to catch up before the rest of the replica goes on
	retryEvery = time.Second     // to join the queue group when that has failed
)

// Log is what a front asks of a replicated log.
type Log interface {
	// Ready tells whether the replica is caught up, and Changes when that may have changed.
	Ready() bool
	Changes() <-chan struct{}
}

// Front is a replica's presence in the queue group of its service.
type Front struct {
	conn    *rpc.Conn
	log     Log
	zlog    zerolog.Logger
	serve   func() *rpc.Server
	leaving atomic.Pointer[chan struct{}]
	cancel  context.CancelFunc
	work    sync.WaitGroup
}

// New returns a front that is not open yet: what serve's handlers use of it, as Leaving, must be in its place before the first request.
// Serve makes a server with its handlers, anew each time.
func New(conn *rpc.Conn, log Log, zlog zerolog.Logger, serve func() *rpc.Server) *Front {
	f := &Front{conn: conn, log: log, zlog: zlog, serve: serve, cancel: func() {}}
	never := make(chan struct{})
	f.leaving.Store(&never)
	return f
}

// Open answers as soon as the log is ready, until Close. It waits for that for some seconds, since who has started a replica expects it to
// answer; a log that takes longer, or has a fault, is not waited for.
func (f *Front) Open(ctx context.Context) {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f.cancel = cancel
	serving := make(chan struct{})
	f.work.Go(func() { f.attend(base, sync.OnceFunc(func() { close(serving) })) })
	select {
	case <-serving:
	case <-time.After(startTime):
	case <-ctx.Done():
	}
}

// Close leaves the queue group, once what is under way is answered or out of time.
func (f *Front) Close() {
	f.cancel()
	f.work.Wait()
}

// Leaving is closed when the replica leaves its queue group: who waits asks another.
func (f *Front) Leaving() <-chan struct{} { return *f.leaving.Load() }

// ErrLeaving is what who waits is told then.
var ErrLeaving = api.Errorf(api.Unavailable, "this replica goes out of service: ask again").WithReason(api.ReasonDraining)

func (f *Front) attend(ctx context.Context, serving func()) {
	var srv *rpc.Server
	leave := func() {
		if srv == nil {
			return
		}
		close(*f.leaving.Load())
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
		defer cancel()
		if err := srv.Stop(stop); err != nil {
			f.zlog.Warn().Err(err).Msg("requests were cut off as the replica left its queue group")
		}
		srv = nil
	}
	defer leave()
	retry := time.NewTimer(retryEvery)
	defer retry.Stop()
	for {
		switch ready := f.log.Ready(); {
		case ready && srv == nil:
			if srv = f.join(ctx); srv != nil {
				serving()
			}
		case !ready && f.conn.NC.IsConnected():
			// Without a connection nobody comes anyway, and a subscription that is drained then would come back with the next one.
			leave()
		}
		retry.Reset(retryEvery)
		select {
		case <-f.log.Changes():
		case <-retry.C:
		case <-ctx.Done():
			return
		}
	}
}

// join begins to answer; nil, after a word in the log, when it cannot.
func (f *Front) join(ctx context.Context) *rpc.Server {
	leaving := make(chan struct{})
	f.leaving.Store(&leaving)
	srv := f.serve()
	if err := srv.Start(); err != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
		defer cancel()
		f.zlog.Error().Err(errors.Join(err, srv.Stop(stop))).Msg("cannot join the queue group")
		return nil
	}
	return srv
}
