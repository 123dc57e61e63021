package economysim

// line is a command that is drawn: what it is worth among all, who asks (anybody unless given), and the body with names of values.
type line struct {
	weight int
	kind   string
	by     string
	body   string
}

// script are the commands. Those of auctions that depend on what was sold or sealed are drawn by bid and reveal.
var script = []line{
	{6, "accounts.transfer", "", `{"from":$mine,"to":$account,"amount":$odd}`},
	{1, "accounts.transfer", "", `{"from":$account,"to":$account,"amount":$money,"allowance":$allowance}`},
	{2, "accounts.mint", operator, `{"to":$account,"amount":$much}`},
	{1, "accounts.mint", "", `{"to":$account,"amount":$much}`},
	{1, "accounts.burn", "", `{"from":$gold,"amount":$money}`},
	{1, "accounts.burn", operator, `{"from":$account,"amount":$money}`},
	{1, "assets.create", "", `{"id":$name}`},
	{3, "holds.create", "", `{"id":$new_hold,"account":$mine,"amount":$odd,"beneficiary":$who,"expires_in":$seconds}`},
	{1, "holds.create", "", `{"account":$account,"amount":$odd,"beneficiary":$who,"allowance":$allowance}`},
	{3, "holds.capture", "", `{"id":$hold,"to":$mine,"amount":$odd}`},
	{1, "holds.capture", "", `{"id":$hold}`},
	{2, "holds.release", "", `{"id":$hold}`},
	{1, "allowances.set", "", `{"id":$name,"account":$mine,"spender":$who,"total":$much,"per_task":$money}`},
	{1, "allowances.remove", "", `{"id":$allowance}`},

	{1, "auctions.create", "", `{"id":$new_auction,"type":"english","item":"x","increment":$odd,"reserve":$money,"duration":$seconds,"soft_close":"5s"}`},
	{1, "auctions.create", "", `{"id":$new_auction,"type":"english","asset":$asset,"quantity":$units,"buy_now":$money,"duration":$seconds,"fee":$share}`},
	{1, "auctions.create", "", `{"id":$new_auction,"type":"dutch","item":"x","start_price":"9000000","step":"500000","interval":"1s","reserve":$money,"fee":0.05}`},
	{1, "auctions.create", "", `{"id":$new_auction,"type":"first_price","asset":$asset,"quantity":$units,"reserve":$money,"duration":$seconds,"fee":0.05}`},
	{1, "auctions.create", "", `{"id":$new_auction,"type":"sealed_bid","item":"x","duration":$seconds,"reveal":"20s","deposit":$money,"forfeit":0.5}`},
	{1, "auctions.create", "", `{"id":$new_auction,"type":"vickrey","asset":$asset,"reserve":$money,"duration":$seconds,"fee":0.333333}`},
	{1, "auctions.create", "", `{"id":$new_auction,"type":"vickrey","item":"x","reverse":true,"reserve":"9000000","duration":$seconds}`},
	{1, "auctions.create", "", `{"id":$new_auction,"type":"uniform","asset":$asset,"quantity":$units,"duration":$seconds,"fee":0.05}`},
	{1, "auctions.create", "", `{"id":$new_auction,"type":"double","asset":$asset,"quantity":$units,"duration":$seconds,"fee":0.05}`},
	{1, "auctions.create", "", `{"id":$new_auction,"type":"combinatorial","items":[{"name":"p","asset":$asset,"quantity":1},{"name":"q","reserve":$odd},{"name":"r"}],"duration":$seconds}`},
	{1, "auctions.create", "", `{"id":$new_auction,"type":"multi_attribute","item":"x","reverse":true,"reserve":"9000000","duration":$seconds,
		"scoring":{"price_weight":0.5,"worst_price":"9000000","best_price":"0","attributes":[{"name":"speed","weight":0.5,"low":0,"high":1}]}}`},
	{1, "auctions.create", "", `{"id":$new_auction,"type":"incentive","item":"x","reverse":true,"reserve":"9000000","duration":$seconds,"fee":0.05,"completion":"9s",
		"incentive":{"quality_rate":"10000","deadline":"20s"}}`},
	{30, "auctions.bid", "", ""},
	{4, "auctions.reveal", "", ""},
	{1, "auctions.withdraw", "", `{"auction":$auction}`},
	{2, "auctions.close", "", `{"auction":$auction}`},
	{1, "auctions.close", operator, `{"auction":$auction}`},
	{1, "auctions.cancel", "", `{"auction":$auction,"reason":"no more"}`},
	{2, "auctions.settle", operator, `{"auction":$auction,"quality":$share,"took":$seconds}`},

	{2, "tenders.announce", "", `{"id":$new_tender,"task":{"capability":"work"},"budget":$much,"bidding":$seconds,"terms":{"fee":0.05,"completion":"60s","quality_guarantee":0.3}}`},
	{1, "tenders.announce", "", `{"id":$new_tender,"task":{"capability":"work"},"budget":$much,"bidding":$seconds,"execution":"task","check":true}`},
	{5, "tenders.bid", "", `{"id":$tender,"price":$money,"time":"20s","quality":0.9}`},
	{1, "tenders.withdraw", "", `{"id":$tender}`},
	{2, "tenders.award", operator, `{"id":$tender}`},
	{1, "tenders.cancel", "", `{"id":$tender}`},
	{2, "tenders.complete", operator, `{"id":$tender,"outcome":"done","quality":$share}`},
	{3, "contracts.deliver", "", `{"id":$contract,"result":"done"}`},
	{3, "contracts.accept", "", `{"id":$contract,"quality":$share}`},
	{1, "contracts.reject", "", `{"id":$contract,"reason":"bad"}`},
	{2, "contracts.cancel", "", `{"id":$contract,"forfeit":$flag}`},

	{2, "bazaars.create", "", `{"id":$new_bazaar,"name":"shop","transaction_fee":0.05,"listing_fee":"100"}`},
	{1, "bazaars.close", "", `{"id":$bazaar}`},
	{4, "bazaars.list_service", "", `{"market":$bazaar,"id":$name,"service_type":"s","price":$money,"completion":$seconds,"expires":"60s"}`},
	{1, "bazaars.unlist", "", `{$listing}`},
	{3, "bazaars.request_service", "", `{$offer,"id":$name,"max_cost":"9000000"}`},

	{1, "markets.create", "", `{"id":$new_market,"name":"x","type":"continuous","commodity":$asset,"fee":0.01,"duration":"60s"}`},
	{1, "markets.create", "", `{"id":$new_market,"name":"x","type":"call","commodity":$asset,"clear_every":"60s","fee":0.01}`},
	{1, "markets.create", "", `{"id":$new_market,"name":"x","type":"prediction","outcomes":["yes","no"],"liquidity":$money,"duration":"60s","oracle":$who}`},
	{9, "markets.order", "", `{"market":$market,"side":$side,"price":$money,"quantity":$units}`},
	{2, "markets.order", "", `{"market":$market,"side":$side,"type":"ioc","price":$money,"quantity":$units}`},
	{1, "markets.order", "", `{"market":$market,"side":$side,"type":"market","quantity":$units}`},
	{1, "markets.cancel_order", "", `{"market":$market,"order":$number}`},
	{1, "markets.clear", operator, `{"id":$market}`},
	{1, "markets.close", "", `{"id":$market}`},
	{4, "markets.trade", "", `{"market":$market,"outcome":$number,"side":$side,"quantity":$units}`},
	{1, "markets.resolve", operator, `{"id":$market,"outcome":$number}`},
	{1, "markets.resolve", "", `{"id":$market,"void":true}`},
	{1, "markets.redeem", "", `{"market":$market}`},

	{1, "reputation.record", operator, `{"agent":$who,"ref":$name,"quality":$share,"satisfaction":$share}`},
	{1, "reputation.penalise", operator, `{"agent":$who,"violation":$kind,"ref":$name}`},
	{2, "reports.ask", "", `{"id":$name,"agent":$who,"kind":"quality","base":$odd,"scale":$money,"judge":$who,"make_within":$seconds,"settle_within":$seconds}`},
	{3, "reports.submit", "", `{"id":$report,"belief":$share}`},
	{3, "reports.settle", "", `{"id":$report,"outcome":$share}`},

	{1, "stakes.configure", operator, `{"minimum":"1000","unbonding":$seconds,"appeal":$seconds,"recovery":"1s","rates":{"fraud":0.5,"late":0.1}}`},
	{2, "stakes.put", "", `{"amount":$much}`},
	{1, "stakes.add", "", `{"amount":$money}`},
	{2, "stakes.unbond", "", `{"amount":$money}`},
	{2, "stakes.withdraw", "", `{"agent":$me}`},
	{2, "stakes.restore", operator, `{"agent":$who,"amount":"1"}`},
	{1, "violations.report", "", `{"accused":$who,"kind":$kind,"ref":$name,"harmed":$who,"harm":$money}`},
	{2, "violations.report", "", `{"accused":$who,"kind":"fraud","ref":$name}`},
	{2, "violations.judge", operator, `{"request":{"id":$violation,"uphold":$flag}}`},
	{1, "violations.appeal", "", `{"id":$violation,"statement":"no"}`},
	{1, "violations.overturn", operator, `{"id":$violation}`},
	{1, "pools.create", "", `{"id":$name,"rates":{"late":0.1,"fraud":0.2}}`},
	{2, "pools.fund", "", `{"pool":$pool,"amount":$much}`},
	{1, "pools.withdraw", "", `{"pool":$pool,"amount":$money}`},
	{1, "pools.close", "", `{"id":$pool}`},
	{4, "policies.buy", "", `{"id":$name,"pool":$pool,"value":$money,"types":["late","fraud"],"term":"60s"}`},
	{4, "claims.file", "", `{"id":$name,"policy":$policy,"type":$kind,"event":$name,"loss":$money}`},
	{3, "claims.judge", operator, `{"request":{"id":$claim,"approve":$flag}}`},
	{2, "claims.judge", people[2], `{"request":{"id":$claim,"approve":false}}`},
	{3, "claims.appeal", "", `{"id":$claim,"statement":"but"}`},
	{1, "breakers.set", operator, `{"name":"brk","metric":"agent_failures","threshold":0.5,"refuse":["auctions","orders"],"cool_down":$seconds}`},
	{1, "breakers.report", operator, `{"metric":"agent_failures","value":$share}`},
	{1, "breakers.reset", operator, `{"name":"brk"}`},
	{1, "breakers.remove", operator, `{"name":"brk"}`},
}

var weights = func() (sum int) {
	for _, l := range script {
		sum += l.weight
	}
	return sum
}()
