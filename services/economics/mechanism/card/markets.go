package card

func double() []Card {
	shared := []Property{
		yes(Rational, "mechanism.TestDoubleAuction"), yes(Reserve, "mechanism.TestDoubleAuction"), yes(Conservation, "mechanism.TestDoubleAuction"),
	}
	return []Card{
		{
			Name: "double", Kind: Double,
			Summary: "Sealed bids of buyers and asks of sellers of equal units, of type double with rule midpoint: all trade that gains is done, at one price.",
			When:    "Many buyers and sellers, so that nobody moves the price much; or no money may be left over or added.",
			Formula: "The price is the middle, rounded down to the millionth, of the lowest and the highest price at which demand is supply.",
			Paper:   "Chatterjee and Samuelson 1983, Bargaining under Incomplete Information; Rustichini, Satterthwaite and Williams 1994",
			Promises: append([]Property{
				no(Truthful, "the last that trades sets the price", "mechanism.TestDeviationsAreFound"),
				yes(Efficient, "mechanism.TestDoubleAuction"), yes(Balanced, "mechanism.TestDoubleAuction"),
				yes("clears the market", "mechanism.TestKDoubleClearsTheMarket"),
			}, shared...),
			Regret: measured("double", 20_848, 280_000),
		},
		{
			Name: "mcafee", Kind: Double,
			Summary: "As double, with rule mcafee: the trade of least value may be given up, so that whoever trades does not set the price.",
			When:    "Buyers and sellers of one unit each that shall need no strategy; no money may be added, and some may stay with the auctioneer.",
			Formula: "With v trades at best, and p the middle of bid v+1 and ask v+1: if bid v >= p >= ask v, all trade at p. Otherwise v-1 trade, buyers " +
				"pay bid v and sellers get ask v.",
			Paper: "McAfee 1992, A Dominant Strategy Double Auction",
			Promises: append([]Property{
				when(Truthful, "for whoever trades one unit, on one side", "mechanism.TestMcAfeeIsTruthfulForUnits"),
				when(Efficient, "but for the trade of least value", "mechanism.TestDoubleAuction"), yes(NoDeficit, "mechanism.TestDoubleAuction"),
			}, shared...),
			Regret: measured("mcafee", 33_325, 650_000),
		},
	}
}

func market() []Card {
	return []Card{
		{
			Name: "order_book", Kind: Market,
			Summary: "A continuous market: each order trades at once with the best resting ones of the other side, or rests.",
			When:    "Trade shall not wait, and goes on all the time.",
			Formula: "Better prices first, then earlier orders, each trade at the price of the order that rests. Nobody trades with itself.",
			Paper:   "Gould and others 2013, Limit Order Books",
			Promises: []Property{
				no(Truthful, "a better limit than needed is paid by whoever rests", "mechanism/card.TestRegrets"),
				yes("price-time priority", "orderbook.TestPriceTimePriority"),
				yes(Conservation, "orderbook.TestConservation"),
			},
			Regret: measured("order_book", 128_675, 950_000),
		},
		{
			Name: "call_auction", Kind: Market,
			Summary: "Orders are collected and cleared together, at the one price that moves the most units.",
			When:    "A market with few orders, where waiting for others gives a better price.",
			Formula: "Of the prices with the most volume those of the least imbalance, and of these the middle. Better prices first, then earlier orders.",
			Paper:   "Economides and Schwartz 1995, Electronic Call Market Trading",
			Promises: []Property{
				no(Truthful, "the last that trades sets the price", "mechanism/card.TestRegrets"),
				yes("most volume, most surplus, "+Rational, "clearing.TestEqualsBruteForce"),
			},
			Regret: measured("call_auction", 26_790, 279_999),
		},
		{
			Name: "lmsr", Kind: Market,
			Summary: "A maker that always sells shares of outcomes, at prices that sum to one and follow what is sold: a prediction market.",
			When:    "A forecast is wanted, and nobody may be there to trade with.",
			Formula: "All shares q cost C(q) = b ln(sum of exp(q_i / b)), rounded up; a trade costs the difference. The maker loses at most b ln n, rounded up.",
			Paper:   "Hanson 2003, Combinatorial Information Market Design",
			Promises: []Property{
				when(Truthful, "who trades once, and minds the mean alone, gains most by moving the price to what it believes", "mechanism/card.TestMovingThePriceToTheBeliefPaysMost"),
				yes("bounded loss", "lmsr.TestTheMakersLossIsBounded"),
				yes("prices sum to one", "lmsr.TestPricesSumToOneAndFollowTheShares"),
				yes("no way is cheaper", "lmsr.TestNoWayIsCheaper"),
			},
		},
	}
}
