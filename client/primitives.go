package client

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// change asks for a change until somebody answers or ctx ends, for api.DefaultTimeout if it has no deadline. It happens once
// however often it is asked for: it carries a request id, that of WithRequestID or one of its own.
func change[Req, Resp any](ctx context.Context, conn *rpc.Conn, m api.Method[Req, Resp], req *Req) (*Resp, error) {
	if given, _ := ctx.Value(requestIDKey{}).(string); given != "" {
		return look(ctx, conn, m, req)
	}
	made := time.Now()
	resp, err := look(rpc.WithRequestID(ctx, rpc.NewRequestID()), conn, m, req)
	// An answer is kept for longer than that, so nothing was carried out: the clock of this machine is wrong, and the id must not tell a time.
	if api.ReasonOf(err) == api.ReasonRequestExpired && time.Since(made) < time.Second {
		return look(rpc.WithRequestID(ctx, nuid.Next()), conn, m, req)
	}
	return resp, err
}

// look asks until somebody answers or ctx ends.
func look[Req, Resp any](ctx context.Context, conn *rpc.Conn, m api.Method[Req, Resp], req *Req) (*Resp, error) {
	return attempts(ctx, isTransient, func(ctx context.Context) (*Resp, error) { return rpc.Call(ctx, conn, m, req) })
}

// Cells keeps values that only the newest holder of a lock can write.
type Cells struct{ conn *rpc.Conn }

// Open raises a cell to a token and returns what it holds: fenced (stale_token) if somebody with a higher one has opened it. A new
// holder of a lock opens a cell before it reads, so that nothing of an older one is written after.
func (s Cells) Open(ctx context.Context, name string, token uint64) (*api.Cell, error) {
	return change(ctx, s.conn, api.CellsOpen, &api.CellOpenRequest{Name: name, Token: token})
}

// Put replaces the value of a cell by anything that can be written as JSON, of at most api.MaxCell bytes: fenced
// (stale_token) if somebody with a higher token has opened it.
func (s Cells) Put(ctx context.Context, name string, token uint64, value any) (*api.Cell, error) {
	body, err := encode(value)
	if err != nil {
		return nil, err
	}
	return change(ctx, s.conn, api.CellsPut, &api.CellPutRequest{Name: name, Token: token, Value: body})
}

// Get returns a cell: not_found (cell_not_found) if there is none.
func (s Cells) Get(ctx context.Context, name string) (*api.Cell, error) {
	return look(ctx, s.conn, api.CellsGet, &api.GetRequest{ID: name})
}

// Remove empties a cell: fenced (stale_token) as Put.
func (s Cells) Remove(ctx context.Context, name string, token uint64) error {
	_, err := change(ctx, s.conn, api.CellsRemove, &api.CellOpenRequest{Name: name, Token: token})
	return err
}

// Barriers lets parties wait for one another.
type Barriers struct{ conn *rpc.Conn }

// Arrive arrives at a barrier and waits until all parties have, or until ctx ends or req.Wait is over: deadline_exceeded
// (timeout); the member has then left again. Parties that disagree on their number hear conflict (barrier_parties).
func (s Barriers) Arrive(ctx context.Context, req api.BarrierArriveRequest) (*api.Barrier, error) {
	id := nuid.Next()
	if req.Member == "" {
		req.Member = id
	}
	req.Wait = api.Duration(roundOf(ctx, req.Wait.Std()))
	b, _, err := waitUnder(ctx, s.conn, api.BarriersArrive, id, &req, isTransient, func(ctx context.Context) (gone bool, next time.Duration) {
		b, err := s.Get(ctx, req.Name)
		if err != nil {
			return api.ReasonOf(err) == api.ReasonBarrierNotFound, late
		}
		return !slices.Contains(b.Arrived, req.Member), late
	})
	return b, err
}

