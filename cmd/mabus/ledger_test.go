package main

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// TestEconomyUsage: what a service would refuse anyway is a usage error, before anything is sent: no server is there to ask.
func TestEconomyUsage(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{`ledger get`, "--as PRINCIPAL"},
		{`ledger get a.b`, "no account"},
		{`ledger accounts`, "OWNER"},
		{`ledger watch a/b/c/d`, "no account"},
		{`ledger transfer ann bob`, "accepts 3"},
		{`ledger transfer ann bob 1,5`, "is no amount"},
		{`ledger transfer ann bob NaN`, "is no amount"},
		{`ledger transfer ann bob 0.0000001`, "is no amount"},
		{`ledger transfer ann bob 1e3`, "is no amount"},
		{`ledger transfer ann bob 0`, "above 0"},
		{`ledger transfer ann bob -- -1`, "is no amount"},
		{`ledger transfer ann ann/main 1`, "the same account"},
		{`ledger mint ann 99999999999999999`, "is no amount"},
		{`ledger statement ann --until yesterday`, "--until"},
		{`ledger holds create ann 1`, "beneficiary is required"},
		{`ledger holds capture rent 0`, "above 0"},
		{`ledger holds list --owner ann --beneficiary bob`, "one of account"},
		{`ledger allowances set x ann bob`, "per_task"},
		{`ledger allowances list`, "--owner or --spender"},
		{`ledger nonsense`, "no command"},
		{`markets create x`, "commodity"},
		{`markets create x --commodity gold --type nonsense`, "type must be"},
		{`markets create x --commodity gold --metadata {oops`, "--metadata"},
		{`markets create x --outcome yes --liquidity 1`, "outcomes must be 2"},
		{`markets create x --commodity gold --fee 1`, "fee must be"},
		{`markets order gold hold 1 1`, "buy or sell"},
		{`markets order gold buy 1.5 1`, "QUANTITY"},
		{`markets order gold buy 0 1`, "quantity must be"},
		{`markets order gold buy 1 NaN`, "is no amount"},
		{`markets order gold buy 1 1 --type market`, "no price"},
		{`markets order gold buy 1 --type fok`, "price must be"},
		{`markets order gold buy 1000000000 1000000000`, "price times quantity"},
		{`markets cancel gold x`, "ORDER"},
		{`markets cancel gold -- -1`, "ORDER"},
		{`markets book gold --depth 1001`, "depth must be"},
		{`markets resolve snow`, "OUTCOME or --void"},
		{`markets resolve snow yes --void`, "OUTCOME or --void"},
		{`markets get a.b`, "id must"},
		{`tenders announce dig`, "budget must be"},
		{`tenders announce dig --budget 1 --terms {oops`, "--terms"},
		{`tenders announce dig --budget 1 --weights {"prize":1}`, "--weights"},
		{`tenders announce dig --budget 1 --rule nonsense`, "rule must be"},
		{`tenders announce dig --budget 1 --min-reputation 2`, "min_reputation"},
		{`tenders announce dig --budget free`, "--budget"},
		{`tenders bid t1 free`, "is no amount"},
		{`tenders bid t1 0`, "price must be"},
		{`tenders complete t1 maybe`, "outcome must be"},
		{`tenders complete t1 done --quality good`, "--quality"},
		{`tenders get a.b`, "id must"},
		{`contracts accept tender-t1 --quality 1.5`, "quality must be"},
		{`contracts list --state nonsense`, "state must be"},
		{`bazaars buy town --max-cost 5`, "OFFER or --service"},
		{`bazaars buy town fr --service translate --max-cost 5`, "left out"},
		{`bazaars offer town translate NaN`, "is no amount"},
		{`bazaars create x --fee 2`, "transaction_fee"},
		{`prices knapsack {oops`, "REQUEST"},
		{`prices knapsack {"budget":"-1"}`, "budget must be"},
		{`prices supply-demand free 1 1`, "is no amount"},
		{`prices dynamic 2 -- -1 1`, "requests must be"},
		{`prices fee a 1 --discount 2`, "discount_rate"},
	} {
		root := newRoot()
		root.SetArgs(append([]string{"--server", "nats://127.0.0.1:1", "--as", ""}, strings.Fields(tt.line)...))
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		if err := root.ExecuteContext(t.Context()); !errors.Is(err, errUsage) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("mabus %s: got %v, want a usage error with %q", tt.line, err, tt.want)
		}
	}
}
