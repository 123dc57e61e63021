package rpc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	// early are requests that were given up before they came, by key and stamp: the latest earlyKept of them, which order has in a ring.
	early map[string]bool
	order []string
	next  int
}

// earlyKept bounds what is remembered of requests that were given up elsewhere, or too late.
const earlyKept = 1024

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
		if _, err := c.NC.Subscribe(subject, func(msg *nats.Msg) { c.state.cancels.cancel(c.Namespace, msg.Subject, msg.Data) }); err != nil {
			return fmt.Errorf("listen for cancellations: %w", err)
		}
	}
	c.state.cancels.listening = true
	return nil
}

func (s *cancels) cancel(namespace, subject string, stamp []byte) {
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
	if len(stamp) == stampSize {
		s.expect(principal + "/" + id + "/" + string(stamp))
	}
}

// expect remembers a request that was given up, in the place of the oldest. The lock is held.
func (s *cancels) expect(key string) {
	if s.early == nil {
		s.early, s.order = make(map[string]bool, earlyKept), make([]string, earlyKept)
	}
	delete(s.early, s.order[s.next])
	s.early[key], s.order[s.next] = true, key
	s.next = (s.next + 1) % earlyKept
}

// stampSize is the length of a stamp.
const stampSize = 16

// stamp tells a request from every other one, also of the same id, without telling where its answer goes.
func stamp(reply string) string {
	sum := sha256.Sum256([]byte(reply))
	return hex.EncodeToString(sum[:stampSize/2])
}

// Cancellable lets the request with the id and the reply subject, made by the principal, be cancelled until the function that it returns
// is called, or ends it at once if it was given up on its way here. A request without an id cannot be. It is called before anybody else has
// the context.
func (c *Conn) Cancellable(ctx *Context, principal, id, reply string) (release func()) {
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
	if len(s.early) > 0 && s.early[key+"/"+stamp(reply)] {
		ctx.End()
	}
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

// giveUp is Cancel for a request whose answer nobody waits for. It holds also for where it comes before the request does, which a balancer may
// have passed on, and not for another attempt with the same id.
func (c *Conn) giveUp(id, reply string) {
	_ = c.NC.Publish(api.As(c.Namespace, c.Principal, api.CancelSubject(c.Namespace, id)), []byte(stamp(reply)))
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
