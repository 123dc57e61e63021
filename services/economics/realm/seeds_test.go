package realm_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/services/economics/market"
	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/services/economics/risk"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// people ask, and are named. One of them bears the name of the system, and one has none.
var people = []string{"ann", "bob", "cat", "dan", "eve"}

func (l *trio) who() string {
	switch l.IntN(24) {
	case 0:
		return ""
	case 1:
		return api.SystemOwner
	}
	return pick(l, people)
}

// party draws somebody who has a reason to ask for a command of a kind; "" is nobody in particular.
func (l *trio) party(kind string) string {
	s := l.state()
	switch noun, verb, _ := strings.Cut(kind, "."); noun {
	case "auctions":
		if verb == "reveal" || verb == "withdraw" {
			_, bidder, _ := strings.Cut(known(l, s.Auctions.Bids, func(_ string, b *auction.Bid) bool { return b.State == api.BidCommitted }), "/")
			return bidder
		}
		if x, ok := s.Auctions.Auctions[known(l, s.Auctions.Auctions)]; ok && verb != "bid" {
			return x.Owner
		}
	case "contracts":
		if c, ok := s.Contracts.Contracts[known(l, s.Contracts.Contracts)]; ok {
			return pick(l, []string{c.Buyer, c.Provider})
		}
	case "claims":
		if verb == "judge" {
			return "ann" // the owner of a pool
		}
		if p, ok := s.Risk.Policies[known(l, s.Risk.Policies)]; ok {
			return p.Holder
		}
	case "violations":
		if v, ok := s.Risk.Violations[known(l, s.Risk.Violations)]; ok && verb == "appeal" {
			return v.Accused
		}
	case "reports":
		if r, ok := s.Reputation.Reports[known(l, s.Reputation.Reports)]; ok && verb == "submit" {
			return r.Agent
		}
	}
	return ""
}

// ids are few, and the same for things of all kinds.
var ids = []string{"x1", "x2", "x3", "x4", "x5", "x6", "x7"}

// known draws the id of something that is there, or one that may be. If there are some that fit, it is hardly ever another.
func known[R draft.Record[R]](l *trio, t draft.Table[R], fits ...func(id string, r R) bool) string {
	if len(t) == 0 || l.IntN(12) == 0 {
		return pick(l, ids)
	}
	all := t.IDs()
	for _, fit := range fits {
		if some := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !fit(id, t[id]) }); len(some) > 0 && l.IntN(12) > 0 {
			all = some
		}
	}
	return pick(l, all)
}

