package bench

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// stall is a replica of the economics service, the connection that asks it, and beside it plain request and reply and a log whose
// commands do nothing, on the same server.
type stall struct {
	r        *run
	ns       string
	ask      *nats.Conn
	operator *client.Client
	plain    *logHouse
	cleanups []func()
}

// purse is what each bidder has: enough for all that it may bid.
const purse = api.MaxAmount

// openStall starts what a measurement needs, for so many principals.
func (r *run) openStall(ctx context.Context, ns string, principals int) (_ *stall, err error) {
	s := &stall{r: r, ns: "bench-" + ns}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := s.replica(ctx); err != nil {
		return nil, err
	}
	if s.ask, err = nats.Connect(r.cfg.URL, nats.Name("mabus bench plain")); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	s.cleanups = append(s.cleanups, s.ask.Close)
	if s.operator, err = client.Connect(ctx, client.Options{URL: r.cfg.URL, Namespace: s.ns, Principal: economics.DefaultOperator, Name: "mabus bench client"}); err != nil {
		return nil, err
	}
	s.cleanups = append(s.cleanups, s.operator.Close)
	if s.plain, err = openLogHouse(ctx, logPlace{url: r.cfg.URL, copies: 1, replicas: 1, suffix: "_" + ns}); err != nil {
		return nil, err
	}
	s.cleanups = append(s.cleanups, s.plain.close)
	for i := range principals {
		if _, err := s.operator.Ledger.Mint(ctx, api.MintRequest{To: api.AccountID(trader(i)), Amount: purse}); err != nil {
			return nil, fmt.Errorf("mint: %w", err)
		}
	}
	return s, nil
}

// replica starts one more replica on a connection of its own.
func (s *stall) replica(ctx context.Context) error {
	conn, err := rpc.Dial(ctx, rpc.Options{URL: s.r.cfg.URL, Namespace: s.ns, Name: "mabus bench economics"})
	if err != nil {
		return err
	}
	e, err := economics.Start(ctx, conn, economics.Config{})
	if err != nil {
		conn.Close()
		return err
	}
	s.cleanups = append(s.cleanups, conn.Close, stopping(ctx, e.Stop))
	for limit := time.Now().Add(startPatience); !e.Ready(); {
		if time.Now().After(limit) {
			return fmt.Errorf("the replica does not answer after %s", startPatience)
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// startPatience is for a replica that has much to catch up with.
const startPatience = 2 * time.Minute

func (s *stall) close() {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
}

// trader is the name of a principal.
func trader(n int) string { return "trader-" + strconv.Itoa(n) }

// change asks for a change as a principal, with a request id, as any client of NATS would. The error is that of the answer.
func change[Req, Resp any](s *stall, as string, m api.Method[Req, Resp], req *Req) (*Resp, error) {
	body, err := codec.Marshal(req)
	if err != nil {
		return nil, err
	}
	msg := nats.NewMsg(api.As(s.ns, as, m.Subject(s.ns)))
	msg.Header.Set(api.HeaderRequestID, rpc.NewRequestID())
	msg.Data = body
	answer, err := s.ask.RequestMsg(msg, api.DefaultTimeout.Std())
	if err != nil {
		return nil, err
	}
	if answer.Header.Get(api.HeaderErrorCode) != "" {
		refused := new(api.Error)
		if err := codec.Read(answer.Data, refused); err != nil {
			return nil, err
		}
		return nil, refused
	}
	resp := new(Resp)
	return resp, codec.Read(answer.Data, resp)
}
