package rpc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Context is the context of one request: the serving side's lifetime, the caller's deadline, and the cause. Its timer is
// armed only when somebody asks for Done, since most handlers never wait; that is worth some 7 % of echo throughput.
type Context struct {
	base     context.Context
	deadline time.Time
	cause    api.Cause
	// cancellable says that somebody may cancel the request, so that what it asks of others must be cancellable too.
	cancellable bool
	// arrived is the place of the request among those that have come to this process; 0 for one that has not come by a server.
	arrived uint64

	mu     sync.Mutex
	armed  context.Context
	cancel context.CancelFunc
	ended  bool
}

// NewContext returns the context of a request that has the given time from now on.
func NewContext(base context.Context, timeout time.Duration, cause api.Cause) *Context {
	return &Context{base: base, deadline: time.Now().Add(timeout), cause: cause}
}

// End releases the context; whoever still waits on it sees it cancelled.
func (c *Context) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.cancel != nil {
		c.cancel()
	}
}

// Deadline implements context.Context.
func (c *Context) Deadline() (time.Time, bool) { return c.deadline, true }

// Done implements context.Context.
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.arm().Done()
}

func (c *Context) arm() context.Context {
	if c.armed == nil {
		if c.ended { // also when the deadline has passed since
			c.armed, c.cancel = context.WithCancel(c.base)
			c.cancel()
			return c.armed
		}
		c.armed, c.cancel = context.WithDeadline(c.base, c.deadline)
	}
	return c.armed
}

// Err implements context.Context.
func (c *Context) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.armed == nil && !c.ended && time.Now().Before(c.deadline) && c.base.Err() == nil {
		return nil
	}
	return c.arm().Err() // which keeps its first error
}

type causeKey struct{}

// Value implements context.Context.
func (c *Context) Value(key any) any {
	switch key.(type) {
	case causeKey:
		return c.cause
	case cancellableKey:
		return c.cancellable
	case arrivedKey:
		return c.arrived
	}
	c.mu.Lock()
	armed := c.armed
	c.mu.Unlock()
	if armed != nil { // lets the standard library see that this is its own cancel context, and spare a goroutine
		return armed.Value(key)
	}
	return c.base.Value(key)
}

type arrivedKey struct{}

// Arrival returns the place of a handler's request among those that have come to this process, from 1 on; 0 outside of a request.
// Handlers run at the same time, so where the first to come shall be the first served, it is this that tells.
func Arrival(ctx context.Context) uint64 {
	if c, ok := ctx.(*Context); ok {
		return c.arrived
	}
	n, _ := ctx.Value(arrivedKey{}).(uint64)
	return n
}

// CauseFrom returns who asked for what a handler is doing; zero outside a request.
func CauseFrom(ctx context.Context) api.Cause {
	if c, ok := ctx.(*Context); ok {
		return c.cause
	}
	cause, _ := ctx.Value(causeKey{}).(api.Cause)
	return cause
}

// WithCause returns a context whose calls are made for the cause.
func WithCause(ctx context.Context, cause api.Cause) context.Context {
	return context.WithValue(ctx, causeKey{}, cause)
}

// RequestTag returns an id that stands for the cause's request among all principals' requests; "" if it has no id.
func RequestTag(cause api.Cause) string {
	if cause.RequestID == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(cause.Principal + "\x00" + cause.RequestID))
	return hex.EncodeToString(sum[:16])
}
