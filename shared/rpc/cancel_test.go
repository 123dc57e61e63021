package rpc_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Who passes a request on may be later than its sender's word that nobody waits for it. Another attempt with the same id is not given up.
func TestARequestThatIsGivenUpOnItsWay(t *testing.T) {
	for _, kind := range []string{"stream", "call"} {
		t.Run(kind, func(t *testing.T) {
			st := newStreams(t, time.Second, func(ctx context.Context, _ *rpc.Sender, body []byte) ([]byte, error) {
				if string(body) == "again" {
					return body, nil
				}
				<-ctx.Done()
				return nil, ctx.Err()
			})
			way := make(chan *nats.Msg, 1)
			if _, err := st.server.NC.ChanSubscribe("mabus.lb.x", way); err != nil {
				t.Fatal(err)
			}
			if err := st.server.NC.Flush(); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(rpc.WithRequestID(t.Context(), "r1"))
			defer cancel()
			var held *nats.Msg
			if kind == "stream" {
				s, err := st.client.OpenStream(ctx, "mabus.lb.x", []byte("{}"))
				if err != nil {
					t.Fatal(err)
				}
				held = <-way
				s.Close()
			} else {
				over := make(chan error, 1)
				go func() { _, err := st.client.Request(ctx, "mabus.lb.x", []byte("{}"), false); over <- err }()
				held = <-way
				cancel()
				<-over
				held.Header.Set(api.HeaderStream, "10") // newStreams answers no other
			}
			if err := st.client.NC.Flush(); err != nil {
				t.Fatal(err)
			}
			if err := st.server.NC.Flush(); err != nil { // the word is here
				t.Fatal(err)
			}
			natstest.Eventually(t, 10*time.Second, func() bool { return st.server.GivenUp() == 1 }, "the word is taken in")
			held.Subject = streamSubject
			if err := st.server.NC.PublishMsg(held); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-st.ended:
				if !errors.Is(err, context.Canceled) {
					t.Fatalf("got %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("it is carried out for nobody")
			}
			if p, err := st.open(rpc.WithRequestID(t.Context(), "r1"), t, "again").Next(); err != nil || p.Kind != api.PartResult {
				t.Errorf("the next attempt: %v, %v", p, err)
			}
		})
	}
}
