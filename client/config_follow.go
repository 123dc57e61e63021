package client

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// followEvery is how often a view asks whether it is current, without having heard of a change.
const followEvery = 2 * time.Second

// ConfigView is a copy of the configuration in this process, which follows every change by its events. Reading from it never waits; while
// NATS is away it answers with what it had, and Age grows. It needs no access to the store. It is safe for concurrent use.
type ConfigView struct {
	conn   *rpc.Conn
	cancel context.CancelFunc
	sub    *nats.Subscription
	status chan nats.Status
	wake   chan struct{}
	done   sync.WaitGroup
	close  sync.Once

	mu      sync.Mutex
	now     *api.ConfigGetResponse
	current time.Time // when the view was last known to be current
	told    string    // the revision of the newest event
	changed chan struct{}
}

// Follow returns a view that has loaded what is set, over the defaults that services have registered. It is unavailable when the registry
// does not answer before ctx ends. The view lives until Close, not until the end of ctx.
func (s Config) Follow(ctx context.Context) (*ConfigView, error) {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	v := &ConfigView{conn: s.conn, cancel: cancel, wake: make(chan struct{}, 1), changed: make(chan struct{})}
	var err error
	subject := api.EventSubject(s.conn.Namespace, "registry", "config", "document")
	if v.sub, err = s.conn.NC.Subscribe(subject, v.hear); err != nil {
		cancel()
		return nil, api.Errorf(api.Unavailable, "changes of the configuration cannot be followed: %v", err)
	}
	begun := time.Now()
	first, err := s.Document(ctx, api.ConfigGetRequest{Defaults: true})
	if err != nil {
		cancel()
		_ = v.sub.Unsubscribe()
		return nil, err
	}
	v.now, v.current = first, begun
	v.status = s.conn.NC.StatusChanged(nats.CONNECTED)
	v.done.Go(func() {
		for range v.status {
			v.hurry()
		}
	})
	v.done.Go(func() { v.follow(base) })
	return v, nil
}

// hear takes the event of a change.
func (v *ConfigView) hear(m *nats.Msg) {
	var e api.Event
	if codec.Read(m.Data, &e) == nil && e.Revision != "" {
		v.mu.Lock()
		v.told = kv.Later(v.told, e.Revision)
		v.mu.Unlock()
	}
	v.hurry()
}

func (v *ConfigView) hurry() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

func (v *ConfigView) follow(ctx context.Context) {
	for {
		t := time.NewTimer(followEvery)
		select {
		case <-ctx.Done():
		case <-v.wake:
		case <-t.C:
		}
		t.Stop()
		if ctx.Err() != nil {
			return
		}
		v.look(ctx)
	}
}

// look asks for what is set now, as new as the newest event.
func (v *ConfigView) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, followEvery)
	defer cancel()
	v.mu.Lock()
	have, told, begun := v.now, v.told, time.Now()
	v.mu.Unlock()
	next, err := rpc.Call(ctx, v.conn, api.ConfigGet, &api.ConfigGetRequest{Defaults: true, MinRevision: told})
	v.mu.Lock()
	defer v.mu.Unlock()
	if api.ReasonOf(err) == api.ReasonForeignRevision && v.told == told { // the store was made anew
		v.told = ""
	}
	if err != nil {
		return
	}
	v.current = begun
	if next.Version != have.Version || string(next.Config) != string(have.Config) {
		v.now = next
		close(v.changed)
		v.changed = make(chan struct{})
	}
}

// Document returns all that is set, over the defaults. It is shared: do not change it.
func (v *ConfigView) Document() *api.ConfigGetResponse {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// Get reads what is at a path into a variable: not_found (unknown_path), invalid (path_under_scalar).
func (v *ConfigView) Get(path string, into any) error {
	value, err := v.Value(path)
	if err != nil {
		return err
	}
	return codec.Read(value, into)
}

// Value returns what is at a path as JSON. Errors are as of Get.
func (v *ConfigView) Value(path string) (json.RawMessage, error) {
	if err := api.CheckConfigPath(path); err != nil {
		return nil, err
	}
	return valueAt(v.Document().Config, path)
}

// Age returns for how long the view may have missed changes. It is some seconds at most while all is well.
func (v *ConfigView) Age() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return time.Since(v.current)
}

// Changed returns a channel that is closed with the next change.
func (v *ConfigView) Changed() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.changed
}

// Close ends the following and waits for its goroutines. What the view holds stays readable.
func (v *ConfigView) Close() {
	v.close.Do(func() {
		v.cancel()
		_ = v.sub.Unsubscribe()
		v.conn.NC.RemoveStatusListener(v.status)
		v.done.Wait()
	})
}
