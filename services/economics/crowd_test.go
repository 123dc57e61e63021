package economics_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// crowd are principals who bid in one auction, pay each other, and trade in one market, while what they ask breaks. Every request has an
// id, and is repeated until it is answered.
type crowd struct {
	t        testing.TB
	operator *rpc.Conn
	conns    []*rpc.Conn
	price    atomic.Int64
	asked    atomic.Int64 // requests that were answered

	mu     sync.Mutex
	bids   map[uint64]api.AuctionBidRequest // that were granted, by step
	by     map[uint64]string
	notes  map[string]int // payments that were granted, by what they are for
	orders uint64
}

// gather makes the crowd, with something to spend, and opens the auction "hot" and the market "gold".
func gather(t testing.TB, url string, size int) *crowd {
	c := &crowd{t: t, operator: dial(t, url, economics.DefaultOperator), bids: map[uint64]api.AuctionBidRequest{}, by: map[uint64]string{}, notes: map[string]int{}}
	insist(c, c.operator, "asset", api.AssetsCreate, api.AssetCreateRequest{ID: "gold"})
	for i := range size {
		c.conns = append(c.conns, dial(t, url, person(i)))
		insist(c, c.operator, "credit"+person(i), api.AccountsMint, api.MintRequest{To: api.Account(person(i), "", ""), Amount: 1_000_000_000})
		insist(c, c.operator, "gold"+person(i), api.AccountsMint, api.MintRequest{To: api.Account(person(i), "", "gold"), Amount: 1_000_000_000})
	}
	long := api.Duration(time.Hour)
	insist(c, c.operator, "lot", api.AccountsMint, api.MintRequest{To: api.Account(economics.DefaultOperator, "", "gold"), Amount: 1_000_000})
	insist(c, c.operator, "hot", api.AuctionsCreate, api.AuctionSpec{ID: "hot", Type: api.AuctionEnglish, Asset: "gold", Increment: 1, Duration: &long, Fee: 50_000})
	insist(c, c.operator, "market", api.MarketsCreate, api.MarketSpec{ID: "gold", Name: "gold", Type: api.MarketContinuous, Commodity: "gold"})
	return c
}

func person(i int) string { return fmt.Sprintf("p%d", i) }

// insist repeats a request under one id until it has an answer.
func insist[Req, Resp any](c *crowd, conn *rpc.Conn, id string, m api.Method[Req, Resp], req Req) (*Resp, error) {
	c.t.Helper()
	end := time.Now().Add(patience)
	for {
		ctx, cancel := context.WithTimeout(rpc.WithRequestID(c.t.Context(), "crowd-"+id), time.Second)
		resp, err := rpc.Call(ctx, conn, m, &req)
		cancel()
		switch api.CodeOf(err) {
		case api.Unavailable, api.DeadlineExceeded, api.Overloaded, api.Cancelled:
			if time.Now().Before(end) && c.t.Context().Err() == nil {
				continue
			}
			c.t.Errorf("%s is not answered: %v", id, err)
		}
		c.asked.Add(1)
		return resp, err
	}
}

// trade has everybody act until the end, which returns when all have their answers.
func (c *crowd) trade() (end func()) {
	var wg sync.WaitGroup
	done := make(chan struct{})
	for i := range c.conns {
		wg.Go(func() {
			for k := 0; ; k++ {
				select {
				case <-done:
					return
				default:
					c.act(i, k)
				}
			}
		})
	}
	stop := sync.OnceFunc(func() {
		close(done)
		wg.Wait()
	})
	c.t.Cleanup(stop)
	return func() {
		c.goOn(50)
		stop()
	}
}

// goOn waits until so many more requests were answered.
func (c *crowd) goOn(more int64) {
	c.t.Helper()
	want := c.asked.Load() + more
	natstest.Eventually(c.t, patience, func() bool { return c.asked.Load() >= want || c.t.Failed() }, "the crowd goes on")
}

func (c *crowd) act(i, k int) {
	conn, id := c.conns[i], fmt.Sprintf("%d-%d", i, k)
	price := api.Micro(c.price.Add(10))
	bid := api.AuctionBidRequest{Auction: "hot", Price: &price}
	r, err := insist(c, conn, "bid"+id, api.AuctionsBid, bid)
	if err == nil {
		c.mu.Lock()
		if _, twice := c.bids[r.Number]; twice {
			c.t.Errorf("two bids are step %d", r.Number)
		}
		c.bids[r.Number], c.by[r.Number] = bid, person(i)
		c.mu.Unlock()
	} else if api.ReasonOf(err) != api.ReasonBidTooLow {
		c.t.Errorf("bid %s: %v", id, err)
	}
	note := "note" + id
	to := api.Account(person((i+1)%len(c.conns)), "", "")
	if _, err := insist(c, conn, note, api.AccountsTransfer, api.TransferRequest{From: api.Account(person(i), "", ""), To: to, Amount: 7, Note: note}); err != nil {
		c.t.Errorf("payment %s: %v", id, err)
		return
	}
	side := []api.OrderSide{api.OrderBuy, api.OrderSell}[i%2]
	if _, err := insist(c, conn, "order"+id, api.MarketsOrder, api.MarketOrderRequest{Market: "gold", Side: side, Price: 5, Quantity: 1}); err != nil {
		c.t.Errorf("order %s: %v", id, err)
		return
	}
	c.mu.Lock()
	c.notes[note]++
	c.orders++
	c.mu.Unlock()
}

