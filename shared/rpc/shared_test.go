package rpc_test

import (
	"errors"
	"io"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

type ended struct{ times int }

func (e *ended) Close() { e.times++ }

func TestNamesOfAConnectionShare(t *testing.T) {
	c := bind(t, natstest.Start(t).Connect(t))
	e := &ended{}
	first := c.Share("key", func() rpc.Share { return e })
	again := c.WithPrincipal("alice").Share("key", func() rpc.Share { t.Error("made twice"); return &ended{} })
	other := c.Share("other", func() rpc.Share { return &ended{} })
	if first != e || again != first || other == first {
		t.Errorf("%p, %p, %p", first, again, other)
	}
	c.Close()
	c.Close()
	if e.times != 1 {
		t.Errorf("closed %d times", e.times)
	}
	if got := c.Share("key", func() rpc.Share { t.Error("made after the end"); return &ended{} }); got != nil {
		t.Errorf("after the end: %v", got)
	}
}

// places is a route along some subjects.
type places struct {
	left  []string
	ended []error
}

func (p *places) Next() string {
	if len(p.left) == 0 {
		return ""
	}
	next := p.left[0]
	p.left = p.left[1:]
	return next
}

func (p *places) End(err error) { p.ended = append(p.ended, err) }

func TestAStreamGoesOnWhereSomebodyListens(t *testing.T) {
	st := newStreams(t, 5e9, nil)
	_, err := st.server.NC.Subscribe(streamSubject+".listens", answerOnce(st.server))
	if err != nil {
		t.Fatal(err)
	}
	if err := st.server.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	by := &places{left: []string{"mabus.agent.nobody", "mabus.agent.neither", streamSubject + ".listens", "mabus.agent.not-asked"}}
	s, err := st.client.OpenStreamBy(t.Context(), by, []byte(`"me"`))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := s.Next(); err != nil || string(p.Body) != `"me"` {
		t.Fatalf("%s, %v", p.Body, err)
	}
	if _, err := s.Next(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if len(by.ended) != 1 || by.ended[0] != nil || len(by.left) != 1 {
		t.Errorf("%v ended, %v left", by.ended, by.left)
	}
	nowhere := &places{left: []string{"mabus.agent.nobody", "mabus.agent.neither"}}
	s, err = st.client.OpenStreamBy(t.Context(), nowhere, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Next(); err == nil {
		t.Error("nobody listens, and there is a part")
	}
}

// answerOnce answers with what it is asked, in one piece.
func answerOnce(c *rpc.Conn) nats.MsgHandler {
	return func(m *nats.Msg) { _ = c.NC.Publish(m.Reply, m.Data) }
}
