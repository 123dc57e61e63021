package events

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/services/perfmon/events/index"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	ahead     = 16      // bodies that are asked for at once
	readers   = 16      // requests that read bodies at the same time; others wait for their turn
	pageBytes = 4 << 20 // of the bodies of one answer: one more event may go beyond
)

// getRequest asks a stream for a message.
type getRequest struct {
	Seq  uint64 `json:"seq,omitempty"`
	Last string `json:"last_by_subj,omitempty"`
}

// found is an event as the stream has it.
type found struct {
	event *api.Event
	seq   uint64
	bytes int
}

// fetch calls f with the events at some places, in their order, until f returns false. What is gone, or is no event, is left out: f gets
// nil for it.
func (s *Store) fetch(ctx context.Context, places []index.Place, f func(at index.Place, e *found) (more bool)) error {
	if len(places) == 0 {
		return nil
	}
	select {
	case s.readers <- struct{}{}:
		defer func() { <-s.readers }()
	case <-ctx.Done():
		return readError(ctx, ctx.Err())
	}
	window := make([]rpc.Pending, 0, ahead)
	defer func() {
		over, cancel := context.WithCancel(context.WithoutCancel(ctx))
		cancel()
		for _, p := range window { // nobody wants them any more
			_, _ = p.Wait(over, apiTime)
		}
	}()
	for sent, i := 0, 0; i < len(places); i++ {
		for ; sent < len(places) && len(window) < ahead; sent++ {
			p, err := s.ask("$JS.API.DIRECT.GET.", getRequest{Seq: places[sent].Seq})
			if err != nil {
				return away(err)
			}
			window = append(window, p)
		}
		p := window[0]
		window = window[1:]
		e, err := s.take(ctx, p, places[i].Seq)
		if err != nil {
			return err
		}
		if !f(places[i], e) {
			return nil
		}
	}
	return nil
}

func (s *Store) ask(method string, r getRequest) (rpc.Pending, error) {
	body, err := codec.Marshal(r)
	if err != nil {
		return rpc.Pending{}, err
	}
	return s.conn.Begin(&nats.Msg{Subject: method + s.stream, Data: body})
}

// take waits for a message that any copy of the stream may send. One that it lacks is asked of the leader: a copy may lag.
func (s *Store) take(ctx context.Context, p rpc.Pending, seq uint64) (*found, error) {
	msg, err := p.Wait(ctx, apiTime)
	switch {
	case err != nil:
		return nil, readError(ctx, err)
	case msg.Header.Get("Status") != "":
		return s.ofLeader(ctx, getRequest{Seq: seq})
	}
	at, err := strconv.ParseUint(msg.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read event %d: %w", seq, err)
	}
	return s.found(msg.Header.Get("Nats-Subject"), at, msg.Data), nil
}

func (s *Store) found(subject string, seq uint64, body []byte) *found {
	e := new(api.Event)
	if !s.decode(e, subject, body) {
		return nil
	}
	if e.Revision == "" {
		e.Revision = s.token(seq)
	}
	return &found{e, seq, len(body)}
}

// ofLeader reads a message from the stream's leader, which is never behind; nil if there is none, or it is no event.
func (s *Store) ofLeader(ctx context.Context, r getRequest) (*found, error) {
	p, err := s.ask("$JS.API.STREAM.MSG.GET.", r)
	if err != nil {
		return nil, away(err)
	}
	return s.heard(ctx, p)
}

func (s *Store) heard(ctx context.Context, p rpc.Pending) (*found, error) {
	msg, err := p.Wait(ctx, apiTime)
	if err != nil {
		return nil, readError(ctx, err)
	}
	var resp struct {
		Error   *jetstream.APIError `json:"error"`
		Message *struct {
			Subject string `json:"subject"`
			Seq     uint64 `json:"seq"`
			Data    []byte `json:"data"`
		} `json:"message"`
	}
	if err := codec.Read(msg.Data, &resp); err != nil {
		return nil, fmt.Errorf("read the events stream: %w", err)
	}
	switch {
	case resp.Error != nil && resp.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return nil, nil
	case resp.Error != nil:
		return nil, away(resp.Error)
	case resp.Message == nil:
		return nil, away(errors.New("the leader gave no usable answer"))
	}
	return s.found(resp.Message.Subject, resp.Message.Seq, resp.Message.Data), nil
}

func readError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return api.Errorf(api.DeadlineExceeded, "the events were not read in time").WithReason(api.ReasonTimeout)
	}
	return away(err)
}
