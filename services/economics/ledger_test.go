package economics_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// account wants what an account of a principal has available and held, and returns the number of its entries.
func (r *rig) account(who string, available, held api.Micro) uint64 {
	r.t.Helper()
	got := must(r.t, r.as(economics.DefaultOperator), api.AccountsGet, api.AccountGetRequest{Account: api.AccountID(who)})
	if got.Available != available || got.Held != held {
		r.t.Errorf("%s has %d and %d held, want %d and %d", who, got.Available, got.Held, available, held)
	}
	return got.Entries
}

// audit wants that the ledger agrees.
func (r *rig) audit() *api.AuditResponse {
	r.t.Helper()
	got := must(r.t, r.as(economics.DefaultOperator), api.LedgerAudit, api.AuditRequest{})
	if !got.Agree {
		r.t.Errorf("the ledger does not agree: %s", got.Fault)
	}
	return got
}

func TestMoneyMoves(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	a, b := r.as("a"), r.as("b")
	r.mint(1000, "a")
	receipt := must(t, a, api.AccountsTransfer, api.TransferRequest{From: "a", To: "b", Amount: 300, Note: "tea"})
	if e := receipt.Entry; e.Amount != -300 || e.Balance != 700 || e.Ref != "tea" || e.Counter != "b/main/credit" || receipt.Revision == "" {
		t.Errorf("%+v", receipt)
	}
	h := must(t, b, api.HoldsCreate, api.HoldCreateRequest{ID: "h", Account: "b", Amount: 100, Beneficiary: "a"})
	if h.ID != "hold/h" {
		t.Errorf("%+v", h)
	}
	r.account("b", 200, 100)
	must(t, a, api.HoldsCapture, api.HoldCaptureRequest{ID: "h", Amount: 60})
	must(t, a, api.HoldsRelease, api.HoldKey{ID: "h"})
	r.account("a", 760, 0)
	r.account("b", 240, 0)
	must(t, b, api.AllowancesSet, api.AllowanceSpec{ID: "w", Account: "b", Spender: "a", PerTask: 20, Total: 30})
	refused(t, a, api.AccountsTransfer, api.TransferRequest{From: "b", To: "a", Amount: 25, Allowance: "w"}, api.FailedPrecondition, api.ReasonAllowanceExceeded)
	must(t, a, api.AccountsTransfer, api.TransferRequest{From: "b", To: "a", Amount: 20, Allowance: "w"})
	w := must(t, a, api.AllowancesGet, api.GetRequest{ID: "w"})
	if w.Spent != 20 {
		t.Errorf("%+v", w)
	}
	list := must(t, b, api.AllowancesList, api.AllowancesListRequest{Owner: "b"})
	if len(list.Allowances) != 1 {
		t.Errorf("%+v", list)
	}
	must(t, b, api.AllowancesRemove, api.DeregisterRequest{ID: "w"})
	must(t, r.as(economics.DefaultOperator), api.AccountsBurn, api.BurnRequest{From: "a", Amount: 80})
	must(t, b, api.AssetsCreate, api.AssetCreateRequest{ID: "gold"})
	must(t, b, api.AccountsMint, api.MintRequest{To: "b/main/gold", Amount: 5})
	got := r.audit()
	if len(got.Assets) != 2 || got.Assets[0].Issued != 920 || got.Assets[1].Available != 5 {
		t.Errorf("%+v", got.Assets)
	}
	assets := must(t, a, api.AssetsList, api.PageRequest{})
	if len(assets.Assets) != 2 || assets.Assets[1].ID != "gold" || assets.Assets[1].Issued != 5 || assets.Assets[1].Issuer != "b" {
		t.Errorf("%+v", assets.Assets)
	}
	accounts := must(t, b, api.AccountsList, api.AccountsListRequest{Owner: "b"})
	if len(accounts.Accounts) != 2 || accounts.Accounts[0].ID != "b/main/credit" || accounts.Accounts[1].ID != "b/main/gold" {
		t.Errorf("%+v", accounts.Accounts)
	}
}

