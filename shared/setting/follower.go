package setting

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	documentKey   = "document"
	attachEvery   = 500 * time.Millisecond
	registerEvery = 5 * time.Minute
	registerTime  = 2 * time.Second
)

// part is a setting, whatever its type.
type part interface {
	apply(f *follower)
	registration() *api.ConfigRegisterRequest
	InForce() api.ConfigSectionInForce
}

// follower follows the document for all settings of a connection.
type follower struct {
	conn    *rpc.Conn
	log     zerolog.Logger
	process string

	mu      sync.Mutex // of parts, and of starting and stopping
	parts   []part
	running *run
	closed  bool
}

// run is a follower that follows.
type run struct {
	cancel  context.CancelFunc
	work    sync.WaitGroup
	subs    []*nats.Subscription
	mirror  atomic.Pointer[kv.Mirror[api.ConfigDocument]]
	settled chan struct{} // closed when the document is loaded, or there is no bucket yet
	settle  sync.Once
	fresh   chan struct{} // has a token when there is a part to register
}

type followerKey struct{}

// join adds a setting to the connection's follower.
func join(conn *rpc.Conn, p part, log zerolog.Logger) (*follower, error) {
	f, _ := conn.Share(followerKey{}, func() rpc.Share {
		return &follower{conn: conn, log: log, process: nuid.Next()}
	}).(*follower)
	if f == nil {
		return nil, api.Errorf(api.Unavailable, "the connection is closed")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, api.Errorf(api.Unavailable, "the connection is closed")
	}
	if f.running == nil {
		if err := f.start(); err != nil {
			return nil, err
		}
	}
	f.parts = append(f.parts, p)
	select {
	case f.running.fresh <- struct{}{}:
	default:
	}
	return f, nil
}

// leave takes a setting away; with the last one everything ends.
func (f *follower) leave(p part) {
	f.mu.Lock()
	f.parts = slices.DeleteFunc(f.parts, func(x part) bool { return x == p })
	r := f.running
	if len(f.parts) > 0 {
		r = nil
	} else {
		f.running = nil
	}
	f.mu.Unlock()
	r.stop()
}

// Close implements rpc.Share.
func (f *follower) Close() {
	f.mu.Lock()
	r := f.running
	f.running, f.closed = nil, true
	f.mu.Unlock()
	r.stop()
}

func (f *follower) start() error {
	ctx, cancel := context.WithCancel(context.Background())
	r := &run{cancel: cancel, settled: make(chan struct{}), fresh: make(chan struct{}, 1)}
	if err := f.listen(r); err != nil {
		cancel()
		return err
	}
	r.work.Go(func() { f.follow(ctx, r) })
	r.work.Go(func() { f.register(ctx, r) })
	f.running = r
	return nil
}

// stop ends a run and waits for it; nil is none.
func (r *run) stop() {
	if r == nil {
		return
	}
	r.cancel()
	r.work.Wait()
	for _, sub := range r.subs {
		_ = sub.Unsubscribe()
	}
}

// follow finds the bucket, which the registry makes, and mirrors the document.
func (f *follower) follow(ctx context.Context, r *run) {
	defer r.settle.Do(func() { close(r.settled) })
	bucket, err := kv.Attach(ctx, f.conn.JS, f.conn.Namespace, "config")
	for err != nil {
		if api.CodeOf(err) == api.NotFound {
			r.settle.Do(func() { close(r.settled) })
		}
		if !pause(ctx, attachEvery) {
			return
		}
		bucket, err = kv.Attach(ctx, f.conn.JS, f.conn.Namespace, "config")
	}
	mirror := kv.NewMirror(bucket, kv.MirrorOptions[api.ConfigDocument]{Filter: documentKey, Log: f.log, OnChange: func(kv.Change[api.ConfigDocument]) { f.tell() }})
	r.mirror.Store(mirror)
	mirror.Start()
	defer mirror.Stop()
	select {
	case <-mirror.Ready():
		r.settle.Do(func() { close(r.settled) })
	case <-ctx.Done():
	}
	<-ctx.Done()
}

// tell has every setting take up the document as it now is.
func (f *follower) tell() {
	f.mu.Lock()
	parts := slices.Clone(f.parts)
	f.mu.Unlock()
	for _, p := range parts {
		p.apply(f)
	}
}

// register registers the sections, each until the registry has it, and again from time to time: a registry may have lost them.
func (f *follower) register(ctx context.Context, r *run) {
	done := map[string]time.Time{}
	for ctx.Err() == nil {
		next := registerEvery/2 + rand.N(registerEvery)
		for _, req := range f.registrations() {
			if time.Since(done[req.Name]) < registerEvery/2 {
				continue
			}
			if f.registerOne(ctx, req) {
				done[req.Name] = time.Now()
			} else {
				next = attachEvery + rand.N(attachEvery)
			}
		}
		t := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-r.fresh:
		case <-t.C:
		}
		t.Stop()
	}
}

func (f *follower) registrations() []*api.ConfigRegisterRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]*api.ConfigRegisterRequest, len(f.parts))
	for i, p := range f.parts {
		all[i] = p.registration()
	}
	slices.SortFunc(all, func(a, b *api.ConfigRegisterRequest) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(all, func(a, b *api.ConfigRegisterRequest) bool { return a.Name == b.Name })
}

func (f *follower) registerOne(ctx context.Context, req *api.ConfigRegisterRequest) bool {
	ctx, cancel := context.WithTimeout(ctx, registerTime)
	defer cancel()
	_, err := rpc.Call(ctx, f.conn, api.ConfigRegister, req)
	switch code := api.CodeOf(err); {
	case err == nil:
		return true
	case code == api.Unavailable, code == api.DeadlineExceeded, code == api.Cancelled, code == api.Unimplemented, // the registry has not begun, or is an older one
		code == api.Overloaded && api.ReasonOf(err) != api.ReasonManySections: // or has much to do
		f.log.Debug().Err(err).Str("section", req.Name).Msg("section not registered yet")
		return false
	default:
		f.log.Warn().Err(err).Str("section", req.Name).Msg("section not registered")
		return true // until the next time that all are
	}
}

// wait waits until the document is loaded, or known not to be there.
func (f *follower) wait(ctx context.Context) {
	f.mu.Lock()
	r := f.running
	f.mu.Unlock()
	if r == nil {
		return
	}
	select {
	case <-r.settled:
	case <-ctx.Done():
	}
}

// document returns the document, nil when nobody has set anything, and whether that is known.
func (f *follower) document() (*api.ConfigDocument, bool) {
	m := f.mirrored()
	if m == nil {
		return nil, false
	}
	if d, _, ok := m.Get(documentKey); ok {
		return d, true
	}
	select {
	case <-m.Ready():
		return nil, true
	default:
		return nil, false
	}
}

func (f *follower) mirrored() *kv.Mirror[api.ConfigDocument] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running == nil {
		return nil
	}
	return f.running.mirror.Load()
}

func (f *follower) age() time.Duration {
	if m := f.mirrored(); m != nil {
		return m.Age()
	}
	return math.MaxInt64
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