// settle ends the auction, and judges all that has come of it.
func (c *crowd) settle() {
	if len(c.bids) == 0 {
		c.t.Fatal("no bid was granted")
	}
	closed, err := insist(c, c.operator, "close", api.AuctionsClose, api.AuctionRequest{Auction: "hot"})
	if err != nil {
		c.t.Fatal(err)
	}
	over := closed.Revision // behind all that was granted, which any replica has seen that has seen this
	c.transcript(over)
	paid := map[string]int{}
	sold := 0
	for i := range c.conns {
		c.statement(person(i), over, func(e *api.LedgerEntry) {
			if e.Kind == "transfer" && e.Amount < 0 {
				paid[e.Ref]++
			}
			if e.Ref == auction.Entity("hot") && e.Kind == auction.PaySettlement {
				sold++
			}
		})
	}
	if sold != 1 {
		c.t.Errorf("the auction was paid %d times", sold)
	}
	for note, n := range paid {
		if n != 1 || c.notes[note] != 1 {
			c.t.Errorf("the payment %s was made %d times, and granted %d times", note, n, c.notes[note])
		}
	}
	if len(paid) != len(c.notes) {
		c.t.Errorf("%d payments were granted, %d made", len(c.notes), len(paid))
	}
	if m, err := insist(c, c.operator, "look", api.MarketsGet, api.MarketGetRequest{ID: "gold", MinRevision: over}); err != nil || m.Orders != c.orders {
		c.t.Errorf("%d orders were granted, the market is %+v (%v)", c.orders, m, err)
	}
	if a, err := insist(c, c.operator, "audit", api.LedgerAudit, api.AuditRequest{MinRevision: over}); err != nil || !a.Agree {
		c.t.Errorf("the audit: %+v, %v", a, err)
	}
	c.t.Logf("%d bids, %d payments and %d orders were granted", len(c.bids), len(c.notes), c.orders)
}

// transcript finds every bid that was granted in its place, once, and no other.
func (c *crowd) transcript(revision string) {
	var steps []api.TranscriptStep
	for {
		r, err := insist(c, c.operator, fmt.Sprintf("steps%d", len(steps)), api.AuctionsTranscript, api.AuctionTranscriptRequest{Auction: "hot", After: uint64(len(steps)), MinRevision: revision})
		if err != nil || len(r.Steps) == 0 {
			c.t.Fatalf("the transcript after step %d: %v", len(steps), err)
		}
		if steps = append(steps, r.Steps...); uint64(len(steps)) == r.Version {
			break
		}
	}
	if _, err := auction.Recompute(steps); err != nil {
		c.t.Error(err)
	}
	n := 0
	for i := range steps {
		s := &steps[i]
		if s.What != auction.StepBid {
			continue
		}
		n++
		var said auction.Placed
		want := c.bids[s.Number]
		if err := codec.Read(s.Body, &said); err != nil || want.Price == nil || s.By != c.by[s.Number] || said.Price == nil || *said.Price != *want.Price {
			c.t.Errorf("step %d is %s of %s, granted was %+v of %s (%v)", s.Number, s.Body, s.By, want, c.by[s.Number], err)
		}
	}
	if n != len(c.bids) {
		c.t.Errorf("%d bids were granted, %d are in the transcript", len(c.bids), n)
	}
}

// statement shows all entries of somebody's main account.
func (c *crowd) statement(owner, revision string, see func(*api.LedgerEntry)) {
	for before := uint64(0); ; {
		id := fmt.Sprintf("statement%s%d", owner, before)
		r, err := insist(c, c.operator, id, api.AccountsStatement, api.StatementRequest{Account: api.Account(owner, "", ""), Before: before, MinRevision: revision})
		if err != nil {
			c.t.Fatal(err)
		}
		for i := range r.Entries {
			if !strings.HasPrefix(string(r.Entries[i].Counter), api.SystemOwner+"/issue/") {
				see(&r.Entries[i])
			}
		}
		if before = r.Next; before == 0 {
			return
		}
	}
}
