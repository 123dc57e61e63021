package client

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Lease is proof that this process lives, for processes that are no Mabus service. Locks are held by it, and are free soon
// after the process has died. It is renewed in the background until Close, or until it is lost.
type Lease struct {
	conn *rpc.Conn
	id   string
	hold time.Duration
	beat time.Duration

	ctx   context.Context
	end   context.CancelCauseFunc
	timer *time.Timer    // ends the lease when its time is over
	tasks sync.WaitGroup // the renewal, and what is given back in the background

	mu    sync.Mutex
	token string
	sent  time.Duration // when the token was first used; 0 while it was not
	until time.Duration // by clock
}

const (
	openTimeout  = 5 * time.Second // for one try to get a lease
	closeTimeout = 2 * time.Second // to give a lease, or what was held, back at the end
)

var errClosed = errors.New("the lease was closed")

// OpenLease takes a lease and renews it until Close. ctx bounds the opening only; without a deadline it is
// api.DefaultTimeout.
func (c *Client) OpenLease(ctx context.Context) (*Lease, error) {
	again := func(err error) bool { return isTransient(err) || api.CodeOf(err) == api.DeadlineExceeded }
	return attempts(ctx, again, func(ctx context.Context) (*Lease, error) {
		// A fresh id for each attempt: a lease whose answer was late has less time left than it seems.
		id, sent := nuid.Next(), clock()
		ctx, cancel := context.WithTimeout(rpc.WithRequestID(ctx, id), openTimeout)
		defer cancel()
		got, err := rpc.Call(ctx, c.conn, api.LeasesAcquire, &api.LeaseAcquireRequest{ID: id})
		if err != nil {
			return nil, err
		}
		return newLease(c.conn, got, sent)
	})
}

func newLease(conn *rpc.Conn, got *api.Lease, sent time.Duration) (*Lease, error) {
	l := &Lease{conn: conn, id: got.ID, hold: got.Hold.Std(), beat: got.Renew.Std(), token: got.Token, until: sent + got.Hold.Std()}
	if l.hold <= 0 || l.beat <= 0 {
		return nil, api.Errorf(api.Internal, "the registry gave a lease of renew %s and hold %s", got.Renew, got.Hold)
	}
	l.ctx, l.end = context.WithCancelCause(context.Background())
	l.mu.Lock()
	l.timer = time.AfterFunc(l.until-clock(), l.expire)
	l.mu.Unlock()
	l.tasks.Go(l.run)
	return l, nil
}

// expire ends the lease if its time is over, and looks again when it will be otherwise.
func (l *Lease) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return
	}
	if left := l.until - clock(); left > 0 {
		l.timer.Reset(left)
		return
	}
	l.end(l.lost())
}

// ID returns the lease's id, which requests for locks name.
func (l *Lease) ID() string { return l.id }

// Context ends when the process may no longer act on the lease: its cause is fenced (lease_lost), unless Close ended it. That is
// before anybody else can take what is held by the lease.
func (l *Lease) Context() context.Context { return l.ctx }

// Held tells whether the process may act on the lease at this moment. Unlike Context it needs no timer to have fired, so it
// is right also just after the process was stopped, or on Linux the machine has slept, for a while.
func (l *Lease) Held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ctx.Err() == nil && clock() < l.until
}

// Err returns nil while the lease is held, and why it is not afterwards: fenced (lease_lost), or cancelled after Close.
func (l *Lease) Err() error {
	if l.Held() {
		return nil
	}
	if errors.Is(context.Cause(l.ctx), errClosed) {
		return api.Errorf(api.Cancelled, "lease %s was closed", l.id)
	}
	return l.lost()
}

func (l *Lease) lost() error {
	return api.Errorf(api.Fenced, "lease %s is lost: stop what you do under it, and open a new one", l.id).WithReason(api.ReasonLeaseLost)
}

// Close gives the lease back, and with it every lock and every place in a queue that it holds. It waits for that for two
// seconds at most: if nobody hears it, the lease is declared dead later.
func (l *Lease) Close() {
	l.mu.Lock()
	over := l.ctx.Err() != nil
	l.end(errClosed) // under the lock, so that nothing new begins in the background
	l.mu.Unlock()
	l.timer.Stop()
	l.tasks.Wait()
	if over {
		return // it is lost, or was closed before: there is nothing to give back
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), closeTimeout)
	defer cancel()
	err := l.release(ctx)
	if api.CodeOf(err) != api.Fenced {
		return
	}
	// The answer to the last renewal may have been lost, and so may this one: with the same token it is given again.
	got, err := attempts(ctx, isTransient, func(ctx context.Context) (*api.Lease, error) { return l.ask(ctx, api.LeasesRenew) })
	if err == nil {
		l.token = got.Token
		_ = l.release(ctx)
	}
}

func (l *Lease) release(ctx context.Context) error {
	_, err := rpc.Call(ctx, l.conn, api.LeasesRelease, &api.LeaseRenewRequest{ID: l.id, Token: l.token})
	return err
}

func (l *Lease) ask(ctx context.Context, m api.Method[api.LeaseRenewRequest, api.Lease]) (*api.Lease, error) {
	return rpc.Call(ctx, l.conn, m, &api.LeaseRenewRequest{ID: l.id, Token: l.token})
}

// background runs f, which has to end with its context, that of the lease: then there is nothing left to give back.
func (l *Lease) background(f func(ctx context.Context)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return
	}
	l.tasks.Go(func() { f(l.ctx) })
}

// run renews until the lease ends. It alone changes the token while it runs.
func (l *Lease) run() {
	next := time.NewTimer(l.beat)
	defer next.Stop()
	defer l.timer.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-next.C:
		}
		if !l.renew() {
			next.Reset(max(l.beat/20, time.Millisecond)) // trouble on the way
			continue
		}
		next.Reset(l.beat - (clock() - l.sent)) // at once if this one took long
		l.sent = 0
	}
}

// renew sends one renewal, and tells whether it succeeded. One that is repeated counts from its first sending: the record may
// have been written then.
func (l *Lease) renew() bool {
	if l.sent == 0 {
		l.sent = clock()
	}
	ctx, cancel := context.WithTimeout(l.ctx, max(l.beat, time.Millisecond))
	defer cancel()
	got, err := l.ask(ctx, api.LeasesRenew)
	if api.CodeOf(err) == api.Fenced {
		l.end(l.lost())
	}
	if err != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if clock() >= l.until {
		l.end(l.lost()) // too late: what was done under the lease has stopped
		return false
	}
	l.token, l.until = got.Token, l.sent+l.hold
	l.timer.Reset(l.until - clock())
	return true
}
