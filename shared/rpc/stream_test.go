package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

const streamSubject = "mabus.agent.s1"

// streams is a server of streams: each request runs work, as an agent host would.
type streams struct {
	client, server *rpc.Conn
	ended          chan error // what became of each handler's context
}

func newStreams(t *testing.T, beat time.Duration, work func(ctx context.Context, s *rpc.Sender, body []byte) ([]byte, error)) *streams {
	t.Helper()
	srv := natstest.Start(t)
	st := &streams{client: bind(t, srv.Connect(t)), server: bind(t, srv.Connect(t)), ended: make(chan error, 100)}
	for _, c := range []*rpc.Conn{st.client, st.server} {
		c.SetHeartbeat(beat)
	}
	if err := st.server.ListenForCancels(); err != nil {
		t.Fatal(err)
	}
	base, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	_, err := st.server.NC.Subscribe(streamSubject, func(msg *nats.Msg) {
		go func() {
			ctx := rpc.NewContext(base, time.Minute, api.Cause{})
			defer ctx.End()
			defer st.server.Cancellable(ctx, "", msg.Header.Get(api.HeaderRequestID), msg.Reply)()
			s, err := st.server.NewSender(msg.Header, msg.Reply)
			if err != nil || s == nil {
				_ = st.server.ReplyError(msg.Reply, errors.Join(err))
				return
			}
			result, err := work(ctx, s, msg.Data)
			st.ended <- ctx.Err()
			if err != nil && api.AsError(err) == nil {
				err = api.Errorf(api.Cancelled, "%v", err)
			}
			_ = s.End(ctx, result, err)
		}()
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.server.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	return st
}

func bind(t *testing.T, nc *nats.Conn) *rpc.Conn {
	t.Helper()
	c, err := rpc.Bind(nc, "mabus")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (st *streams) open(ctx context.Context, t *testing.T, body string) *rpc.Stream {
	t.Helper()
	s, err := st.client.OpenStream(ctx, streamSubject, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestStreamBringsAllPartsInOrder(t *testing.T) {
	const n = 1000
	st := newStreams(t, time.Second, func(ctx context.Context, s *rpc.Sender, body []byte) ([]byte, error) {
		for i := range n {
			kind := api.PartChunk
			if i%10 == 0 {
				kind = api.PartProgress
			}
			if err := s.Send(ctx, kind, []byte(strconv.Itoa(i))); err != nil {
				return nil, err
			}
		}
		return body, nil
	})
	s := st.open(t.Context(), t, `{"a":1}`)
	for i := range n {
		p, err := s.Next()
		if err != nil || string(p.Body) != strconv.Itoa(i) || (p.Kind == api.PartProgress) != (i%10 == 0) {
			t.Fatalf("part %d: got %s %q, %v", i, p.Kind, p.Body, err)
		}
	}
	if p, err := s.Next(); err != nil || p.Kind != api.PartResult || string(p.Body) != `{"a":1}` {
		t.Fatalf("result: got %s %q, %v", p.Kind, p.Body, err)
	}
	if _, err := s.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("after the result: got %v", err)
	}
}

func TestStreamIsHeldBackForASlowReader(t *testing.T) {
	var sent atomic.Int64
	st := newStreams(t, 20*time.Millisecond, func(ctx context.Context, s *rpc.Sender, _ []byte) ([]byte, error) {
		for range 500 {
			if err := s.Send(ctx, api.PartChunk, []byte("1")); err != nil {
				return nil, err
			}
			sent.Add(1)
		}
		return []byte("2"), nil
	})
	st.client.SetHeartbeat(rpc.Heartbeat) // what is read counts here, not how long a loaded machine keeps it waiting
	s := st.open(t.Context(), t, "{}")
	natstest.Eventually(t, 5*time.Second, func() bool { return sent.Load() == rpc.Window }, "the sender uses its credit")
	// Heartbeats of a second pass by a reader that does not read; they must neither be counted as parts nor end the stream.
	over := time.NewTimer(300 * time.Millisecond)
	<-over.C
	if n := sent.Load(); n != rpc.Window {
		t.Fatalf("%d parts were sent ahead, want %d", n, rpc.Window)
	}
	for i := range 500 {
		if _, err := s.Next(); err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
		if ahead := int(sent.Load()) - i; ahead > 2*rpc.Window {
			t.Fatalf("%d parts were sent ahead of the reader", ahead)
		}
	}
	if p, err := s.Next(); err != nil || p.Kind != api.PartResult {
		t.Fatalf("got %s, %v", p.Kind, err)
	}
}

func TestStreamErrors(t *testing.T) {
	st := newStreams(t, time.Second, func(ctx context.Context, s *rpc.Sender, _ []byte) ([]byte, error) {
		if err := s.Send(ctx, api.PartChunk, []byte("1")); err != nil {
			return nil, err
		}
		return nil, api.Errorf(api.NotFound, "no such thing").WithReason("r")
	})
	s := st.open(t.Context(), t, "{}")
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // it stays
		if _, err := s.Next(); api.CodeOf(err) != api.NotFound || api.ReasonOf(err) != "r" {
			t.Fatalf("got %v", err)
		}
	}
	nobody, err := st.client.OpenStream(t.Context(), "mabus.agent.nobody", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close()
	if _, err := nobody.Next(); api.ReasonOf(err) != api.ReasonNobodyListens {
		t.Fatalf("nobody listens: got %v", err)
	}
	for _, credit := range []string{"0", "-1", "x", "100000"} {
		_, err := st.server.NewSender(nats.Header{api.HeaderStream: []string{credit}}, "reply")
		if api.CodeOf(err) != api.Invalid {
			t.Errorf("credit %q: got %v", credit, err)
		}
	}
}

// A sender by hand: any NATS client can be one.
func byHand(t *testing.T, beat time.Duration, parts ...nats.Header) (*rpc.Stream, *nats.Msg) {
	t.Helper()
	srv := natstest.Start(t)
	c, nc := bind(t, srv.Connect(t)), srv.Connect(t)
	c.SetHeartbeat(beat)
	sub, err := nc.SubscribeSync(streamSubject)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	s, err := c.OpenStream(t.Context(), streamSubject, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	msg, err := sub.NextMsg(5 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range parts {
		if err := nc.PublishMsg(&nats.Msg{Subject: msg.Reply, Header: h, Data: []byte("1")}); err != nil {
			t.Fatal(err)
		}
	}
	return s, msg
}

func header(kind api.PartKind, seq string) nats.Header {
	return nats.Header{api.HeaderKind: []string{string(kind)}, api.HeaderSeq: []string{seq}}
}

func TestAGapASilenceAndJunkAreUnavailable(t *testing.T) {
	for name, tc := range map[string]struct {
		parts []nats.Header
		good  int
	}{
		"silence at once":       {nil, 0},
		"silence after a part":  {[]nats.Header{header(api.PartChunk, "1")}, 1},
		"a part is missing":     {[]nats.Header{header(api.PartChunk, "1"), header(api.PartChunk, "3")}, 1},
		"a part comes twice":    {[]nats.Header{header(api.PartChunk, "1"), header(api.PartChunk, "1")}, 1},
		"the last part is lost": {[]nats.Header{header(api.PartChunk, "1"), header(api.PartHeartbeat, "2")}, 1},
		"no number":             {[]nats.Header{header(api.PartChunk, "x")}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			beat := rpc.Heartbeat
			if len(tc.parts) == tc.good { // a silence is waited for, but not so short a one that a slow machine has it before the parts
				beat = 500 * time.Millisecond
			}
			s, _ := byHand(t, beat, tc.parts...)
			for range tc.good {
				if _, err := s.Next(); err != nil {
					t.Fatal(err)
				}
			}
			_, err := s.Next()
			if e := api.AsError(err); e == nil || e.Code != api.Unavailable || !e.Details.MaybeExecuted {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestAPlainAnswerIsAStreamOfOne(t *testing.T) {
	s, _ := byHand(t, rpc.Heartbeat, nil)
	if p, err := s.Next(); err != nil || p.Kind != api.PartResult || string(p.Body) != "1" {
		t.Fatalf("got %s %q, %v", p.Kind, p.Body, err)
	}
	if _, err := s.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("got %v", err)
	}
}

func TestHeartbeatsKeepAStreamAlive(t *testing.T) {
	go1, go2 := make(chan struct{}), make(chan struct{})
	st := newStreams(t, 20*time.Millisecond, func(ctx context.Context, s *rpc.Sender, _ []byte) ([]byte, error) {
		close(go1)
		select {
		case <-go2:
			return []byte("1"), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	const beat = 250 * time.Millisecond // the reader's: many of the sender's heartbeats may be late
	st.client.SetHeartbeat(beat)
	s := st.open(t.Context(), t, "{}")
	<-go1
	time.AfterFunc(10*beat, func() { close(go2) }) // longer than three silences
	if p, err := s.Next(); err != nil || p.Kind != api.PartResult {
		t.Fatalf("got %s, %v", p.Kind, err)
	}
}

func TestClosingAStreamCancelsTheWork(t *testing.T) {
	st := newStreams(t, time.Second, func(ctx context.Context, s *rpc.Sender, _ []byte) ([]byte, error) {
		if err := s.Send(ctx, api.PartChunk, []byte("1")); err != nil {
			return nil, err
		}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	for name, stop := range map[string]func(*rpc.Stream, context.CancelFunc){
		"close":   func(s *rpc.Stream, _ context.CancelFunc) { s.Close() },
		"context": func(s *rpc.Stream, cancel context.CancelFunc) { cancel(); _, _ = s.Next() },
		"by id":   func(s *rpc.Stream, _ context.CancelFunc) { _ = st.client.Cancel(s.ID()) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := st.open(ctx, t, "{}")
			if _, err := s.Next(); err != nil {
				t.Fatal(err)
			}
			// Somebody else cannot cancel it.
			if err := st.client.WithPrincipal("mallory").Cancel(s.ID()); err != nil {
				t.Fatal(err)
			}
			if err := st.client.NC.Flush(); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-st.ended:
				t.Fatalf("ended by a stranger: %v", err)
			default:
			}
			stop(s, cancel)
			select {
			case err := <-st.ended:
				if !errors.Is(err, context.Canceled) {
					t.Fatalf("got %v", err)
				}
			case <-time.After(5 * time.Second):
				t.Fatal("the work goes on")
			}
		})
	}
}

func TestStreamAsksForInput(t *testing.T) {
	st := newStreams(t, time.Second, func(ctx context.Context, s *rpc.Sender, _ []byte) ([]byte, error) {
		answer, err := s.Ask(ctx, []byte(`{"question":"which?"}`))
		if err != nil {
			return nil, err
		}
		return fmt.Appendf(nil, `{"you_said":%s}`, answer), nil
	})
	s := st.open(t.Context(), t, "{}")
	p, err := s.Next()
	if err != nil || p.Kind != api.PartNeedInput || string(p.Body) != `{"question":"which?"}` {
		t.Fatalf("got %s %q, %v", p.Kind, p.Body, err)
	}
	if err := s.Answer(rpc.Part{}, nil); api.CodeOf(err) != api.Invalid {
		t.Fatalf("an answer to nothing: got %v", err)
	}
	if err := s.Answer(p, []byte("junk")); err != nil { // is not heard
		t.Fatal(err)
	}
	if err := s.Answer(p, []byte(`"this"`)); err != nil {
		t.Fatal(err)
	}
	if p, err = s.Next(); err != nil || string(p.Body) != `{"you_said":"this"}` {
		t.Fatalf("got %q, %v", p.Body, err)
	}
}

func TestLargePartsTravelByReference(t *testing.T) {
	big := append(append([]byte{'"'}, bytes.Repeat([]byte("x"), 2<<20)...), '"')
	st := newStreams(t, time.Second, func(ctx context.Context, s *rpc.Sender, body []byte) ([]byte, error) {
		return big, s.Send(ctx, api.PartChunk, big)
	})
	s := st.open(t.Context(), t, "{}")
	for range 2 {
		if p, err := s.Next(); err != nil || !bytes.Equal(p.Body, big) {
			t.Fatalf("got %d bytes, %v", len(p.Body), err)
		}
	}
}
