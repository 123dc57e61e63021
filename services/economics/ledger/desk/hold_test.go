package desk_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/ledger/desk"
	"github.com/mabus-project/mabus/shared/api"
)

// tick lets time go by, and fires a timer of a hold.
func (b *bank) tick(by time.Duration, hold string) {
	b.t.Helper()
	b.now = b.now.Add(by)
	d := b.state.Draft()
	d.Now = b.now
	if err := desk.Timer(&act.Act{Time: b.now, Ledger: d}, d, hold); err != nil {
		b.t.Fatal(err)
	}
	if err := d.Check(); err != nil {
		b.t.Fatal(err)
	}
	d.Apply()
}

func TestHoldsOfPrincipals(t *testing.T) {
	b := open(t)
	var h api.Hold
	if err := json.Unmarshal([]byte(b.ok("a holds.create", `{"id":"h","account":"a","amount":"100","beneficiary":"b","expires_in":"1m","note":"work"}`)), &h); err != nil {
		t.Fatal(err)
	}
	want := api.Hold{
		ID: "hold/h", Account: "a/main/credit", Amount: 100, Holder: "a", Beneficiary: "b", Kind: "hold", Ref: "work",
		CreatedAt: b.now, ExpiresAt: b.now.Add(time.Minute),
	}
	if h != want {
		t.Errorf("got %+v, want %+v", h, want)
	}
	b.has("a/main/credit", 999_999_900, 100)
	for _, row := range []struct{ what, body, want string }{
		{"a holds.create", `{"id":"h","account":"a","amount":"1","beneficiary":"b"}`, "conflict hold_exists"},
		{"b holds.create", `{"account":"a","amount":"1","beneficiary":"b"}`, "permission_denied not_owner"},
		{"- holds.create", `{"account":"a","amount":"1","beneficiary":"b"}`, "unauthenticated principal_missing"},
		{"a holds.create", `{"account":"a","amount":"1"}`, "invalid missing_required_fields"},
		{"a holds.create", `{"account":"a","amount":"0","beneficiary":"b"}`, "invalid"},
		{"a holds.create", `{"account":"a","amount":"1","beneficiary":"b","expires_in":"-1s"}`, "invalid"},
		{"a holds.create", `{"account":"a","amount":"1","beneficiary":"b","expires_in":"9000h"}`, "invalid"},
		{"a holds.create", `{"account":"a","amount":"999999901","beneficiary":"b"}`, "failed_precondition insufficient_funds"},
		{"a holds.capture", `{"id":"h"}`, "permission_denied not_beneficiary"},
		{"c holds.capture", `{"id":"h"}`, "permission_denied not_beneficiary"},
		{"- holds.capture", `{"id":"h"}`, "unauthenticated principal_missing"},
		{"a holds.release", `{"id":"h"}`, "permission_denied not_beneficiary"}, // or it would be no security
		{"b holds.capture", `{"id":"h","amount":"101"}`, "failed_precondition insufficient_hold"},
		{"b holds.capture", `{"id":"h","amount":"-1"}`, "invalid"},
		{"b holds.capture", `{"id":"h","to":"b/main/gold"}`, "invalid asset_mismatch"},
		{"b holds.capture", `{"id":"h","to":"mabus/fees"}`, "permission_denied operator_only"},
		{"b holds.capture", `{"id":"h","to":"a"}`, "invalid invalid_account"},
		{"b holds.capture", `{"id":"x"}`, "not_found hold_not_found"},
		{"b holds.release", `{"id":"x"}`, "not_found hold_not_found"},
		{"b holds.capture", `{"id":"a/b/c/d/e"}`, "invalid"},
		{"b holds.capture", `{"id":""}`, "invalid"},
		{"b holds.capture", `{"id":"h//"}`, "invalid"},
	} {
		b.no(row.what, row.body, row.want)
	}
	b.ok("b holds.capture", `{"id":"h","amount":"30"}`)
	b.has("b/main/credit", 30, 0)
	b.ok("b holds.capture", `{"id":"hold/h","amount":"20","to":"c"}`)
	b.has("c/main/credit", 20, 0)
	b.tick(time.Minute-1, "hold/hold/h") // not yet
	b.has("a/main/credit", 999_999_900, 50)
	b.tick(1, "hold/hold/h")
	b.has("a/main/credit", 999_999_950, 0)
	b.no("b holds.capture", `{"id":"h"}`, "not_found hold_not_found")
	b.ok("a holds.create", `{"id":"h","account":"a","amount":"10","beneficiary":"b"}`)
	b.ok("b holds.release", `{"id":"h"}`)
	b.ok("a holds.create", `{"id":"h","account":"a","amount":"10","beneficiary":"b"}`)
	b.ok("op holds.capture", `{"id":"h"}`)
	b.has("a/main/credit", 999_999_940, 0)
	b.has("b/main/credit", 40, 0)
}

