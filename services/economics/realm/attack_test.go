package realm_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// must has somebody's command carried out.
func (l *trio) must(by, kind, body string) {
	l.Helper()
	if r := l.fair(by, kind, body); r.Err != nil {
		l.Fatalf("%s: %v", l.last, r.Err)
	}
}

// refused wants a command to be refused for a reason.
func (l *trio) refused(by, kind, body, reason string) {
	l.Helper()
	if r := l.fair(by, kind, body); r.Err == nil || r.Err.Details.Reason != reason {
		l.Fatalf("%s: %v, want %s", l.last, r.Err, reason)
	}
}

// fair is a command of which nobody says that its id is taken.
func (l *trio) fair(by, kind, body string) *engine.Reply {
	l.Helper()
	c := l.command(kind, by, body)
	call := act.ParseCall(c.Key)
	call.Taken = false
	c.Key = call.String()
	a := l.apply(c)
	l.settle(0)
	return &a.Replies[0]
}

func (l *trio) has(account string) string {
	a := l.state().Ledger.Accounts[account]
	if a == nil {
		return "0+0"
	}
	return fmt.Sprintf("%d+%d", a.Available, a.Held)
}

// Who calls itself as the system does spends nothing of what the system has, in whichever way.
func TestNobodyIsTheSystem(t *testing.T) {
	l := newTrio(t, 1)
	l.must("operator", "accounts.mint", `{"to":"mabus","amount":"1000000000"}`)
	l.must("operator", "stakes.configure", `{"minimum":"1000"}`)
	l.must("ann", "pools.create", `{"id":"x1","rates":{"late":0.1}}`)
	l.must("ann", "auctions.create", `{"id":"x1","type":"english","item":1}`)
	l.must("ann", "auctions.create", `{"id":"x2","type":"vickrey","item":1}`)
	before := l.has("mabus/main/credit")
	for _, c := range [][2]string{
		{"auctions.bid", `{"auction":"x1","price":"5000000"}`},
		{"auctions.bid", `{"auction":"x2","price":"5000000"}`},
		{"stakes.put", `{"amount":"5000000"}`},
		{"pools.fund", `{"pool":"x1","amount":"5000000"}`},
		{"accounts.transfer", `{"from":"mabus","to":"eve","amount":"5000000"}`},
		{"markets.create", `{"id":"x1","name":"n","type":"prediction","outcomes":["yes","no"],"liquidity":"5000000"}`},
		{"tenders.announce", `{"id":"x1","task":{"capability":"c"},"budget":"5000000"}`},
		{"holds.create", `{"account":"mabus","amount":"5000000","beneficiary":"eve"}`},
		{"reports.ask", `{"agent":"eve","kind":"quality","base":"5000000","scale":"5000000"}`},
		{"bazaars.create", `{"id":"x1","name":"n","listing_fee":"5000000"}`},
		{"allowances.set", `{"id":"x1","account":"mabus","spender":"eve","total":"5000000"}`},
	} {
		r := l.fair(api.SystemOwner, c[0], c[1])
		if after := l.has("mabus/main/credit"); after != before {
			t.Errorf("%s: the system had %s and has %s", c[0], before, after)
			before = after
		}
		if r.Err == nil {
			t.Errorf("%s is done for the system", c[0])
		}
	}
}

// Shares are an asset of the rules. When they are paid, nobody makes an asset of the same name, to sell it to those who wait for shares.
func TestNamesOfSharesStayTaken(t *testing.T) {
	l := newTrio(t, 1)
	l.must("operator", "accounts.mint", `{"to":"ann","amount":"1000000000"}`)
	l.must("ann", "markets.create", `{"id":"m","name":"n","type":"prediction","outcomes":["yes","no"],"liquidity":"5000000"}`)
	l.must("ann", "markets.create", `{"id":"b","name":"n","type":"continuous","commodity":"m-1"}`)
	l.must("ann", "markets.order", `{"market":"b","side":"buy","price":"500000","quantity":100}`)
	l.must("ann", "markets.resolve", `{"id":"m","outcome":1}`)
	if _, ok := l.state().Ledger.Assets["m-1"]; ok {
		t.Fatal("the shares are still there")
	}
	if r := l.fair("eve", "assets.create", `{"id":"m-1"}`); r.Err == nil {
		l.must("eve", "accounts.mint", `{"to":"eve/main/m-1","amount":"100000000"}`)
		l.must("eve", "markets.order", `{"market":"b","side":"sell","price":"500000","quantity":100}`)
		t.Errorf("eve has %s for what she has made", l.has("eve/main/credit"))
	}
}