// A hold that expires is released by the log's own time, and who waits for an account hears of what comes.
func TestExpiryAndWaiting(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	r.mint(100, "a")
	h := must(t, r.as("a"), api.HoldsCreate, api.HoldCreateRequest{Account: "a", Amount: 40, Beneficiary: "b", ExpiresIn: api.Duration(3 * time.Second)})
	r.account("a", 60, 40)
	natstest.Eventually(t, patience, func() bool {
		_, err := call(t, r.as("b"), api.HoldsGet, api.HoldKey{ID: h.ID})
		return api.ReasonOf(err) == api.ReasonHoldNotFound
	}, "the hold expires")
	r.comes("a", 100, 0) // the clock tells each replica for itself
	heard := make(chan *api.LedgerAccount)
	go func() {
		got, err := call(t, r.as("b"), api.AccountsWait, api.AccountWaitRequest{Account: "b", Wait: api.Duration(patience / 2)})
		if err != nil {
			t.Error(err)
		}
		heard <- got
	}()
	must(t, r.as("a"), api.AccountsTransfer, api.TransferRequest{From: "a", To: "b", Amount: 1})
	if got := <-heard; got == nil || got.Available != 1 || got.Entries != 1 {
		t.Errorf("%+v", got)
	}
	began := time.Now()
	got := must(t, r.as("b"), api.AccountsWait, api.AccountWaitRequest{Account: "b", After: 1, Wait: api.Duration(50 * time.Millisecond)})
	if got.Entries != 1 || time.Since(began) > patience/2 {
		t.Errorf("%+v after %s", got, time.Since(began))
	}
}

// What one principal has, another does not see.
func TestSecrets(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	r.mint(100, "a")
	must(t, r.as("a"), api.HoldsCreate, api.HoldCreateRequest{ID: "h", Account: "a", Amount: 40, Beneficiary: "b"})
	must(t, r.as("a"), api.AllowancesSet, api.AllowanceSpec{ID: "w", Account: "a", Spender: "b", Total: 1})
	c, nobody := r.as("c"), r.as("")
	refused(t, c, api.AccountsGet, api.AccountGetRequest{Account: "a"}, api.PermissionDenied, api.ReasonNotOwner)
	refused(t, c, api.AccountsList, api.AccountsListRequest{Owner: "a"}, api.PermissionDenied, api.ReasonNotOwner)
	refused(t, c, api.AccountsStatement, api.StatementRequest{Account: "a"}, api.PermissionDenied, api.ReasonNotOwner)
	refused(t, c, api.AccountsWait, api.AccountWaitRequest{Account: "a"}, api.PermissionDenied, api.ReasonNotOwner)
	refused(t, c, api.HoldsGet, api.HoldKey{ID: "h"}, api.NotFound, api.ReasonHoldNotFound)
	refused(t, c, api.HoldsList, api.HoldsListRequest{Account: "a"}, api.PermissionDenied, api.ReasonNotOwner)
	refused(t, c, api.HoldsList, api.HoldsListRequest{Beneficiary: "b"}, api.PermissionDenied, api.ReasonNotOwner)
	refused(t, c, api.AllowancesGet, api.GetRequest{ID: "w"}, api.PermissionDenied, api.ReasonNotOwner)
	refused(t, c, api.AllowancesList, api.AllowancesListRequest{Spender: "b"}, api.PermissionDenied, api.ReasonNotOwner)
	refused(t, c, api.LedgerAudit, api.AuditRequest{}, api.PermissionDenied, api.ReasonOperatorOnly)
	refused(t, nobody, api.AccountsGet, api.AccountGetRequest{Account: "a"}, api.Unauthenticated, api.ReasonPrincipalMissing)
	refused(t, nobody, api.AccountsTransfer, api.TransferRequest{From: "a", To: "c", Amount: 1}, api.Unauthenticated, api.ReasonPrincipalMissing)
	for _, who := range []string{"a", "b", economics.DefaultOperator} {
		if h := must(t, r.as(who), api.HoldsGet, api.HoldKey{ID: "h"}); h.Amount != 40 {
			t.Errorf("%+v", h)
		}
	}
	for _, q := range []api.HoldsListRequest{{Account: "a"}, {Owner: "a"}, {Beneficiary: "b"}} {
		if list := must(t, r.as(economics.DefaultOperator), api.HoldsList, q); len(list.Holds) != 1 {
			t.Errorf("%+v: %+v", q, list)
		}
	}
	must(t, c, api.AccountsGet, api.AccountGetRequest{Account: "mabus/fees"}) // what the system has is for all to see
}