// What rules have set aside is theirs alone: not even an operator takes it.
func TestHoldsOfRules(t *testing.T) {
	b := open(t)
	d := b.state.Draft()
	if err := d.Hold("auction/a7/a", "a/main/credit", 100, ledger.Why{Kind: "bid", Ref: "auction/a7"}); err != nil {
		t.Fatal(err)
	}
	d.Apply()
	for _, who := range []string{"a", "b", "op"} {
		b.no(who+" holds.capture", `{"id":"auction/a7/a","to":"b"}`, "permission_denied not_beneficiary")
		b.no(who+" holds.release", `{"id":"auction/a7/a"}`, "permission_denied not_beneficiary")
	}
	b.no("mabus holds.release", `{"id":"auction/a7/a"}`, "permission_denied not_owner")
	b.no("- holds.release", `{"id":"auction/a7/a"}`, "unauthenticated principal_missing")
}

func TestAllowances(t *testing.T) {
	b := open(t)
	b.ok("a allowances.set", `{"id":"w","account":"a","spender":"b","per_task":"20","per_period":"30","period":"1h","total":"100"}`)
	for _, row := range []struct{ what, body, want string }{
		{"b allowances.set", `{"id":"x","account":"a","spender":"b","total":"1"}`, "permission_denied not_owner"},
		{"b allowances.set", `{"id":"w","account":"b","spender":"b","total":"1"}`, "permission_denied not_owner"},
		{"a allowances.set", `{"id":"w","account":"a/other","spender":"b","total":"1"}`, "failed_precondition"},
		{"a allowances.set", `{"id":"x","account":"a","spender":"b"}`, "invalid missing_required_fields"},
		{"a allowances.set", `{"id":"x","account":"a","spender":"b","total":"-1"}`, "invalid"},
		{"a allowances.set", `{"id":"x","account":"a","spender":"b","per_period":"1"}`, "invalid missing_required_fields"},
		{"a allowances.set", `{"id":"x","account":"a","spender":"b","total":"1","period":"1s"}`, "invalid missing_required_fields"},
		{"a allowances.set", `{"id":"x","account":"a","spender":"b","per_period":"1","period":"1ms"}`, "invalid"},
		{"a allowances.set", `{"id":"x","account":"a","total":"1"}`, "invalid missing_required_fields"},
		{"b accounts.transfer", `{"from":"a","to":"b","amount":"1"}`, "permission_denied not_owner"},
		{"b accounts.transfer", `{"from":"a","to":"b","amount":"25","allowance":"w"}`, "failed_precondition allowance_exceeded"},
		{"c accounts.transfer", `{"from":"a","to":"b","amount":"1","allowance":"w"}`, "permission_denied not_spender"},
		{"b accounts.transfer", `{"from":"a/main/gold","to":"b/main/gold","amount":"1","allowance":"w"}`, "permission_denied not_spender"},
		{"b allowances.remove", `{"id":"w"}`, "permission_denied not_owner"},
		{"a allowances.remove", `{"id":"x"}`, "not_found allowance_not_found"},
	} {
		b.no(row.what, row.body, row.want)
	}
	b.ok("b accounts.transfer", `{"from":"a","to":"c","amount":"20","allowance":"w"}`)
	b.no("b holds.create", `{"account":"a","amount":"11","beneficiary":"c","allowance":"w"}`, "failed_precondition allowance_exceeded")
	b.ok("b holds.create", `{"id":"h","account":"a","amount":"10","beneficiary":"c","allowance":"w","expires_in":"1m"}`)
	b.no("b accounts.transfer", `{"from":"a","to":"c","amount":"1","allowance":"w"}`, "failed_precondition allowance_exceeded")
	b.tick(time.Minute, "hold/hold/h") // what has expired counts no more
	b.ok("b accounts.transfer", `{"from":"a","to":"c","amount":"10","allowance":"w"}`)
	b.has("c/main/credit", 30, 0)
	var w api.Allowance
	if err := json.Unmarshal([]byte(b.ok("a allowances.remove", `{"id":"w"}`)), &w); err != nil || w.Spent != 30 || w.Spender != "b" {
		t.Errorf("%+v, %v", w, err)
	}
	b.no("b accounts.transfer", `{"from":"a","to":"c","amount":"1","allowance":"w"}`, "not_found allowance_not_found")
}