// Bids that come and go leave nothing behind.
func TestBidsThatGoLeaveNothing(t *testing.T) {
	l := newTrio(t, 1)
	l.must("operator", "accounts.mint", `{"to":"ann","amount":"1000000000"}`)
	l.must("ann", "tenders.announce", `{"id":"t","task":{"capability":"c"},"budget":"5000000","bidding":"1h"}`)
	l.must("bob", "tenders.bid", `{"id":"t","price":"4000000"}`)
	for i := range 300 {
		by := fmt.Sprintf("s%d", i)
		l.must(by, "tenders.bid", `{"id":"t","price":"1000000"}`)
		l.must(by, "tenders.withdraw", `{"id":"t"}`)
	}
	if n := len(l.state().Tenders.Tenders["t"].Bidders); n > 50 {
		t.Errorf("the tender remembers %d bidders", n)
	}
	l.pass(time.Hour)
	l.must("bob", "contracts.deliver", `{"id":"tender-t","result":1}`)
}

// What goes round and round in a pool is never more than a number holds.
func TestSumsDoNotOverflow(t *testing.T) {
	l := newTrio(t, 1)
	l.must("operator", "accounts.mint", `{"to":"ann","amount":"9000000"}`)
	l.must("ann", "pools.create", `{"id":"p","rates":{"late":0.1}}`)
	for _, e := range l.replicas { // as if it had gone round ten thousand times
		p := e.State().Risk.Pools["p"]
		p.Funded, p.Withdrawn, p.Premiums = math.MaxInt64-5, math.MaxInt64-5, math.MaxInt64-5
	}
	l.must("ann", "pools.fund", `{"pool":"p","amount":"5000000"}`)
	l.must("ann", "policies.buy", `{"pool":"p","value":"1000000","types":["late"],"term":"1h"}`)
	l.must("ann", "pools.withdraw", `{"pool":"p","amount":"1000000"}`)
	if p := l.state().Risk.Pools["p"]; p.Funded < 0 || p.Withdrawn < 0 || p.Premiums < 0 {
		t.Errorf("funded %d, withdrawn %d, premiums %d", p.Funded, p.Withdrawn, p.Premiums)
	}
}

// What the clock cannot do now, since there is no room, it does when there is: nobody's money stays where it is for ever.
func TestTheClockTriesAgain(t *testing.T) {
	l := newTape(t)
	ask := func(by, kind, body string) { l.must(command(kind, by, json.RawMessage(body))) }
	ask("operator", "accounts.mint", `{"to":"ann","amount":"9000000"}`)
	ask("ann", "reports.ask", `{"id":"r","agent":"bob","kind":"quality","base":"1000000","scale":"1000000","judge":"dan","settle_within":"5s"}`)
	ask("bob", "reports.submit", `{"id":"r","belief":0.5}`)
	ask("ann", "tenders.announce", `{"id":"t","task":{"capability":"c"},"budget":"5000000","terms":{"judging":"5s"}}`)
	ask("bob", "tenders.bid", `{"id":"t","price":"1000000"}`)
	ask("ann", "tenders.award", `{"id":"t"}`)
	ask("bob", "contracts.deliver", `{"id":"tender-t","result":1}`)
	accounts, full := l.e.State().Ledger.Accounts, &ledger.Account{}
	for i := range api.MaxAccounts {
		accounts[fmt.Sprintf("full%d/main/credit", i)] = full
	}
	l.now = l.now.Add(10 * time.Second) // bob is to be paid for both, and has no account yet
	l.apply()
	for id, a := range accounts {
		if a == full {
			delete(accounts, id)
		}
	}
	for range 4 {
		l.now = l.now.Add(30 * time.Second)
		l.apply()
	}
	a := accounts["bob/main/credit"]
	if a == nil || a.Available != 6_000_000 || len(l.e.State().Ledger.Holds) > 0 {
		t.Errorf("bob has %+v, held are %v", a, l.e.State().Ledger.Holds.IDs())
	}
}