// seeds are requests that are good if what they name is there: @ and a word stands for a value. Of a kind that has none, requests are
// drawn by their type alone.
var seeds = map[string][]string{
	"accounts.transfer": {`{"from":"@me","to":"@who","amount":"@sum"}`, `{"from":"@who","to":"@who/main/gold","amount":"@sum","allowance":"@allowance"}`},
	"accounts.mint":     {`{"to":"@who","amount":"@much"}`, `{"to":"@me/main/gold","amount":"@much"}`},
	"accounts.burn":     {`{"from":"@me/main/gold","amount":"@sum"}`, `{"from":"@who","amount":"@sum"}`},
	"assets.create":     {`{"id":"gold"}`},
	"holds.create":      {`{"id":"@id","account":"@me","amount":"@sum","beneficiary":"@who","expires_in":"@s"}`, `{"account":"@who","amount":"@sum","beneficiary":"@who","allowance":"@allowance"}`},
	"holds.capture":     {`{"id":"@hold"}`, `{"id":"@hold","to":"@who","amount":"@sum"}`},
	"holds.release":     {`{"id":"@hold"}`},
	"allowances.set":    {`{"id":"@id","account":"@me","spender":"@who","total":"@much","per_task":"@sum","per_period":"@sum","period":"@s"}`},
	"allowances.remove": {`{"id":"@allowance"}`},
	"auctions.create": {
		`{"id":"@id","type":"english","item":1,"increment":"@sum","reserve":"@sum","duration":"@s","soft_close":"3s","buy_now":"@much"}`,
		`{"id":"@id","type":"english","asset":"gold","quantity":@n,"duration":"@s","fee":@part}`,
		`{"id":"@id","type":"english","reverse":true,"item":1,"reserve":"@sum","duration":"@s"}`,
		`{"id":"@id","type":"dutch","item":1,"start_price":"@much","step":"@sum","interval":"1s","reserve":"1"}`,
		`{"id":"@id","type":"dutch","reverse":true,"asset":"gold","start_price":"1","step":"@sum","interval":"1s","reserve":"@much"}`,
		`{"id":"@id","type":"sealed_bid","asset":"gold","quantity":@n,"duration":"@s","fee":@part}`,
		`{"id":"@id","type":"first_price","item":1,"duration":"@s","reveal":"20s","deposit":"@sum","forfeit":@part}`,
		`{"id":"@id","type":"vickrey","item":1,"duration":"@s","max_bidders":3}`,
		`{"id":"@id","type":"vickrey","reverse":true,"asset":"gold","quantity":@n,"reserve":"@much","duration":"@s"}`,
		`{"id":"@id","type":"uniform","asset":"gold","quantity":@n,"duration":"@s","fee":@part}`,
		`{"id":"@id","type":"uniform","item":1,"quantity":@n,"duration":"@s","reveal":"20s","deposit":"@sum","forfeit":1}`,
		`{"id":"@id","type":"double","asset":"gold","duration":"@s","fee":@part,"rule":"mcafee"}`, `{"id":"@id","type":"double","item":1,"duration":"@s"}`,
		`{"id":"@id","type":"combinatorial","items":[{"name":"p","asset":"gold"},{"name":"q","reserve":"@sum"},{"name":"r"}],"duration":"@s","fee":@part}`,
		`{"id":"@id","type":"combinatorial","reverse":true,"items":[{"name":"p","reserve":"@sum"},{"name":"q","reserve":"@sum"}],"duration":"@s"}`,
		`{"id":"@id","type":"multi_attribute","reverse":true,"item":1,"reserve":"@much","duration":"@s","rule":"second_score",
			"scoring":{"price_weight":0.5,"worst_price":"9000000","best_price":"0","attributes":[{"name":"speed","weight":0.5,"low":0,"high":1}]}}`,
		`{"id":"@id","type":"incentive","reverse":true,"item":1,"reserve":"@much","duration":"@s","completion":"9s","incentive":{"quality_rate":"10000","deadline":"@s","judge":"@who"}}`,
	},
	"auctions.bid": {
		`{"auction":"@auction","price":"@sum"}`, `{"auction":"@auction","price":"@sum","quantity":@n}`, `{"auction":"@auction","price":"@sum","max":"@much"}`,
		`{"auction":"@auction","price":"@sum","quantity":@n,"side":"@side"}`, `{"auction":"@auction","price":"@sum","items":["p"]}`, `{"auction":"@auction"}`,
		`{"auction":"@auction","price":"@sum","items":["q","r"]}`, `{"auction":"@auction","price":"@sum","attributes":[{"name":"speed","value":@part}]}`,
		`{"auction":"@auction","price":"@sum","account":"@me/savings"}`, `@commitment`, `@commitment`,
	},
	"auctions.reveal":         {`@reveal`},
	"auctions.withdraw":       {`{"auction":"@auction"}`},
	"auctions.close":          {`{"auction":"@auction"}`},
	"auctions.cancel":         {`{"auction":"@auction"}`},
	"auctions.settle":         {`{"auction":"@awarded","quality":@part,"took":"@s"}`},
	"contracts.deliver":       {`{"id":"@contract","result":1}`},
	"contracts.accept":        {`{"id":"@contract","quality":@part}`, `{"id":"@contract"}`},
	"contracts.reject":        {`{"id":"@contract"}`},
	"contracts.cancel":        {`{"id":"@contract"}`, `{"id":"@contract","forfeit":true}`},
	"tenders.announce":        {`{"id":"@id","task":{"capability":"c"},"budget":"@much","bidding":"@s","terms":{"fee":@part,"completion":"@s"}}`, `{"id":"@id","task":{"capability":"c"},"budget":"@much","expected":2,"rule":"second_score","execution":"task"}`, `{"id":"@id","task":{"capability":"c"},"budget":"@sum","execution":"announcer","invited":["ann","bob"],"terms":{"judge":"eve","judging":"@s","bonus":{"max":"@sum","speed_rate":"@sum","quality_rate":"@sum"}}}`},
	"tenders.bid":             {`{"id":"@tender","price":"@sum"}`, `{"id":"@tender","price":"@sum","time":"@s","quality":@part}`},
	"tenders.withdraw":        {`{"id":"@tender"}`},
	"tenders.award":           {`{"id":"@tender"}`},
	"tenders.cancel":          {`{"id":"@tender"}`},
	"tenders.complete":        {`{"id":"@tender","outcome":"done","quality":@part,"result":1}`, `{"id":"@tender","outcome":"failed"}`},
	"bazaars.create":          {`{"id":"@id","name":"n","transaction_fee":@part,"listing_fee":"@sum"}`},
	"bazaars.close":           {`{"id":"@bazaar"}`},
	"bazaars.list_service":    {`{"market":"@bazaar","id":"@id","service_type":"s","price":"@sum","completion":"@s","expires":"@s"}`},
	"bazaars.unlist":          {`{"market":"@bazaar","id":"@id"}`},
	"bazaars.request_service": {`{"market":"@bazaar","service_type":"s","max_cost":"@much"}`, `{"market":"@bazaar","listing":"@id","max_cost":"@much","judge":"@who"}`},
	"reputation.record":       {`{"agent":"@who","ref":"@id","quality":@part,"satisfaction":@part}`},
	"reputation.penalise":     {`{"agent":"@who","violation":"@kind","ref":"@id"}`},
	"reports.ask":             {`{"id":"@id","agent":"@who","kind":"quality","base":"@sum","scale":"@sum","judge":"@who","make_within":"@s","settle_within":"@s"}`},
	"reports.submit":          {`{"id":"@report","belief":@part}`},
	"reports.settle":          {`{"id":"@report","outcome":@part}`},
	"markets.create": {
		`{"id":"@id","name":"n","type":"continuous","commodity":"gold","fee":@part,"duration":"@s"}`, `{"id":"@id","name":"n","type":"call","commodity":"gold","clear_every":"@s","fee":@part}`,
		`{"id":"@id","name":"n","type":"sealed_bid","commodity":"gold"}`, `{"id":"@id","name":"n","type":"prediction","outcomes":["yes","no"],"liquidity":"@sum","oracle":"@who"}`,
	},
	"markets.order":        {`{"market":"@book","side":"@side","price":"@sum","quantity":@n}`, `{"market":"@book","side":"@side","type":"fok","price":"@sum","quantity":@n}`, `{"market":"@book","side":"@side","type":"market","quantity":@n}`},
	"markets.cancel_order": {`{"market":"@market","order":@n}`},
	"markets.clear":        {`{"id":"@book"}`},
	"markets.close":        {`{"id":"@market"}`},
	"markets.trade":        {`{"market":"@prediction","outcome":@n,"side":"buy","quantity":@n}`, `{"market":"@prediction","outcome":@n,"side":"sell","quantity":@n}`},
	"markets.resolve":      {`{"id":"@prediction","outcome":@n}`, `{"id":"@prediction","void":true}`},
	"markets.redeem":       {`{"market":"@prediction"}`},
	"stakes.configure":     {`{"minimum":"1000","unbonding":"@s","appeal":"@s","judging":"@s","retention":"@s","recovery":"@s","rates":{"fraud":@part,"late":1}}`},
	"stakes.put":           {`{"amount":"@sum"}`},
	"stakes.add":           {`{"amount":"@sum"}`},
	"stakes.unbond":        {`{"amount":"@sum"}`, `{"amount":"1000000"}`, `{"amount":"500"}`},
	"stakes.withdraw":      {`{"agent":"@me"}`},
	"stakes.restore":       {`{"agent":"@who","amount":"@n"}`},
	"violations.report":    {`{"accused":"@who","kind":"@kind","ref":"@id","harmed":"@who","harm":"@sum"}`, `{"id":"@id","accused":"@who","kind":"@kind","ref":"@id"}`},
	"violations.judge":     {`{"request":{"id":"@violation","uphold":true}}`, `{"request":{"id":"@violation"}}`, `{"request":{"id":"@violation","session":"s"},"session":{"id":"s"}}`},
	"violations.appeal":    {`{"id":"@violation","statement":"no"}`},
	"violations.overturn":  {`{"id":"@violation"}`},
	"pools.create":         {`{"id":"@id","rates":{"late":0.1,"fraud":0.2}}`},
	"pools.fund":           {`{"pool":"@pool","amount":"@much"}`},
	"pools.withdraw":       {`{"pool":"@pool","amount":"@sum"}`},
	"pools.close":          {`{"id":"@pool"}`},
	"policies.buy":         {`{"id":"@id","pool":"@pool","value":"@sum","types":["@kind"],"term":"60s"}`},
	"claims.file":          {`{"id":"@id","policy":"@mine","type":"@kind","event":"@id","loss":"@sum"}`},
	"claims.judge":         {`{"request":{"id":"@claim","approve":true}}`, `{"request":{"id":"@claim"}}`},
	"claims.appeal":        {`{"id":"@claim","statement":"but"}`},
	"breakers.set":         {`{"name":"@id","metric":"agent_failures","threshold":@part,"refuse":["orders","transfers"],"cool_down":"@s","window":"@s"}`, `{"name":"@id","metric":"slashing","threshold":@part,"refuse":["tenders"],"window":"@s"}`},
	"breakers.remove":      {`{"name":"@id"}`},
	"breakers.reset":       {`{"name":"@id"}`},
	"breakers.report":      {`{"metric":"agent_failures","value":@part}`},
}