// Amounts that are none are typed errors of bare JSON too, and nothing comes of them.
func TestBareJunk(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	r.mint(100, "a")
	nc := r.as("a").NC
	bodies := map[string]string{`null`: "invalid", `[]`: "invalid", `{`: "invalid", `{"from":"a","to":"b","amount":"1","fee":"0"}`: "invalid"}
	for _, amount := range []string{
		`"-1"`, `"0"`, `"1.5"`, `"NaN"`, `"Infinity"`, `"1e9"`, `"9223372036854775808"`, `"9223372036854775807"`, `"-9223372036854775808"`,
		`"1000000000000001"`, `1`, `1.5`, `null`, `true`, `{}`, `""`, `" 1"`, `"0x1"`, `"٣"`,
	} {
		bodies[`{"from":"a","to":"b","amount":`+amount+`}`] = "invalid"
	}
	for _, account := range []string{"b/", "b//credit", "b/main/credit/x", "b c", "/", strings.Repeat("b", 65), "b/main/tin", "mabus/pool", "mabus/issue", "ä"} {
		raw, err := json.Marshal(account)
		if err != nil {
			t.Fatal(err)
		}
		bodies[`{"from":"a","to":`+string(raw)+`,"amount":"1"}`] = ""
	}
	for _, verb := range []string{"accounts.transfer", "accounts.mint", "accounts.burn", "holds.create", "holds.capture", "allowances.set"} {
		for body, code := range bodies {
			msg := nats.NewMsg(api.As("mabus", "a", "mabus.economics."+verb))
			msg.Data = []byte(body)
			answer, err := nc.RequestMsg(msg, patience)
			if err != nil {
				t.Fatal(err)
			}
			var e api.Error
			if err := json.Unmarshal(answer.Data, &e); err != nil || e.Code == "" || e.Code == api.Internal || code != "" && string(e.Code) != code {
				t.Errorf("%s %s: %s", verb, body, answer.Data)
			}
		}
	}
	r.account("a", 100, 0)
	r.account("b", 0, 0)
	r.audit()
}

// Statements go back beyond what an account has at hand, page by page and to any time, and lead to the head.
func TestStatements(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	r.mint(1_000_000, "a")
	const n = 210
	var halfway time.Time
	var then api.Micro
	for i := range n {
		x := must(t, r.as("a"), api.AccountsTransfer, api.TransferRequest{From: "a", To: "b", Amount: 1})
		if i == n/2 {
			halfway, then = x.Entry.At, x.Entry.Balance
			natstest.Eventually(t, patience, func() bool { return time.Now().After(halfway.Add(2 * time.Millisecond)) }, "time goes by")
		}
	}
	var all []api.LedgerEntry
	for before := uint64(0); ; {
		var page *api.StatementResponse
		natstest.Eventually(t, patience, func() bool {
			var err error
			page, err = call(t, r.as("a"), api.AccountsStatement, api.StatementRequest{Account: "a", Before: before, Limit: 50})
			return api.ReasonOf(err) != api.ReasonNotReady
		}, "the page is in the archive")
		all = append(all, page.Entries...)
		if before = page.Next; before == 0 {
			break
		}
	}
	if len(all) != n+1 {
		t.Fatalf("%d entries, want %d", len(all), n+1)
	}
	balance := api.Micro(0)
	for i := range all {
		e := all[n-i]
		if balance += e.Amount; e.Number != uint64(i+1) || e.Balance != balance {
			t.Fatalf("entry %d is %+v", i+1, e)
		}
	}
	past := must(t, r.as("a"), api.AccountsStatement, api.StatementRequest{Account: "a", Until: halfway, Limit: 1})
	if len(past.Entries) != 1 || past.Entries[0].Balance != then {
		t.Errorf("at %s: %+v, want %d", halfway, past.Entries, then)
	}
	long := must(t, r.as("a"), api.AccountsStatement, api.StatementRequest{Account: "a", Until: halfway.Add(-time.Hour)})
	if len(long.Entries) != 0 || long.Next != 0 || long.Head == "" {
		t.Errorf("%+v", long)
	}
}

// Payments in a circle, repeated requests and deaths of replicas among them, leave every unit where it belongs.
func TestNothingIsLostWhenReplicasGo(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	ring := []string{"a", "b", "c", "d"}
	r.mint(1000, ring...)
	var wg sync.WaitGroup
	for i, who := range ring {
		to := ring[(i+1)%len(ring)]
		c := r.as(who)
		wg.Go(func() {
			for n := range 50 {
				ctx, cancel := context.WithTimeout(rpc.WithRequestID(t.Context(), who+"-"+string(rune('A'+n%26))+string(rune('a'+n/26))), patience)
				for done := 0; done < 2; { // each request twice
					_, err := rpc.Call(ctx, c, api.AccountsTransfer, &api.TransferRequest{From: api.AccountID(who), To: api.AccountID(to), Amount: 3})
					if err == nil {
						done++
					} else if e := api.AsError(err); e == nil || ctx.Err() != nil || e.Code != api.Unavailable {
						t.Errorf("%s: %v", who, err)
						break
					}
				}
				cancel()
			}
		})
	}
	r.stops[0]()
	r.replica(economics.Config{})
	r.stops[1]()
	wg.Wait()
	for _, who := range ring {
		natstest.Eventually(t, patience, func() bool { // the replica that is asked may be behind the one that has answered
			return must(t, r.as(economics.DefaultOperator), api.AccountsGet, api.AccountGetRequest{Account: api.AccountID(who)}).Entries >= 101
		}, "all payments of %s are there", who)
		if n := r.account(who, 1000, 0); n != 101 {
			t.Errorf("%s has %d entries, want 101", who, n)
		}
	}
	r.audit()
}