// Pools that are over make room for others.
func TestClosedPoolsAreForgotten(t *testing.T) {
	l := newTrio(t, 1)
	l.must("operator", "accounts.mint", `{"to":"ann","amount":"9000000"}`)
	l.must("operator", "stakes.configure", `{"retention":"30s"}`)
	for range api.MaxPools + 1 {
		l.must("eve", "pools.create", `{"id":"q","rates":{"late":0.1}}`)
		l.must("eve", "pools.close", `{"id":"q"}`)
	}
	l.must("eve", "pools.create", `{"id":"p","rates":{"late":0.1}}`)
	l.must("ann", "pools.fund", `{"pool":"p","amount":"5000000"}`)
	l.must("ann", "policies.buy", `{"id":"p","pool":"p","value":"1000000","types":["late"],"term":"5s"}`)
	l.must("eve", "pools.close", `{"id":"p"}`)
	l.must("ann", "claims.file", `{"id":"c","policy":"p","type":"late","event":"e","loss":"1000000"}`)
	l.pass(20 * time.Second)
	l.must("operator", "claims.judge", `{"request":{"id":"c"}}`)
	for range 8 {
		l.pass(20 * time.Second)
	}
	left := strings.TrimSuffix(l.has("mabus/pool-p/credit"), "+0")
	l.must("eve", "pools.withdraw", `{"pool":"p","amount":"`+left+`"}`)
	if s := l.state().Risk; len(s.Pools)+len(s.Policies)+len(s.Claims)+len(s.Occasions) > 0 {
		t.Errorf("left: pools %v, policies %v, claims %v", s.Pools.IDs(), s.Policies.IDs(), s.Claims.IDs())
	}
	l.refused("eve", "pools.withdraw", `{"pool":"p","amount":"1"}`, api.ReasonPoolNotFound)
}

// A market in which nothing can trade costs no time, however often it would be cleared; it is cleared on time when something can.
func TestIdleMarketsCostNothing(t *testing.T) {
	l := newTrio(t, 1)
	l.must("operator", "accounts.mint", `{"to":"ann","amount":"9000000"}`)
	l.must("eve", "assets.create", `{"id":"gold"}`)
	l.must("bob", "markets.create", `{"id":"m","name":"n","type":"call","commodity":"gold","clear_every":"2s"}`)
	l.must("eve", "accounts.mint", `{"to":"eve/main/gold","amount":"9000000"}`)
	opened := l.now
	fired := func(d time.Duration) (n int) {
		for range int(d / (500 * time.Millisecond)) {
			l.now = l.now.Add(500 * time.Millisecond)
			n += l.apply().Fired
		}
		return n
	}
	if n := fired(40 * time.Second); n > 2 {
		t.Errorf("%d timers for a market without orders", n)
	}
	l.must("ann", "markets.order", `{"market":"m","side":"buy","price":"1000000","quantity":1}`)
	if n := fired(40 * time.Second); n > 2 {
		t.Errorf("%d timers for a market with one order", n)
	}
	l.must("eve", "markets.order", `{"market":"m","side":"sell","price":"1000000","quantity":1}`)
	fired(3 * time.Second)
	m := l.state().Markets.Markets["m"]
	if m.Trades != 1 || m.Recent[0].At.Sub(opened)%(2*time.Second) != 0 {
		t.Errorf("trades %d, cleared %s after it was opened", m.Trades, m.Recent[0].At.Sub(opened))
	}
}
