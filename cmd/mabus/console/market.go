package console

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	maxAuctions = 200 // auctions of one state that are listed
	maxMarkets  = 200
	maxOwners   = 24 // principals whose accounts are listed
	maxBids     = 500
	bookDepth   = 20
	maxTrades   = 50
)

// market is the page of auctions, markets and money.
func market(string) []feed {
	known := &owners{}
	return []feed{
		{table: "auctions", read: known.auctions},
		{table: "markets", read: known.markets},
		{table: "assets", slow: 2, read: func(ctx context.Context, c *client.Client) (got rows, err error) {
			page, err := rpc.Call(ctx, c.Conn(), api.AssetsList, &api.PageRequest{Limit: maxMarkets})
			if err != nil {
				return rows{}, err
			}
			got.open = page.Next != ""
			for _, a := range page.Assets {
				a.Revision = ""
				got.add(a.ID, a)
			}
			return got, nil
		}},
		// The audit goes through all accounts, so it is made less often.
		{table: "supply", slow: 10, read: func(ctx context.Context, c *client.Client) (got rows, err error) {
			r, err := c.Ledger.Audit(ctx)
			if err != nil {
				return rows{}, err
			}
			for i, a := range r.Assets {
				if i == maxRows {
					break
				}
				got.add(a.Asset, a)
			}
			got.total = len(r.Assets)
			return got, nil
		}},
		{table: "accounts", read: known.accounts},
		{table: "totals", slow: 2, read: func(ctx context.Context, c *client.Client) (got rows, err error) {
			a, err := c.Auctions.Stats(ctx)
			if err != nil {
				return rows{}, err
			}
			m, err := c.Markets.Stats(ctx, "")
			if err != nil {
				return rows{}, err
			}
			a.Revision, m.Revision = "", ""
			got.add("auctions", a)
			got.add("markets", m)
			return got, nil
		}},
	}
}

// owners are the principals who take part in what the page shows: there is no list of all who have an account.
type owners struct {
	mu     sync.Mutex
	traded map[string]bool
	bid    map[string]bool
}

