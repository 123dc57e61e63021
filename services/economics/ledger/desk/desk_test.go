package desk_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/ledger/desk"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// bank is a ledger with a clock. The principal "op" is its operator.
type bank struct {
	t     *testing.T
	state *ledger.State
	now   time.Time
	acts  int
}

// open returns a bank in which a has 1,000 units of credit, and of gold, which smith issues, 50.
func open(t *testing.T) *bank {
	b := &bank{t: t, state: ledger.New(), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	b.ok("op accounts.mint", `{"to":"a","amount":"1000000000"}`)
	b.ok("smith assets.create", `{"id":"gold","description":"of a kind"}`)
	b.ok("smith accounts.mint", `{"to":"a/main/gold","amount":"50000000"}`)
	return b
}

// do carries out a command, "<principal> <kind>", with "-" for nobody, and returns its answer as JSON.
func (b *bank) do(what, body string) (string, error) {
	b.t.Helper()
	who, kind, _ := strings.Cut(what, " ")
	b.acts++
	d := b.state.Draft()
	d.Now = b.now
	a := &act.Act{Time: b.now, Principal: strings.TrimPrefix(who, "-"), Operator: who == "op", ID: fmt.Sprintf("id-%d", b.acts), Ledger: d}
	answer, err := desk.Commands[kind](a, d, []byte(body))
	if err != nil {
		return "", err
	}
	if err := d.Check(); err != nil {
		b.t.Fatal(err)
	}
	d.Apply()
	if err := b.state.Audit(); err != nil {
		b.t.Fatal(err)
	}
	raw, err := codec.Marshal(answer)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(raw), nil
}

func (b *bank) ok(what, body string) string {
	b.t.Helper()
	answer, err := b.do(what, body)
	if err != nil {
		b.t.Fatalf("%s %s: %v", what, body, err)
	}
	return answer
}

// no wants a refusal, "<code> <reason>", that changes nothing.
func (b *bank) no(what, body, want string) {
	b.t.Helper()
	before := b.bytes()
	_, err := b.do(what, body)
	if got := strings.TrimSpace(string(api.CodeOf(err)) + " " + api.ReasonOf(err)); got != want {
		b.t.Errorf("%s %s: got %v, want %s", what, body, err, want)
	}
	if !bytes.Equal(before, b.bytes()) {
		b.t.Errorf("%s %s has changed something", what, body)
	}
}

func (b *bank) bytes() []byte {
	raw, err := codec.Marshal(b.state)
	if err != nil {
		b.t.Fatal(err)
	}
	return raw
}

// has wants what an account has available and held.
func (b *bank) has(id api.AccountID, available, held api.Micro) {
	b.t.Helper()
	if av, he := b.state.Draft().Balance(id); av != available || he != held {
		b.t.Errorf("%s has %d and %d held, want %d and %d", id, av, he, available, held)
	}
}

func TestTransfer(t *testing.T) {
	b := open(t)
	var r api.TransferResponse
	if err := json.Unmarshal([]byte(b.ok("a accounts.transfer", `{"from":"a","to":"b/savings","amount":"5","note":"tea"}`)), &r); err != nil {
		t.Fatal(err)
	}
	want := api.LedgerEntry{Number: 2, At: b.now, Counter: "b/savings/credit", Amount: -5, Balance: 999_999_995, Kind: "transfer", Ref: "tea"}
	if r.From != "a/main/credit" || r.Entry != want {
		t.Errorf("got %+v", r)
	}
	b.has("b/savings/credit", 5, 0)
	for _, row := range []struct{ who, body, want string }{
		{"-", `{"from":"a","to":"b","amount":"1"}`, "unauthenticated principal_missing"},
		{"b", `{"from":"a","to":"b","amount":"1"}`, "permission_denied not_owner"},
		{"a", `{"from":"a","to":"a/main/credit","amount":"1"}`, "invalid invalid_account"},
		{"a", `{"from":"a","to":"a/main/gold","amount":"1"}`, "invalid asset_mismatch"},
		{"a", `{"from":"a","to":"mabus/pool","amount":"1"}`, "permission_denied operator_only"},
		{"a", `{"from":"mabus/fees","to":"a","amount":"1"}`, "permission_denied not_owner"},
		{"mabus", `{"from":"mabus/fees","to":"a","amount":"1"}`, "permission_denied not_owner"},
		{"op", `{"from":"mabus/issue","to":"a","amount":"1"}`, "invalid invalid_account"},
		{"a", `{"from":"a","to":"mabus/issue","amount":"1"}`, "permission_denied operator_only"},
		{"a", `{"from":"a","to":"b/c/d/e","amount":"1"}`, "invalid invalid_account"},
		{"a", `{"from":"a","to":"b/","amount":"1"}`, "invalid invalid_account"},
		{"a", `{"from":"a","amount":"1"}`, "invalid missing_required_fields"},
		{"a", `{"from":"a","to":"b","amount":"999999996"}`, "failed_precondition insufficient_funds"},
		{"nobody", `{"from":"nobody","to":"b","amount":"1"}`, "failed_precondition insufficient_funds"},
		{"a", `{"from":"a/main/tin","to":"b/main/tin","amount":"1"}`, "failed_precondition insufficient_funds"},
		{"a", `{"from":"a","to":"b","amount":"1","allowance":"w"}`, "not_found allowance_not_found"},
		{"a", `{"from":"a","to":"b","amount":"1","note":"` + strings.Repeat("x", 257) + `"}`, "invalid"},
	} {
		b.no(row.who+" accounts.transfer", row.body, row.want)
	}
	for _, amount := range []string{`"-1"`, `"0"`, `""`, `"1000000000000001"`, `"9223372036854775807"`} {
		b.no("a accounts.transfer", `{"from":"a","to":"b","amount":`+amount+`}`, map[bool]string{true: "invalid malformed", false: "invalid"}[amount == `""`])
	}
	for _, amount := range []string{`"1.5"`, `"NaN"`, `"1e9"`, `"9223372036854775808"`, `"0x10"`, `5`, `null5`, `[]`} {
		b.no("a accounts.transfer", `{"from":"a","to":"b","amount":`+amount+`}`, "invalid malformed")
	}
	b.ok("op accounts.transfer", `{"from":"a","to":"mabus/pool","amount":"7"}`) // an operator acts for everybody
	b.has("mabus/pool/credit", 7, 0)
	if n := b.state.Quotas["a"].Accounts; n != 1 || b.state.Quotas["op"] != nil {
		t.Errorf("%d accounts are counted as opened by a, want that of b", n)
	}
}

func TestMintAndBurn(t *testing.T) {
	b := open(t)
	b.has("a/main/credit", 1_000_000_000, 0)
	b.ok("op accounts.burn", `{"from":"a","amount":"1000000"}`)
	b.has("a/main/credit", 999_000_000, 0)
	b.ok("a accounts.transfer", `{"from":"a/main/gold","to":"smith/main/gold","amount":"20000000"}`)
	b.ok("smith accounts.burn", `{"from":"smith/main/gold","amount":"20000000"}`)
	for _, row := range []struct{ what, body, want string }{
		{"- accounts.mint", `{"to":"a","amount":"1"}`, "unauthenticated principal_missing"},
		{"a accounts.mint", `{"to":"a","amount":"1"}`, "permission_denied operator_only"},
		{"smith accounts.mint", `{"to":"smith","amount":"1"}`, "permission_denied operator_only"},
		{"a accounts.mint", `{"to":"a/main/gold","amount":"1"}`, "permission_denied not_issuer"},
		{"op accounts.mint", `{"to":"a/main/gold","amount":"1"}`, "permission_denied not_issuer"},
		{"smith accounts.mint", `{"to":"smith/main/tin","amount":"1"}`, "not_found asset_not_found"},
		{"smith accounts.mint", `{"to":"mabus/pool/gold","amount":"1"}`, "permission_denied operator_only"},
		{"op accounts.mint", `{"to":"mabus/issue","amount":"1"}`, "invalid invalid_account"},
		{"smith accounts.burn", `{"from":"a/main/gold","amount":"1"}`, "permission_denied not_owner"},
		{"a accounts.burn", `{"from":"a/main/gold","amount":"1"}`, "permission_denied not_issuer"},
		{"a accounts.burn", `{"from":"a","amount":"1"}`, "permission_denied operator_only"},
		{"op accounts.burn", `{"from":"a","amount":"999000001"}`, "failed_precondition insufficient_funds"},
		{"smith assets.create", `{"id":"gold"}`, "conflict asset_exists"},
		{"smith assets.create", `{"id":"credit"}`, "conflict asset_exists"},
		{"- assets.create", `{"id":"tin"}`, "unauthenticated principal_missing"},
		{"mabus assets.create", `{"id":"tin"}`, "permission_denied not_owner"},
		{"smith assets.create", `{"id":"m-1"}`, "invalid"},
		{"smith assets.create", `{"id":"-007"}`, "invalid"},
		{"smith assets.create", `{"id":"a/b"}`, "invalid"},
	} {
		b.no(row.what, row.body, row.want)
	}
	d := b.state.Draft() // an asset of rules is nobody's to mint
	if err := d.Issue("a/main/m1-1", 5, ledger.Why{Kind: "prediction"}); err != nil {
		t.Fatal(err)
	}
	d.Apply()
	b.no("op accounts.mint", `{"to":"a/main/m1-1","amount":"1"}`, "permission_denied not_issuer")
	b.no("mabus accounts.mint", `{"to":"a/main/m1-1","amount":"1"}`, "permission_denied not_owner")
}
