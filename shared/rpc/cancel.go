package rpc

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
)

// cancels is what can be cancelled on this connection, by the principal and id of the request.
type cancels struct {
	mu        sync.Mutex
	listening bool
	running   map[string][]*Context
}

// ListenForCancels makes requests on this connection cancellable: a message on <ns>.cancel.<request id>, or its as form by
// the principal that made the request, ends the request's context.
func (c *Conn) ListenForCancels() error {
	c.state.cancels.mu.Lock()
	defer c.state.cancels.mu.Unlock()
	if c.state.cancels.listening {
		return nil
	}
	plain := api.CancelSubject(c.Namespace, "*")
	for _, subject := range []string{plain, api.As(c.Namespace, "*", plain)} {
		if _, err := c.NC.Subscribe(subject, func(msg *nats.Msg) { c.state.cancels.cancel(c.Namespace, msg.Subject) }); err != nil {
			return fmt.Errorf("listen for cancellations: %w", err)
		}
	}
	c.state.cancels.listening = true
	return nil
}

func (s *cancels) cancel(namespace, subject string) {
	principal := ""
	rest := subject[len(namespace)+1:]
	if as, ok := strings.CutPrefix(rest, "as."); ok {
		principal, rest, _ = strings.Cut(as, ".")
	}
	id := rest[strings.LastIndexByte(rest, '.')+1:]
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ctx := range s.running[principal+"/"+id] {
		ctx.End()
	}
}

// Cancellable lets the request with the id, made by the principal, be cancelled until the function that it returns is called.
// A request without an id cannot be. It is called before anybody else has the context.
func (c *Conn) Cancellable(ctx *Context, principal, id string) (release func()) {
	if id == "" {
		return func() {}
	}
	ctx.cancellable = true
	s, key := &c.state.cancels, principal+"/"+id
	s.mu.Lock()
	if s.running == nil {
		s.running = map[string][]*Context{}
	}
	s.running[key] = append(s.running[key], ctx)
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		list := s.running[key]
		for i, other := range list {
			if other == ctx {
				list = append(list[:i:i], list[i+1:]...)
				break
			}
		}
		if len(list) == 0 {
			delete(s.running, key)
		} else {
			s.running[key] = list
		}
	}
}

// Cancel asks whoever has the request to give it up. It tells nothing: the request's own answer does.
func (c *Conn) Cancel(id string) error {
	return c.NC.Publish(api.As(c.Namespace, c.Principal, api.CancelSubject(c.Namespace, id)), nil)
}

// requestID returns the id that WithRequestID has set, or "".
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// cancelID returns the id under which a message to an agent can be cancelled: that of WithRequestID, or, inside a handler
// that can be cancelled itself, a new one, so that the cancellation goes on to whom the handler has asked. Requests to
// services get no new id: they are short, and with an id a change keeps its answer.
func cancelID(ctx context.Context) string {
	if id := requestID(ctx); id != "" {
		return id
	}
	if can, _ := ctx.Value(cancellableKey{}).(bool); can {
		return nuid.Next()
	}
	return ""
}

type cancellableKey struct{}