func (o *owners) auctions(ctx context.Context, c *client.Client) (got rows, err error) {
	who := map[string]bool{}
	for _, state := range api.AuctionStates {
		page, err := rpc.Call(ctx, c.Conn(), api.AuctionsList, &api.AuctionsListRequest{State: state, Limit: maxAuctions})
		if err != nil {
			return rows{}, err
		}
		got.open = got.open || page.Next != ""
		for i := range page.Auctions {
			a := &page.Auctions[i]
			who[a.Owner], who[a.Leader] = true, true
			a.Revision, a.Head, a.Item = "", "", clip(a.Item)
			got.add(a.ID, a)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bid = who
	return got, nil
}

func (o *owners) markets(ctx context.Context, c *client.Client) (got rows, err error) {
	who := map[string]bool{}
	page, err := rpc.Call(ctx, c.Conn(), api.MarketsList, &api.MarketsListRequest{Limit: maxMarkets})
	if err != nil {
		return rows{}, err
	}
	got.open = page.Next != ""
	for i := range page.Markets {
		m := &page.Markets[i]
		who[m.Owner] = true
		m.Revision, m.Head, m.Metadata = "", "", nil
		got.add(m.ID, m)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.traded = who
	return got, nil
}

// accounts are those of the system, of the console's own principal, and of who takes part, as far as the principal may see them.
func (o *owners) accounts(ctx context.Context, c *client.Client) (got rows, err error) {
	o.mu.Lock()
	first := o.bid == nil || o.traded == nil
	o.mu.Unlock()
	if first { // the other feeds have not been read yet
		if _, err := o.auctions(ctx, c); err != nil {
			return rows{}, err
		}
		if _, err := o.markets(ctx, c); err != nil {
			return rows{}, err
		}
	}
	o.mu.Lock()
	who := slices.Concat(slices.Sorted(maps.Keys(o.bid)), slices.Sorted(maps.Keys(o.traded)))
	o.mu.Unlock()
	slices.Sort(who)
	names := []string{api.SystemOwner}
	for _, w := range slices.Compact(append([]string{c.Conn().Principal}, who...)) {
		if w != "" && !slices.Contains(names, w) {
			names = append(names, w)
		}
	}
	if got.open = len(names) > maxOwners; got.open {
		names = names[:maxOwners]
	}
	for _, owner := range names {
		page, err := rpc.Call(ctx, c.Conn(), api.AccountsList, &api.AccountsListRequest{Owner: owner, Limit: maxMarkets})
		if api.CodeOf(err) == api.PermissionDenied {
			got.open = true
			continue
		}
		if err != nil {
			return rows{}, err
		}
		for _, a := range page.Accounts {
			a.Revision = ""
			got.add(string(a.ID), a)
		}
	}
	return got, nil
}

// auctionDetail is an auction with its bids.
func auctionDetail(id string) []feed {
	return []feed{
		{table: "auction", read: func(ctx context.Context, c *client.Client) (rows, error) {
			a, err := c.Auctions.Get(ctx, id)
			if err != nil {
				return rows{}, err
			}
			a.Revision, a.Item = "", clip(a.Item)
			return one(id, a, nil)
		}},
		{table: "bids", read: func(ctx context.Context, c *client.Client) (got rows, err error) {
			page, err := rpc.Call(ctx, c.Conn(), api.AuctionsBids, &api.AuctionBidsRequest{Auction: id, Limit: maxBids})
			if err != nil {
				return rows{}, err
			}
			got.open = page.Next != 0
			for _, b := range page.Bids {
				got.add(b.Bidder, b)
			}
			return got, nil
		}},
	}
}

// bookDetail is a market with its order book and its last trades.
func bookDetail(id string) []feed {
	return []feed{
		{table: "market", read: func(ctx context.Context, c *client.Client) (rows, error) {
			m, err := c.Markets.Get(ctx, id)
			if err != nil {
				return rows{}, err
			}
			m.Revision, m.Metadata = "", nil
			return one(id, m, nil)
		}},
		{table: "book", read: func(ctx context.Context, c *client.Client) (rows, error) {
			b, err := c.Markets.Book(ctx, id, bookDepth)
			if reason := api.ReasonOf(err); reason == api.ReasonWrongMarketType || reason == api.ReasonBookSealed {
				return rows{}, nil // it has none that anybody may see
			}
			if err != nil {
				return rows{}, err
			}
			b.Revision = ""
			return one(id, b, nil)
		}},
		{table: "trades", read: func(ctx context.Context, c *client.Client) (got rows, err error) {
			trades, err := c.Markets.Trades(ctx, id, maxTrades)
			if err != nil {
				return rows{}, err
			}
			for _, t := range trades {
				got.add(strconv.FormatUint(t.Number, 10), t)
			}
			return got, nil
		}},
	}
}

// ownerDetail is what a principal has, and the last entries of its main account.
func ownerDetail(owner string) []feed {
	return []feed{
		{table: "accounts", read: func(ctx context.Context, c *client.Client) (got rows, err error) {
			page, err := rpc.Call(ctx, c.Conn(), api.AccountsList, &api.AccountsListRequest{Owner: owner, Limit: maxMarkets})
			if err != nil {
				return rows{}, err
			}
			got.open = page.Next != ""
			for _, a := range page.Accounts {
				a.Revision = ""
				got.add(string(a.ID), a)
			}
			return got, nil
		}},
		{table: "entries", read: func(ctx context.Context, c *client.Client) (got rows, err error) {
			page, err := rpc.Call(ctx, c.Conn(), api.AccountsStatement, &api.StatementRequest{Account: api.Account(owner, "", "")})
			if err != nil {
				return rows{}, err
			}
			got.open = page.Next != 0
			for _, e := range page.Entries {
				got.add(strconv.FormatUint(e.Number, 10), e)
			}
			return got, nil
		}},
	}
}
