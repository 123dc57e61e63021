package events

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	defaultReplay = 1000 // of a request, and of a second
	replayShare   = 10   // a replay ends before the caller's time does, by a tenth of it
	replaySlice   = 256  // events that are read at once
)

// headerReplay marks what is published once more; its value is the id of the request, or "1".
const headerReplay = "Mabus-Replay"

func (s *Store) replay(ctx context.Context, r *api.EventReplayRequest) (*api.EventReplayResponse, error) {
	if err := s.caughtUp(ctx, ""); err != nil {
		return nil, err
	}
	from, err := s.position(r.After, r.From, 1)
	if err != nil {
		return nil, err
	}
	p := pace{left: orDefault(r.Limit), gap: time.Second / time.Duration(orDefault(r.Rate)), begun: time.Now()}
	if deadline, ok := ctx.Deadline(); ok {
		p.end = deadline.Add(-time.Until(deadline) / replayShare)
	}
	resp := &api.EventReplayResponse{Subject: s.conn.Namespace + ".replay." + r.To}
	mark := rpc.CauseFrom(ctx).RequestID
	if mark == "" {
		mark = "1"
	}
	for p.left > 0 && !resp.Done && p.wait(ctx) {
		b, err := s.after(ctx, &r.EventFilter, from, min(p.left, replaySlice))
		if err != nil {
			return nil, err
		}
		from, resp.Done = b.next, b.done
		for i := range b.events {
			if !p.wait(ctx) {
				from, resp.Done = b.seqs[i], false
				break
			}
			body, err := codec.Marshal(&b.events[i])
			if err != nil {
				return nil, err
			}
			if err := s.conn.NC.PublishMsg(&nats.Msg{Subject: resp.Subject, Data: body, Header: nats.Header{headerReplay: []string{mark}}}); err != nil {
				return nil, away(err).MaybeExecuted()
			}
			resp.Replayed++
			p.sent()
		}
	}
	resp.Next = s.token(from)
	return resp, nil
}

func orDefault(n int) int {
	if n == 0 {
		return defaultReplay
	}
	return n
}

// pace bounds how fast something is done, and for how long.
type pace struct {
	left, done int
	gap        time.Duration
	begun, end time.Time
}

func (p *pace) sent() { p.left, p.done = p.left-1, p.done+1 }

// wait waits until the next may be sent; it tells false when there is no time for it.
func (p *pace) wait(ctx context.Context) bool {
	now := time.Now()
	due := p.begun.Add(time.Duration(p.done) * p.gap)
	if !p.end.IsZero() && (now.After(p.end) || due.After(p.end)) {
		return false
	}
	if d := due.Sub(now); d > time.Millisecond { // shorter ones add up to that
		return await.Pause(ctx, d)
	}
	return ctx.Err() == nil
}
