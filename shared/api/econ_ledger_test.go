package api_test

import (
	"strings"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
)

func TestParseAccount(t *testing.T) {
	long := strings.Repeat("a", 64)
	for s, want := range map[string]api.AccountID{
		"a1": "a1/main/credit", "a1/stake": "a1/stake/credit", "a1/stake/gold": "a1/stake/gold", long: api.AccountID(long + "/main/credit"),
		"": "", "/": "", "a1/": "", "/main": "", "a1//credit": "", "a1/main/": "", "a1/main/credit/x": "", "a1/main/credit/": "", "a b": "", "ä": "",
		long + "a": "", "a1/m.n": "",
	} {
		got, err := api.ParseAccount(s)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", s, got, err, want)
		}
		if err != nil && (api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != api.ReasonInvalidAccount) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// FuzzParseAccount: what is read is whole, reads back as itself, and has the parts that it was made of.
func FuzzParseAccount(f *testing.F) {
	for _, s := range []string{"a", "a/b", "a/b/c", "a/b/c/d", "//", "a//c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := api.ParseAccount(s)
		if short := api.AccountID(s); err == nil && (short.Owner() != id.Owner() || short.Purpose() != id.Purpose() || short.Asset() != id.Asset()) {
			t.Errorf("%q means another account than %q", s, id)
		}
		if err != nil {
			return
		}
		if again, err := api.ParseAccount(string(id)); err != nil || again != id {
			t.Errorf("%q reads back as %q, %v", id, again, err)
		}
		if made := api.Account(id.Owner(), id.Purpose(), id.Asset()); made != id {
			t.Errorf("the parts of %q make %q", id, made)
		}
	})
}

// Each row is a request about money and the fields that its refusal names; none for one that is good.
func TestValidateLedger(t *testing.T) {
	hour := api.Duration(3600e9)
	for _, row := range []struct {
		req    api.Validator
		fields string
	}{
		{&api.TransferRequest{From: "a", To: "b", Amount: 1}, ""},
		{&api.TransferRequest{From: "a", To: "b", Amount: api.MaxAmount, Note: strings.Repeat("x", 256), Allowance: "w"}, ""},
		{&api.TransferRequest{From: "a", To: "b", Amount: api.MaxAmount + 1}, "amount"},
		{&api.TransferRequest{From: "a", To: "b"}, "amount"},
		{&api.TransferRequest{From: "a", To: "a/main/credit", Amount: 1}, "from to"},
		{&api.TransferRequest{To: "b", Amount: 1}, "from"},
		{&api.TransferRequest{From: "a", To: "b//", Amount: 1}, "to"},
		{&api.TransferRequest{From: "a", To: "b", Amount: 1, Note: strings.Repeat("x", 257)}, "note"},
		{&api.TransferRequest{From: "a", To: "b", Amount: 1, Allowance: "a b"}, "allowance"},
		{&api.MintRequest{To: "a", Amount: -1}, "amount"},
		{&api.BurnRequest{From: "", Amount: 1}, "from"},
		{&api.StatementRequest{Account: "a", Limit: 64}, ""},
		{&api.StatementRequest{Account: "a", Limit: 65}, "limit"},
		{&api.StatementRequest{Account: "a", Limit: -1}, "limit"},
		{&api.AccountWaitRequest{Account: "a", Wait: -1}, "wait"},
		{&api.AssetCreateRequest{ID: "gold", Description: strings.Repeat("x", 1024)}, ""},
		{&api.AssetCreateRequest{ID: "gold", Description: strings.Repeat("x", 1025)}, "description"},
		{&api.AssetCreateRequest{}, "id"},
		{&api.HoldCreateRequest{Account: "a", Amount: 1, Beneficiary: "b", ExpiresIn: 366 * 24 * hour}, ""},
		{&api.HoldCreateRequest{Account: "a", Amount: 1, Beneficiary: "b", ExpiresIn: 366*24*hour + 1}, "expires_in"},
		{&api.HoldCreateRequest{Account: "a", Amount: 1, Beneficiary: "b/c"}, "beneficiary"},
		{&api.HoldCreateRequest{ID: "a/b", Account: "a", Amount: 1, Beneficiary: "b"}, "id"},
		{&api.HoldKey{ID: "h"}, ""},
		{&api.HoldKey{ID: "auction/a7/a1"}, ""},
		{&api.HoldKey{ID: "a/b/c/d/e"}, "id"},
		{&api.HoldKey{ID: strings.Repeat("/", 1<<16)}, "id"},
		{&api.HoldKey{}, "id"},
		{&api.HoldCaptureRequest{ID: "h"}, ""},
		{&api.HoldCaptureRequest{ID: "h", Amount: -1}, "amount"},
		{&api.HoldCaptureRequest{ID: "h", To: "/"}, "to"},
		{&api.HoldsListRequest{Owner: "a"}, ""},
		{&api.HoldsListRequest{}, "account owner beneficiary"},
		{&api.HoldsListRequest{Owner: "a", Account: "a"}, "account owner beneficiary"},
		{&api.HoldsListRequest{Owner: "a", Limit: 1001}, "limit"},
		{&api.AllowanceSpec{ID: "w", Account: "a", Spender: "b", PerPeriod: 1, Period: hour}, ""},
		{&api.AllowanceSpec{ID: "w", Account: "a", Spender: "b"}, "per_task per_period total"},
		{&api.AllowanceSpec{ID: "w", Account: "a", Spender: "b", PerTask: 1, Period: hour}, "per_period period"},
		{&api.AllowanceSpec{ID: "w", Account: "a", Spender: "b", PerPeriod: 1, Period: 1}, "period"},
		{&api.AllowanceSpec{ID: "w", Account: "a", Spender: "b", PerPeriod: 1, Period: 366*24*hour + 1}, "period"},
		{&api.AllowanceSpec{ID: "w", Account: "a", Spender: "b", PerPeriod: 1, Period: -hour}, "period"},
		{&api.AllowanceSpec{ID: "w", Account: "a", Spender: "b", Total: -5}, "total"},
		{&api.AllowanceSpec{ID: "w", Account: "a", Total: 5}, "spender"},
		{&api.AllowancesListRequest{Spender: "b"}, ""},
		{&api.AllowancesListRequest{}, "owner spender"},
		{&api.AccountsListRequest{}, "owner"},
	} {
		err := row.req.Validate()
		if got := strings.Join(fieldsOf(err), " "); got != row.fields || (err == nil) != (row.fields == "") {
			t.Errorf("%+v: %v, want a refusal of %q", row.req, err, row.fields)
		}
	}
}

func fieldsOf(err error) []string {
	if e := api.AsError(err); e != nil {
		return e.Details.Fields
	}
	return nil
}
