package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func marketsOrder(o *options) *cobra.Command {
	var req api.MarketOrderRequest
	cmd := sends(o, &cobra.Command{
		Use: "order MARKET buy|sell QUANTITY [PRICE]", Short: "Buy or sell in a market", Args: args(cobra.RangeArgs(3, 4)),
		Long: `Sends an order, and says what became of it at once. With a PRICE it is a limit order: what does not trade rests in the book, and a buy
holds what it may cost, a sell the units. Without one it is a market order: it trades at whatever there is, and does not rest. With
--type ioc what does not trade within the price is cancelled, with --type fok all of it trades or nothing.`,
		Example: "  mabus markets order gold buy 10 1.5 --as bob\n" +
			"  mabus markets order gold sell 10 --as ann\n  mabus markets order gold buy 10 1.5 --type fok --as bob",
	}, func(a []string) (_ api.MarketOrderRequest, err error) {
		req.Market, req.Side = a[0], api.OrderSide(a[1])
		if req.Quantity, err = number("QUANTITY", a[2]); err != nil {
			return req, err
		}
		if len(a) < 4 {
			if req.Type == "" {
				req.Type = api.OrderMarket
			}
			return req, nil
		}
		req.Price, err = units(a[3])
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.MarketOrderRequest) (*api.MarketOrderReceipt, error) {
		return c.Markets.Order(ctx, r)
	},
		func(w io.Writer, r *api.MarketOrderReceipt) {
			row(w, "order", r.Order)
			row(w, "filled", r.Filled)
			row(w, "resting", r.Resting)
			cancelled := fmt.Sprint(r.Cancelled)
			if r.Why != "" {
				cancelled += ", " + r.Why
			}
			row(w, "cancelled", cancelled)
			row(w, "value", money(r.Value))
			if r.Fee > 0 {
				row(w, "seller's fee", money(r.Fee))
			}
			for _, f := range r.Fills {
				row(w, fmt.Sprintf("trade %d", f.Trade), fmt.Sprintf("%d at %s", f.Quantity, money(f.Price)))
			}
		})
	cmd.Flags().StringVar((*string)(&req.Type), "type", "", "limit, market, ioc or fok (limit with a PRICE, market without)")
	accountFlag(cmd, &req.Account)
	return cmd
}

// accountFlag adds the flag that chooses one of the principal's accounts.
func accountFlag(cmd *cobra.Command, id *api.AccountID) {
	cmd.Flags().StringVar((*string)(id), "account", "", "account of one's own that pays and is paid, such as ann/trading (the main ones)")
}

func marketsCancel(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "cancel MARKET ORDER", Short: "Take an order out of the book by its number",
		Example: "  mabus markets cancel gold 7 --as bob", Args: args(cobra.ExactArgs(2)),
	}, func(a []string) (api.MarketCancelOrderRequest, error) {
		n, err := number("ORDER", a[1])
		if err == nil && n < 1 {
			err = fmt.Errorf("%w: ORDER must be the number of an order, from 1", errUsage)
		}
		return api.MarketCancelOrderRequest{Market: a[0], Order: uint64(max(n, 0))}, err
	}, func(ctx context.Context, c *client.Client, r api.MarketCancelOrderRequest) (*api.MarketCancelOrderResponse, error) {
		return c.Markets.CancelOrder(ctx, r.Market, r.Order)
	}, func(w io.Writer, r *api.MarketCancelOrderResponse) {
		row(w, "order", r.Order.Order)
		row(w, "cancelled", fmt.Sprintf("%s %d at %s", r.Order.Side, r.Order.Quantity, money(r.Order.Price)))
	})
}

func marketsOrders(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "orders MARKET", Short: "List one's orders that rest, the oldest first", Example: "  mabus markets orders gold --as bob", Args: args(cobra.ExactArgs(1)),
	}, func(a []string) (api.MarketOrdersRequest, error) {
		return api.MarketOrdersRequest{Market: a[0]}, nil
	}, func(ctx context.Context, c *client.Client, r api.MarketOrdersRequest) (*api.MarketOrdersResponse, error) {
		all, err := c.Markets.Orders(ctx, r.Market)
		return &api.MarketOrdersResponse{Orders: append([]api.MarketOrder{}, all...)}, err
	}, func(w io.Writer, list *api.MarketOrdersResponse) {
		row(w, "ORDER", "SIDE", "PRICE", "LEFT", "ACCOUNT")
		for _, x := range list.Orders {
			row(w, x.Order, x.Side, money(x.Price), x.Quantity, x.Account)
		}
	})
}
