package rpc

import (
	"errors"
	"io"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
)

// Route says where the request of a stream goes. It is used by the goroutine that reads the stream.
type Route interface {
	// Next returns where the request goes next, as nobody has listened where it went before; "" when there is nowhere left.
	Next() string
	// End hears once how the stream ended: nil after its result.
	End(err error)
}

// again sends the request to the next place of the route, when nobody has seen it. It returns false if there is none.
func (s *Stream) again() bool {
	if s.route == nil || s.request == nil || s.ctx.Err() != nil {
		return false
	}
	subject := s.route.Next()
	if subject == "" {
		return false
	}
	msg := &nats.Msg{Subject: api.As(s.conn.Namespace, s.conn.Principal, subject), Reply: s.request.Reply, Header: s.request.Header, Data: s.request.Data}
	if err := s.conn.NC.PublishMsg(msg); err != nil {
		return false
	}
	s.subject, s.seq, s.credit, s.over = subject, 0, "", nil
	s.silence.Lock()
	s.missed, s.lost = 0, make(chan struct{})
	s.ear.Reset(s.beat)
	s.silence.Unlock()
	return true
}

// settle tells the route how the stream ended.
func (s *Stream) settle() {
	route := s.route
	if s.route = nil; route == nil {
		return
	}
	if errors.Is(s.over, io.EOF) {
		route.End(nil)
	} else {
		route.End(s.over)
	}
}
