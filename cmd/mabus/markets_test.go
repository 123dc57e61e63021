package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
)

// TestFrame: a table is drawn over the one before, all of its lines, or below it where nothing can be drawn over.
func TestFrame(t *testing.T) {
	for _, tt := range []struct {
		over bool
		want string
	}{
		{true, noWrap + "a  b\n1  2\n" + wrap + "\r\x1b[2A\x1b[J" + noWrap + "a\n" + wrap},
		{false, "a  b\n1  2\n\na\n"},
	} {
		var b bytes.Buffer
		f := frame{w: &b, over: tt.over}
		for _, rows := range [][][]any{{{"a", "b"}, {1, 2}}, {{"a"}}} {
			if err := f.show(func(w io.Writer) {
				for _, cells := range rows {
					row(w, cells...)
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		if b.String() != tt.want {
			t.Errorf("got %q, want %q", b.String(), tt.want)
		}
	}
}

// TestBookIsALadder: prices fall from line to line, and each side is in its own columns.
func TestBookIsALadder(t *testing.T) {
	var b bytes.Buffer
	printBook(&b, &api.MarketBook{
		Buys:  []api.MarketLevel{{Price: 1_500_000, Quantity: 4, Orders: 2}, {Price: 1_000_000, Quantity: 1, Orders: 1}},
		Sells: []api.MarketLevel{{Price: 1_600_000, Quantity: 5, Orders: 1}, {Price: 2_000_000, Quantity: 7, Orders: 3}},
	})
	_, got, _ := strings.Cut(b.String(), "\n")
	if want := "-\t-\t2.00\t7\t3\n-\t-\t1.60\t5\t1\n2\t4\t1.50\t-\t-\n1\t1\t1.00\t-\t-\n"; got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestTicker(t *testing.T) {
	for want, m := range map[string]*api.Market{
		"0 trades of 0 units for 0.00": {},
		"last 1.50, bid 1.40, ask 1.60, 2 trades of 3 units for 4.50": {
			LastPrice: 1_500_000, Bid: 1_400_000, Ask: 1_600_000, Trades: 2, Volume: 3, Value: 4_500_000,
		},
		"yes 0.75, n o 0.25, - 0.1, 1 trades of 1 units for 0.00": {
			MarketSpec: api.MarketSpec{Outcomes: []string{"yes", "n\to"}}, Prices: []api.Decimal{750_000, 250_000, 100_000}, Trades: 1, Volume: 1, LastPrice: 7,
		},
		"bid 9223372036854.775807, 0 trades of -1 units for -0.000001": {Bid: 1<<63 - 1, Volume: -1, Value: -1},
	} {
		if got := ticker(m); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestPrintersTakeAnything: what a service of another version says is printed, whatever of it is missing.
func TestPrintersTakeAnything(t *testing.T) {
	w := io.Discard
	printMarket(w, &api.Market{MarketSpec: api.MarketSpec{Type: api.MarketPrediction, Outcomes: []string{"yes", "no"}}, Payouts: []api.Micro{1}})
	printTender(w, &api.Tender{Award: &api.TenderAward{}, Contract: &api.Contract{}, Bids: []api.TenderBid{{}}})
	printContract(w, &api.Contract{Outcome: &api.ContractOutcome{}})
	printBook(w, &api.MarketBook{})
	printHold(w, &api.Hold{})
	printAllowance(w, &api.Allowance{})
	printListing(w, &api.Listing{})
	printTransfer(w, &api.TransferResponse{})
	for _, o := range []*options{{}, {json: true}} {
		for i, err := range []error{
			printEntry(w, o, &api.LedgerEntry{}), printTicker(w, o, &api.Market{}), printTenderLine(w, o, &api.Tender{State: api.TenderFailed}),
			printContractLine(w, o, &api.Contract{}), printMarketStep(w, o, &api.TranscriptStep{}),
		} {
			if err != nil {
				t.Error(fmt.Sprint(i), err)
			}
		}
	}
}
