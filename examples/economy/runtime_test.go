package economy_test

import (
	"context"
	"testing"
	"time"

	"github.com/mabus-project/mabus/examples/economy"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// TestTwoRunsAtOnce: two runs on one server do not meet, each agent acts in its own name, and the ledger counts what there is.
func TestTwoRunsAtOnce(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	url := natstest.Start(t).URL()
	var runs []*economy.Runtime
	for _, cfg := range []economy.Config{{Server: url, Services: economy.Services()}, {Server: url, Operator: "operator"}} {
		r, err := economy.Open(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, r)
	}
	for i, r := range runs {
		a, err := r.As(ctx, "ann", 10*economy.Unit)
		if err != nil {
			t.Fatal(err)
		}
		if r.Name(r.ID("ann")) != "ann" {
			t.Errorf("%s is of %s", r.ID("ann"), r.Name(r.ID("ann")))
		}
		pay := api.TransferRequest{From: api.AccountID(r.ID("ann")), To: api.AccountID(r.ID("bob")), Amount: 4 * economy.Unit}
		if _, err := a.Ledger.Transfer(ctx, pay); err != nil {
			t.Fatal(err)
		}
		pay.From, pay.To = pay.To, pay.From
		if _, err := a.Ledger.Transfer(ctx, pay); api.ReasonOf(err) != api.ReasonNotOwner {
			t.Errorf("ann pays with bob's money: %v", err)
		}
		for name, want := range map[string]api.Micro{"ann": 6 * economy.Unit, "bob": 4 * economy.Unit, "cleo": 0} {
			if has, err := r.Has(ctx, name, ""); err != nil || has != want {
				t.Errorf("%s has %s, %v; want %s", name, economy.Units(has), err, economy.Units(want))
			}
		}
		if n, err := r.Balanced(ctx); err != nil || n != 2*(i+1) {
			t.Errorf("%d accounts, %v", n, err)
		}
	}
	for _, r := range runs[1:] {
		if err := r.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	if err := runs[0].Close(ctx); err != nil {
		t.Error(err)
	}
}

// TestNoServer: an address where nothing answers is an error at once.
func TestNoServer(t *testing.T) {
	if r, err := economy.Open(t.Context(), economy.Config{Server: "nats://127.0.0.1:1"}); r != nil || api.CodeOf(err) != api.Unavailable {
		t.Errorf("%v, %v", r, err)
	}
}

func TestUnits(t *testing.T) {
	for m, want := range map[api.Micro]string{0: "0", 1: "0.000001", 12_500_000: "12.5", -3 * economy.Unit: "-3"} {
		if got := economy.Units(m); got != want {
			t.Errorf("%d is %s, want %s", m, got, want)
		}
	}
}