// Leave takes back an arrival at a barrier that has not opened.
func (s Barriers) Leave(ctx context.Context, name, member string) (*api.Barrier, error) {
	return change(ctx, s.conn, api.BarriersLeave, &api.BarrierLeaveRequest{Name: name, Member: member})
}

// Get returns a barrier: not_found (barrier_not_found) if there is none.
func (s Barriers) Get(ctx context.Context, name string) (*api.Barrier, error) {
	return look(ctx, s.conn, api.BarriersGet, &api.GetRequest{ID: name})
}

// Latches counts down to zero once.
type Latches struct{ conn *rpc.Conn }

// Create makes a latch: conflict (already_registered) if there is one with another count.
func (s Latches) Create(ctx context.Context, name string, count int64) (*api.Latch, error) {
	return change(ctx, s.conn, api.LatchesCreate, &api.LatchCreateRequest{Name: name, Count: count})
}

// CountDown takes from the count, which never goes below zero: not_found (latch_not_found) if there is no such latch.
func (s Latches) CountDown(ctx context.Context, name string, by int64) (*api.Latch, error) {
	return change(ctx, s.conn, api.LatchesCountDown, &api.LatchCountDownRequest{Name: name, By: by})
}

// Get tells the count.
func (s Latches) Get(ctx context.Context, name string) (*api.Latch, error) {
	return look(ctx, s.conn, api.LatchesWait, &api.LatchWaitRequest{Name: name})
}

// latchWait is how long one request waits for a latch.
const latchWait = 5 * time.Second

// Wait waits until the latch is at zero or ctx ends: deadline_exceeded (timeout). It is not_found (latch_not_found) if there is no
// such latch, or it is removed.
func (s Latches) Wait(ctx context.Context, name string) (*api.Latch, error) {
	for {
		latch, err := bounded(ctx, latchWait+2*time.Second, 1, isTransient, func(ctx context.Context) (*api.Latch, error) {
			return rpc.Call(ctx, s.conn, api.LatchesWait, &api.LatchWaitRequest{Name: name, Wait: api.Duration(roundOf(ctx, latchWait))})
		})
		if api.ReasonOf(err) != api.ReasonTimeout || ctx.Err() != nil || outOfTime(ctx) {
			return latch, err
		}
	}
}

// outOfTime tells whether ctx has no time left in which an answer could come.
func outOfTime(ctx context.Context) bool { return roundOf(ctx, 0) <= time.Millisecond }

// Remove removes a latch and tells whether there was one.
func (s Latches) Remove(ctx context.Context, name string) (bool, error) {
	resp, err := change(ctx, s.conn, api.LatchesRemove, &api.DeregisterRequest{ID: name})
	return err == nil && resp.Existed, err
}

// Counters counts exactly, whoever counts.
type Counters struct{ conn *rpc.Conn }

// Add adds to a counter, which begins at 0, and returns it. By may be negative. What does not fit 64 bits is refused.
func (s Counters) Add(ctx context.Context, name string, by int64) (*api.Counter, error) {
	return change(ctx, s.conn, api.CountersAdd, &api.CounterAddRequest{Name: name, By: &by})
}

// Get returns a counter; one that was never added to is 0.
func (s Counters) Get(ctx context.Context, name string) (*api.Counter, error) {
	return look(ctx, s.conn, api.CountersGet, &api.GetRequest{ID: name})
}

// Remove sets a counter back to 0, and tells whether there was one.
func (s Counters) Remove(ctx context.Context, name string) (bool, error) {
	resp, err := change(ctx, s.conn, api.CountersRemove, &api.DeregisterRequest{ID: name})
	return err == nil && resp.Existed, err
}

// Sequences gives out numbers that nobody else gets.
type Sequences struct{ conn *rpc.Conn }

// Next takes the next n numbers of a sequence, 1 to api.MaxSequence of them.
func (s Sequences) Next(ctx context.Context, name string, n int) (*api.SequenceRange, error) {
	return change(ctx, s.conn, api.SequencesNext, &api.SequenceNextRequest{Name: name, N: n})
}
