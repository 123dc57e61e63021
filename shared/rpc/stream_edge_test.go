package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestAQuestionToNobodyIsNotAnswered(t *testing.T) {
	gone, asked := make(chan struct{}), make(chan error, 1)
	st := newStreams(t, time.Second, func(ctx context.Context, s *rpc.Sender, _ []byte) ([]byte, error) {
		<-gone
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // the server may not have noticed yet that the reader is gone
		defer cancel()
		_, err := s.Ask(ctx, []byte(`"delete all?"`))
		asked <- err
		return nil, err
	})
	if _, err := st.client.OpenStream(t.Context(), streamSubject, nil); err != nil {
		t.Fatal(err)
	}
	if err := st.client.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	st.client.NC.Close()
	close(gone)
	if err := <-asked; err == nil {
		t.Fatal("an answer from nobody")
	}
}

func TestAPartThatIsNotSentLeavesNoGap(t *testing.T) {
	st := newStreams(t, time.Second, func(ctx context.Context, s *rpc.Sender, _ []byte) ([]byte, error) {
		if err := s.Send(ctx, api.PartChunk, []byte("1")); err != nil {
			return nil, err
		}
		over, cancel := context.WithCancel(ctx)
		cancel()
		if err := s.Send(over, api.PartChunk, bytes.Repeat([]byte("1"), 2<<20)); err == nil { // needs the object store
			return nil, errors.New("sent without time")
		}
		return nil, api.Errorf(api.NotFound, "the agent's own error")
	})
	s := st.open(t.Context(), t, "")
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Next(); api.CodeOf(err) != api.NotFound {
		t.Fatalf("got %v", err)
	}
}

func TestHeartbeatsTakeNoRoomFromParts(t *testing.T) {
	sent := make(chan struct{})
	st := newStreams(t, 5*time.Millisecond, func(ctx context.Context, s *rpc.Sender, _ []byte) ([]byte, error) {
		<-time.After(500 * time.Millisecond) // a hundred heartbeats
		for range 40 {
			if err := s.Send(ctx, api.PartChunk, []byte("1")); err != nil {
				return nil, err
			}
		}
		close(sent)
		return []byte("2"), nil
	})
	st.client.SetHeartbeat(rpc.Heartbeat) // what is read counts here, not how long a loaded machine keeps it waiting
	s := st.open(t.Context(), t, "")
	<-sent
	for i := range 41 {
		if _, err := s.Next(); err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
	}
}

func TestALongDeadlineIsCutToWhatIsTaken(t *testing.T) {
	st := newStreams(t, time.Second, nil)
	got := make(chan *nats.Msg, 1)
	if _, err := st.server.NC.ChanSubscribe("x", got); err != nil {
		t.Fatal(err)
	}
	if err := st.server.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
	defer cancel()
	if err := st.client.Send(ctx, "x", "", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := rpc.Timeout((<-got).Header); err != nil {
		t.Fatal(err)
	}
}
