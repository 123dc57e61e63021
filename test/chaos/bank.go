package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// bank knows what everybody should have.
type bank struct {
	w    *world
	conn *rpc.Conn
	cfg  Market
	key  string // that transcripts are signed with

	asked, again, bids, begun, ended, sold, expired atomic.Int64
	heard, pause                                    atomic.Int64 // when the last answer came, and the longest time without any: ns
	killed                                          atomic.Bool

	mu   sync.Mutex
	owed map[api.AccountID]api.Micro
}

const (
	plenty = 900_000_000_000_000 // of credit and gold, for each of those who trade
	gold   = "gold"
	rivals = 3 // bidders of one auction
)

func seller(n int) string    { return fmt.Sprintf("s%d", n) }
func bidder(n, i int) string { return fmt.Sprintf("b%d-%d", n, i) }

// open gives everybody what they need.
func (b *bank) open(ctx context.Context) error {
	b.owed = map[api.AccountID]api.Micro{}
	key, err := ask(ctx, b, "", api.AuctionsKey, api.Empty{})
	if err != nil {
		return err
	}
	b.key = key.Key
	if _, err := ask(ctx, b, economics.DefaultOperator, api.AssetsCreate, api.AssetCreateRequest{ID: gold}); err != nil {
		return err
	}
	for n := range b.cfg.Sellers {
		people := []string{seller(n)}
		for i := range rivals {
			people = append(people, bidder(n, i))
		}
		for _, who := range people {
			for _, asset := range []string{api.CreditAsset, gold} {
				to := api.Account(who, "", asset)
				if _, err := ask(ctx, b, economics.DefaultOperator, api.AccountsMint, api.MintRequest{To: to, Amount: plenty / 100}); err != nil {
					return err
				}
				b.owed[to] = plenty / 100
			}
		}
	}
	return nil
}

// ask makes a request of somebody, under one id, until it is answered. The error is what it was refused with.
func ask[Req, Resp any](ctx context.Context, b *bank, who string, m api.Method[Req, Resp], req Req) (*Resp, error) {
	all, cancel := context.WithTimeout(rpc.WithRequestID(ctx, rpc.NewRequestID()), answerTime)
	defer cancel()
	b.asked.Add(1)
	for {
		try, cancel := context.WithTimeout(all, 3*time.Second)
		resp, err := rpc.Call(try, b.conn.WithPrincipal(who), m, &req)
		cancel()
		code := api.CodeOf(err)
		switch {
		case err == nil || code != api.Unavailable && code != api.DeadlineExceeded && code != api.Overloaded && code != api.Cancelled:
			b.hear()
			return resp, err
		case all.Err() != nil:
			return nil, fmt.Errorf("%s.%s of %s has no answer: %w", m.Noun, m.Verb, who, err)
		}
		b.again.Add(1)
		rest(all, 5*time.Millisecond)
	}
}

// hear notes that an answer has come.
func (b *bank) hear() {
	now := time.Now().UnixNano()
	gap := now - b.heard.Swap(now)
	for {
		most := b.pause.Load()
		if gap <= most || b.pause.CompareAndSwap(most, gap) {
			return
		}
	}
}

// pay books what an auction came to.
func (b *bank) pay(payments []api.AuctionPayment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range payments {
		b.owed[p.From] -= p.Amount
		b.owed[p.To] += p.Amount
	}
}

// balance compares what everybody has with what they should have, and looks for what is left over.
func (b *bank) balance(ctx context.Context) error {
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(b.owed)) {
		a, err := ask(ctx, b, economics.DefaultOperator, api.AccountsGet, api.AccountGetRequest{Account: id})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", id, err))
		} else if a.Available != b.owed[id] || a.Held != 0 {
			errs = append(errs, fmt.Errorf("%s has %s and holds %s, it should have %s", id, a.Available, a.Held, b.owed[id]))
		}
	}
	if a, err := ask(ctx, b, economics.DefaultOperator, api.LedgerAudit, api.AuditRequest{}); err != nil || !a.Agree || a.Holds != 0 {
		errs = append(errs, fmt.Errorf("the audit: %+v, %w", a, errors.Join(err)))
	}
	s, err := ask(ctx, b, economics.DefaultOperator, api.AuctionsStats, api.Empty{})
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	created, closed, expired, bids := 0, 0, 0, uint64(0)
	for _, t := range s.Types {
		created, closed, expired, bids = created+t.Created, closed+t.Closed, expired+t.Expired, bids+t.Bids
	}
	if int64(created) != b.begun.Load() || int64(closed) != b.sold.Load() || int64(expired) != b.expired.Load() || bids != uint64(b.bids.Load()) {
		errs = append(errs, fmt.Errorf("%d auctions were opened, %d sold, %d expired, with %d bids; the service counts %+v",
			b.begun.Load(), b.sold.Load(), b.expired.Load(), b.bids.Load(), s.Types))
	}
	return errors.Join(errs...)
}
