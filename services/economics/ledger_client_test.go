package economics_test

import (
	"context"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// TestLedgerClient goes through all that the SDK has about money. The client reads what it has written, whichever replica answers.
func TestLedgerClient(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	op, a, b := client.New(r.as(economics.DefaultOperator)).Ledger, client.New(r.as("a")).Ledger, client.New(r.as("b")).Ledger
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	good := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	minted, err := op.Mint(ctx, api.MintRequest{To: "a", Amount: 1000})
	good(err)
	if minted.Available != 1000 {
		t.Errorf("%+v", minted)
	}
	for i := range 100 {
		paid, err := a.Transfer(ctx, api.TransferRequest{From: "a", To: "b", Amount: 1})
		good(err)
		now, err := a.Account(ctx, "a")
		good(err)
		if now.Available != api.Micro(999-i) || paid.Entry.Number != uint64(i+2) {
			t.Fatalf("after payment %d: %+v", i+1, now)
		}
	}
	heard, err := b.Wait(ctx, "b", 99)
	good(err)
	if heard.Available != 100 {
		t.Errorf("%+v", heard)
	}
	entries := 0
	for e, err := range a.Statement(ctx, "a", time.Time{}) {
		good(err)
		if want := uint64(101 - entries); e.Number != want {
			t.Fatalf("entry %d, want %d", e.Number, want)
		}
		entries++
	}
	if entries != 101 {
		t.Errorf("%d entries, want 101", entries)
	}
	_, err = a.Hold(ctx, api.HoldCreateRequest{ID: "h", Account: "a", Amount: 50, Beneficiary: "b"})
	good(err)
	_, err = b.Capture(ctx, api.HoldCaptureRequest{ID: "h", Amount: 20})
	good(err)
	held, err := b.Held(ctx, "h")
	good(err)
	holds, err := b.Holds(ctx, api.HoldsListRequest{Beneficiary: "b"})
	good(err)
	if held.Amount != 30 || len(holds) != 1 || holds[0].ID != "hold/h" {
		t.Errorf("%+v, %+v", held, holds)
	}
	_, err = b.Release(ctx, "h")
	good(err)
	if _, err = b.Held(ctx, "h"); api.ReasonOf(err) != api.ReasonHoldNotFound {
		t.Error(err)
	}
	_, err = a.Allow(ctx, api.AllowanceSpec{ID: "w", Account: "a", Spender: "b", Total: 10})
	good(err)
	_, err = b.Transfer(ctx, api.TransferRequest{From: "a", To: "b", Amount: 10, Allowance: "w"})
	good(err)
	w, err := b.Allowance(ctx, "w")
	good(err)
	all, err := b.Allowances(ctx, api.AllowancesListRequest{Spender: "b"})
	good(err)
	if w.Spent != 10 || len(all) != 1 {
		t.Errorf("%+v, %+v", w, all)
	}
	_, err = a.Disallow(ctx, "w")
	good(err)
	_, err = b.CreateAsset(ctx, "gold", "of a kind")
	good(err)
	_, err = b.Mint(ctx, api.MintRequest{To: "b/main/gold", Amount: 5})
	good(err)
	_, err = b.Burn(ctx, api.BurnRequest{From: "b/main/gold", Amount: 2})
	good(err)
	assets, err := b.Assets(ctx)
	good(err)
	accounts, err := b.Accounts(ctx, "b")
	good(err)
	if len(assets) != 2 || assets[1].Issued != 3 || len(accounts) != 2 || accounts[0].Available != 130 {
		t.Errorf("%+v, %+v", assets, accounts)
	}
	// The operator has not written the last of it: the replica that it asks may be behind.
	natstest.Eventually(t, patience, func() bool {
		audit, err := op.Audit(ctx)
		good(err)
		if !audit.Agree {
			t.Errorf("%+v", audit)
		}
		return audit.Holds == 0 && len(audit.Assets) == 2 && audit.Assets[0].Available == 1000 && audit.Assets[1].Issued == 3
	}, "the audit has it all")
}