// seed draws a request of a kind.
func (l *trio) seed(kind, by string) string {
	s := pick(l, seeds[kind])
	if s == "@commitment" || s == "@reveal" {
		return l.sealed(s, by)
	}
	var out strings.Builder
	for i, part := range strings.Split(s, "@") {
		if i > 0 {
			end := strings.IndexFunc(part, func(r rune) bool { return r < 'a' || r > 'z' })
			out.WriteString(l.word(part[:end], by))
			part = part[end:]
		}
		out.WriteString(part)
	}
	return out.String()
}

// sealed is a commitment, or opens one: prices are few, so that all may be tried.
func (l *trio) sealed(what, by string) string {
	bids := l.state().Auctions.Bids
	id := known(l, l.state().Auctions.Auctions, func(_ string, x *auction.Auction) bool { return x.Terms.Reveal > 0 }, func(id string, x *auction.Auction) bool {
		b, ok := bids[id+"/"+by]
		return what == "@commitment" || x.State == api.AuctionClosing && ok && b.State == api.BidCommitted
	})
	price, salt := int64(1+l.IntN(3))*1_000_000, strings.Repeat("s", mechanism.LeastSalt)
	if what == "@commitment" {
		return fmt.Sprintf(`{"auction":%q,"commitment":%q,"deposit":"2000000"}`, id, mechanism.Commitment(id, by, api.Micro(price), 1, salt))
	}
	if b, ok := bids[id+"/"+by]; ok {
		for p := int64(1_000_000); p <= 3_000_000; p += 1_000_000 {
			if mechanism.Opens(b.Commitment, id, by, api.Micro(p), 1, salt) {
				price = p
			}
		}
	}
	return fmt.Sprintf(`{"auction":%q,"price":"%d","salt":%q}`, id, price, salt)
}

