package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	auctionBids     = 10
	auctionCommands = auctionBids + 4 // it is opened, closed, its contract delivered, and accepted, which settles it
	orderPrice      = 1_000_000
	orderSpread     = 20 // prices above and below it
)

// auction has a caller do the whole of an auction.
func (s *stall) auction(ctx context.Context, caller int) error {
	hour := api.Duration(time.Hour)
	x, err := change(s, "owner", api.AuctionsCreate, &api.AuctionSpec{Type: api.AuctionEnglish, Item: []byte(`"a lot"`), Increment: 1, Duration: &hour})
	if err != nil {
		return err
	}
	for i := range auctionBids {
		price := api.Micro(1000 * (i + 1))
		if _, err := change(s, trader(caller*auctionBids+i), api.AuctionsBid, &api.AuctionBidRequest{Auction: x.ID, Price: &price}); err != nil {
			return err
		}
	}
	if x, err = change(s, "owner", api.AuctionsClose, &api.AuctionRequest{Auction: x.ID}); err != nil {
		return err
	}
	if x.Outcome == nil || len(x.Outcome.Awards) != 1 || len(x.Outcome.Awards[0].Contracts) != 1 {
		return errors.New("the auction has not been sold to one bidder")
	}
	if _, err := change(s, "owner", api.ContractsDeliver, &api.ContractDeliverRequest{ID: x.Outcome.Awards[0].Contracts[0]}); err != nil {
		return err
	}
	_, err = change(s, trader(caller*auctionBids+auctionBids-1), api.ContractsAccept, &api.ContractAcceptRequest{ID: x.Outcome.Awards[0].Contracts[0]})
	return err
}

func measureAuctions(ctx context.Context, r *run) error {
	s, err := r.openStall(ctx, "auctions", bidCallers*auctionBids)
	if err != nil {
		return err
	}
	defer s.close()
	return r.rounds(ctx, fmt.Sprint(bidCallers, " callers"), []side{{"log", loop(bidCallers, s.plain.add)}, {"auctions", loop(bidCallers, s.auction)}}, func(l []load) {
		commands := l[1].rate() * auctionCommands
		r.record("auction_log_ops", "ops/s", l[0].rate())
		r.record("auctions_per_s", "ops/s", l[1].rate())
		r.record("auction_commands_ops", "ops/s", commands)
		r.record("auction_commands_ratio", "ratio", commands/l[0].rate())
		r.record("auction_p50", "us", micros(l[1].p50))
	})
}

// bourse is a market on which callers trade.
type bourse struct {
	s      *stall
	market string
	orders atomic.Int64
}

// order buys or sells a unit around one price.
func (b *bourse) order(_ context.Context, caller int) error {
	n := b.orders.Add(1)
	r := &api.MarketOrderRequest{Market: b.market, Side: api.OrderBuy, Price: orderPrice + api.Micro(n*7919%orderSpread) - orderSpread/2, Quantity: 1}
	if caller%2 == 1 {
		r.Side = api.OrderSell
	}
	_, err := change(b.s, trader(caller), api.MarketsOrder, r)
	return err
}

func measureOrders(ctx context.Context, r *run) error {
	s, err := r.openStall(ctx, "orders", bidCallers)
	if err != nil {
		return err
	}
	defer s.close()
	const good = "unit_hour"
	if _, err := s.operator.Ledger.CreateAsset(ctx, good, "what the benchmark trades"); err != nil {
		return err
	}
	for i := range bidCallers {
		if _, err := s.operator.Ledger.Mint(ctx, api.MintRequest{To: api.Account(trader(i), "", good), Amount: purse}); err != nil {
			return err
		}
	}
	m, err := change(s, "owner", api.MarketsCreate, &api.MarketSpec{Name: "hours", Type: api.MarketContinuous, Commodity: good})
	if err != nil {
		return err
	}
	b := &bourse{s: s, market: m.ID}
	if err := r.rounds(ctx, fmt.Sprint(bidCallers, " callers"), []side{{"log", loop(bidCallers, s.plain.add)}, {"orders", loop(bidCallers, b.order)}}, func(l []load) {
		r.record("orders_log_ops", "ops/s", l[0].rate())
		r.record("orders_ops", "ops/s", l[1].rate())
		r.record("orders_ratio", "ratio", l[1].rate()/l[0].rate())
		r.record("orders_p50", "us", micros(l[1].p50))
	}); err != nil {
		return err
	}
	return r.rounds(ctx, "in memory", []side{{"orders", matching}}, func(l []load) { r.record("matching_orders_per_s", "ops/s", l[0].rate()) })
}

// matching has an order book take orders around one price: of every six, two are taken back.
func matching(ctx context.Context, d time.Duration) (load, error) {
	const look = 1024 // orders between two looks at the clock
	book, begin, l := orderbook.New(), time.Now(), load{}
	number, seed := uint64(0), uint64(1)
	random := func(n uint64) uint64 { // xorshift (Marsaglia 2003): cheap beside an order
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
		return seed % n
	}
	for time.Since(begin) < d && ctx.Err() == nil {
		for range look {
			l.ops++
			if l.ops%3 == 0 {
				if c, _, err := book.Cancel(number - min(number-1, random(2000))); err == nil {
					book.Apply(c)
				}
				continue
			}
			number++
			o := orderbook.Order{Number: number, Owner: owners[random(uint64(len(owners)))], Side: api.OrderBuy, Type: api.OrderLimit, Quantity: 1 + int64(random(100))}
			o.Price = orderPrice - api.Micro(random(500)) + 10
			if random(2) == 0 {
				o.Side, o.Price = api.OrderSell, orderPrice+api.Micro(random(500))-10
			}
			c, err := book.Match(o)
			if err != nil {
				return l, err
			}
			book.Apply(c)
		}
	}
	l.took = time.Since(begin)
	return l, ctx.Err()
}

var owners = func() (names [200]string) {
	for i := range names {
		names[i] = trader(i)
	}
	return names
}()
