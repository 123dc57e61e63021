package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/examples/economy"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

const patience = time.Minute

// byHand is the price and what each trainer gets, found unit by unit.
func byHand(o options) (price api.Micro, got map[string]int64) {
	type unit struct {
		name  string
		worth api.Micro
	}
	var units []unit
	for _, t := range o.trainers {
		wants := min(t.hours, o.hours)
		for range wants {
			if t.worth >= o.reserve && t.worth*api.Micro(wants) <= t.purse {
				units = append(units, unit{t.name, t.worth})
			}
		}
	}
	slices.SortStableFunc(units, func(a, b unit) int { return int(b.worth - a.worth) })
	price, got = o.reserve, map[string]int64{}
	for i, u := range units {
		if int64(i) == o.hours {
			price = u.worth
			break
		}
		got[u.name]++
	}
	return price, got
}

// serve returns where there is an economy, as long as the test lasts.
func serve(t *testing.T) string {
	t.Helper()
	url := natstest.Start(t).URL()
	r, err := economy.Open(t.Context(), economy.Config{Server: url, Services: economy.Services()})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		if err := r.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return url
}

// sold has the trainers bid over NATS.
func sold(t *testing.T, o options) (*sale, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := economy.Open(ctx, economy.Config{Server: o.server, Services: o.services})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	s, err := sell(ctx, r, o)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := report(&out, r, s); err != nil {
		t.Fatal(err)
	}
	return s, out.String()
}

// TestSales: winners, price, money and hours are as a count by hand has them, whoever comes first.
func TestSales(t *testing.T) {
	url := serve(t)
	for name, o := range map[string]options{
		"the example": {hours: 20, reserve: economy.Unit, fee: api.One / 50, trainers: trainers},
		"enough":      {hours: 100, reserve: 500_000, trainers: trainers},
		"one hour":    {hours: 1, reserve: economy.Unit, fee: api.One / 3, trainers: trainers},
		"one bidder":  {hours: 3, reserve: 2 * economy.Unit, trainers: trainers[:1]},
		"a poor one":  {hours: 3, reserve: economy.Unit, trainers: append([]trainer{{"poor", 2, 9 * economy.Unit, economy.Unit}}, trainers...)},
	} {
		t.Run(name, func(t *testing.T) {
			o.server = url
			s, printed := sold(t, o)
			price, got := byHand(o)
			traded, fee := api.Micro(0), api.Micro(0)
			for _, b := range s.trainers {
				want := api.Micro(got[b.name])
				if b.has != want*economy.Unit || b.purse-b.left != want*price {
					t.Errorf("%s has %s hours for %s, want %d for %s", b.name, economy.Units(b.has), economy.Units(b.purse-b.left), want, economy.Units(want*price))
				}
				if !strings.Contains(printed, b.name) {
					t.Errorf("%s is missing in\n%s", b.name, printed)
				}
				traded += want * price
			}
			x := s.auction.Outcome
			for _, a := range x.Awards {
				fee += a.Amount * api.Micro(o.fee) / economy.Unit
			}
			if x.Price != price || x.Traded != traded || x.Fee != fee {
				t.Errorf("price %s, traded %s, fee %s; want %s, %s, %s", x.Price, x.Traded, x.Fee, price, traded, fee)
			}
			if s.entries[0].Balance != traded-fee {
				t.Errorf("the seller has %s, want %s", s.entries[0].Balance, traded-fee)
			}
		})
	}
}

// TestRun prints what was sold, and nothing is left of it.
func TestRun(t *testing.T) {
	var out strings.Builder
	o := options{server: serve(t), hours: 2, reserve: economy.Unit, trainers: trainers[3:]}
	if err := run(t.Context(), &out, o); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"weather", "bid_too_low", "price      1.8 an hour", "statements of datacentre"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}