func (l *trio) word(name, by string) string {
	s := l.state()
	switch name {
	case "me":
		return cmp.Or(by, "ann")
	case "who":
		return pick(l, people)
	case "id":
		return pick(l, ids)
	case "sum":
		return fmt.Sprint((1 + l.IntN(9)) * 1_000_000)
	case "much":
		return fmt.Sprint((10 + l.IntN(90)) * 1_000_000)
	case "n":
		return fmt.Sprint(1 + l.IntN(3))
	case "s":
		return fmt.Sprintf("%ds", 2+l.IntN(30))
	case "part":
		return pick(l, []string{"0", "0.05", "0.5", "0.9", "0.333333"})
	case "side":
		return pick(l, []string{"buy", "sell"})
	case "kind":
		return pick(l, []string{"late", "fraud"})
	case "auction":
		return known(l, s.Auctions.Auctions)
	case "tender":
		return known(l, s.Tenders.Tenders)
	case "contract":
		return known(l, s.Contracts.Contracts)
	case "awarded":
		return known(l, s.Auctions.Auctions, func(_ string, x *auction.Auction) bool { return x.State == api.AuctionAwarded })
	case "market":
		return known(l, s.Markets.Markets)
	case "book":
		return known(l, s.Markets.Markets, func(_ string, m *market.Market) bool { return m.Maker == nil })
	case "prediction":
		return known(l, s.Markets.Markets, func(_ string, m *market.Market) bool { return m.Maker != nil })
	case "mine":
		return known(l, s.Risk.Policies, func(_ string, p *risk.Policy) bool { return p.Holder == by })
	case "bazaar":
		return known(l, s.Bazaars.Markets)
	case "report":
		return known(l, s.Reputation.Reports)
	case "hold":
		return known(l, s.Ledger.Holds)
	case "allowance":
		return known(l, s.Ledger.Allowances)
	case "violation":
		return known(l, s.Risk.Violations)
	case "pool":
		return known(l, s.Risk.Pools)
	case "policy":
		return known(l, s.Risk.Policies)
	case "claim":
		return known(l, s.Risk.Claims, func(_ string, c *risk.Claim) bool { return c.State == api.ClaimDenied && c.Holder == by })
	}
	l.Fatalf("no value is called %s", name)
	return ""
}

