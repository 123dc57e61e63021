package rpc

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/mabus-project/mabus/shared/api"
)

// Arrived is a request that is taken where it arrives: see HandleDirect.
type Arrived struct {
	Principal string
	// Reply is where the answer goes; nobody waits for one if it is empty.
	Reply string
	// Body is as it was sent: nothing has been checked.
	Body []byte
}

// DirectHandler takes a request. An error is answered at once; after nil the handler answers by itself, now or later, by Conn.Reply.
type DirectHandler func(Arrived) error

// HandleDirect adds a method of the service, before Start, whose requests are taken one after the other where they arrive, for those that are
// small and come by the hundred thousand: no worker, context, deadline or trace is made for one. The handler must neither wait nor keep
// the body. Bodies by reference are refused.
func HandleDirect[Req, Resp any](s *Server, m api.Method[Req, Resp], h DirectHandler) {
	d := m.Describe()
	row := &method{Descriptor: d, metrics: s.metrics.of(d.Noun + "." + d.Verb), direct: h}
	s.methods = append(s.methods, row)
	s.byName[d.Noun+"."+d.Verb] = row
}

// takeDirect takes a request on the goroutine that it arrives on.
func (s *Server) takeDirect(r request) {
	err := s.direct(r)
	if err == nil {
		return
	}
	s.tellRefusal(r, api.CodeOf(err), api.ReasonOf(err))
	if r.reply == "" { // nobody hears it, and a mistake that is repeated by the thousand must not fill the log
		s.cfg.Log.Debug().Err(err).Str("method", r.method.Name()).Str("principal", r.principal).Msg("refused")
		return
	}
	_ = s.conn.ReplyError(r.reply, Explain(err, s.cfg.Log))
}

func (s *Server) direct(r request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in %s: %v\n%s", r.method.Name(), v, debug.Stack())
		}
	}()
	if _, err := s.cause(r, r.data); err != nil {
		return err
	}
	if len(r.header) > 0 && r.header.Get(api.HeaderBlob) != "" {
		return api.Errorf(api.Invalid, "%s takes no bodies by reference: send several smaller ones", r.method.Name()).WithReason(api.ReasonPayloadTooLarge)
	}
	return r.method.direct(Arrived{Principal: r.principal, Reply: r.reply, Body: r.data})
}

// Dropped returns how many requests at least were lost because they came faster than they could be taken off the connection. NATS tells
// when that begins and not of each one, so there may have been more.
func (s *Server) Dropped() uint64 {
	n := s.overruns.Load()
	if !s.started.Load() {
		return n
	}
	for _, sub := range s.subs {
		if dropped, err := sub.Dropped(); err == nil {
			n += uint64(dropped)
		}
	}
	return n
}

// trouble takes note of what NATS has to say of a subscription. One that is overrun says so again and again.
func (s *Server) trouble(e *micro.NATSError) {
	if !errors.Is(e, nats.ErrSlowConsumer) {
		s.cfg.Log.Error().Err(e).Msg("service")
		return
	}
	s.overruns.Add(1)
	now := time.Now().Unix()
	if last := s.overrun.Load(); last != now && s.overrun.CompareAndSwap(last, now) {
		s.cfg.Log.Error().Err(e).Msg("requests are lost: they come faster than this replica takes them; more replicas share them")
	}
}