// spoilt are values that are hardly ever what is asked for.
var spoilt = []string{
	`null`, `true`, `0`, `-1`, `1`, `0.5`, `1e400`, `1e18`, `-9223372036854775808`, `9223372036854775807`, `9223372036854775808`, `1000000000`, `"NaN"`, `"-Infinity"`, `""`, `" "`,
	`"0"`, `"-1"`, `"1.5"`, `"0x10"`, `"1000000000000000"`, `"1000000000000001"`, `"9223372036854775807"`, `"99999999999999999999"`, `"a b"`, `"../x"`, `"x1/x2"`, `"*"`, `">"`, `"\u0000"`,
	`"mabus"`, `"mabus/fees/credit"`, `"mabus/issue/credit"`, `"mabus/issue/gold"`, `"ann/main/gold"`, `"operator"`, `"-5s"`, `"1ns"`, `"9999999h"`, `"2562047h"`, `[]`, `{}`, `[[]]`,
	`[null]`, `{"a":{"a":{}}}`, strings.Repeat("[", 40) + strings.Repeat("]", 40), `"` + strings.Repeat("x", 65) + `"`, `"` + strings.Repeat("y", 64<<10) + `"`,
}

// spoil replaces one value somewhere in a request, or takes it away, or adds one that nobody knows.
func (l *trio) spoil(body string) string {
	var v any
	if codec.Read([]byte(body), &v) != nil || v == nil {
		return pick(l, spoilt)
	}
	bad := func() any {
		var x any
		_ = codec.Read([]byte(pick(l, spoilt)), &x)
		return x
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			names := slices.Sorted(maps.Keys(v))
			if len(names) == 0 || l.IntN(10) == 0 {
				v["unknown"] = bad()
				return
			}
			name := pick(l, names)
			switch inner := v[name].(type) {
			case map[string]any, []any:
				if l.IntN(3) > 0 {
					walk(inner)
					return
				}
			}
			if v[name] = bad(); l.IntN(5) == 0 {
				delete(v, name)
			}
		case []any:
			if len(v) > 0 {
				i := l.IntN(len(v))
				if inner, ok := v[i].(map[string]any); ok {
					walk(inner)
					return
				}
				v[i] = bad()
			}
		}
	}
	walk(v)
	raw, err := codec.Marshal(v)
	if err != nil {
		return body
	}
	return string(raw)
}
