package card

import "slices"

// oneSided are the properties that all sealed auctions with bids on one side share, after those that one has for itself.
func oneSided(own ...Property) []Property {
	shared := []Property{
		yes(Rational, "mechanism.TestIndividualRationality"),
		yes(Balanced, "mechanism.TestRevenueIsWhatIsPaid"),
		yes(Reserve, "mechanism.TestReserve"),
		yes(Earliest, "mechanism.TestEarliestWins"),
		yes(Monotone, "mechanism.TestBetterBidsWinMore"),
	}
	for _, p := range shared {
		if !slices.ContainsFunc(own, func(q Property) bool { return q.Name == p.Name }) {
			own = append(own, p)
		}
	}
	return own
}

const shading = "a bid below the value, in reverse above the cost, pays less and may still win"

func open() []Card {
	return []Card{
		{
			Name: "english", Kind: Open,
			Summary: "Open bids for one lot, each better than the one before by the increment. A proxy bids for its bidder up to a limit that " +
				"nobody else sees. A soft close moves the end, and a price to buy at once ends it.",
			When: "The value of the lot depends on what others think of it, or bidders shall see what they are up against.",
			Formula: "The best limit wins, at the best limit of the others and one increment, never beyond its own; a bid without a proxy stands " +
				"at its price. Alone: at the reserve. Equal limits: the earlier.",
			Paper: "Milgrom and Weber 1982, A Theory of Auctions and Competitive Bidding",
			Promises: []Property{
				when(Truthful, "to within one increment, for a proxy with the true value as its limit, sent once", "mechanism.TestEnglishProxyGainsAtMostAnIncrement"),
				yes("second limit and an increment", "mechanism.TestEnglishProxies"),
				yes(Reserve, "mechanism.TestEnglishPricesOnlyImprove"),
				yes(Rational, "mechanism.TestEnglishPricesOnlyImprove"),
				yes(Earliest, "mechanism.TestEnglish"),
				yes("soft close", "mechanism.TestSoftClose"),
			},
			Regret: measured("english", 6_210, 50_000),
		},
		{
			Name: "dutch", Kind: Open,
			Summary: "A clock whose price falls by a step after each interval, in reverse rises, until somebody accepts.",
			When:    "It has to be over quickly: one message decides.",
			Formula: "The price is start - step * floor(elapsed / interval), not below the reserve. Who accepts first has it at that price.",
			Paper:   "Vickrey 1961, Counterspeculation, Auctions, and Competitive Sealed Tenders",
			Promises: []Property{
				no(Truthful, "whoever waits a little longer than its value pays less; it is a first-price auction in other clothes", "mechanism/card.TestRegrets"),
				yes("as first_price", "mechanism/card.TestDutchIsAFirstPriceAuction"),
				yes("exact clock", "mechanism.TestClockIsExact"),
				yes(Reserve, "mechanism.TestClock"),
			},
			Regret: measured("dutch", 32_135, 770_000),
		},
	}
}

func sealed() []Card {
	return []Card{
		{
			Name: "first_price", Kind: Sealed,
			Summary:  "Sealed bids for one lot; the best one pays what it has bid. Bids may be commitments that are revealed later. Also called sealed_bid.",
			When:     "Bidders shall know what they will pay, and it does not matter that they bid less than the lot is worth to them.",
			Formula:  "The best bid wins at its own price.",
			Paper:    "Vickrey 1961",
			Promises: oneSided(no(Truthful, shading, "mechanism.TestDeviationsAreFound"), yes("commitments bind", "mechanism.TestCommitmentOpens")),
			Regret:   measured("first_price", 32_135, 770_000),
		},
		{
			Name: "vickrey", Kind: Sealed,
			Summary: "Sealed bids for one lot; the best one pays the price of the second.",
			When:    "Each bidder knows what the lot is worth to it. Agents need no strategy: the true value is the best bid.",
			Formula: "The best bid wins at the best price of any other bidder, or at the reserve when there is none. Own further bids never count.",
			Paper:   "Vickrey 1961",
			Promises: oneSided(
				yes(Truthful, "mechanism.TestVickreyIsTruthful"), yes("truthful in reverse", "mechanism.TestReverseVickreyIsTruthful"),
				yes(Efficient, "mechanism.TestTheBestValueWins"),
			),
		},
		{
			Name: "first_score", Kind: Sealed,
			Summary: "Bids of a price and attributes for one lot, of type multi_attribute with rule first_score: the best score wins, at the price bid.",
			When:    "More counts than the price, and payments shall be what was offered.",
			Formula: "Score = weighted mean of (price - worst) / (best - worst) and of each attribute's (x - low) / (high - low), cut to 0 and 1.",
			Paper:   "Che 1993, Design Competition Through Multidimensional Auctions",
			Promises: oneSided(
				no(Truthful, shading, "mechanism/card.TestRegrets"), yes("score is the weighted mean", "mechanism.TestScoreIsTheWeightedMean"),
			),
			Regret: measured("first_score", 60_190, 950_000),
		},
		{
			Name: "second_score", Kind: Sealed,
			Summary: "As first_score, but at the price that gives the winner, with its attributes, the second score.",
			When:    "More counts than the price, and bidders shall need no strategy.",
			Formula: "Let w be what attributes are worth as a difference of price: the weighted utilities over the price's weight, times |best - worst|. " +
				"The best price - w (in reverse the least) wins, at its own w and the second of these, but nothing beyond the reserve. Alone: the reserve.",
			Paper: "Che 1993",
			Promises: oneSided(
				when(Truthful, "in the price, when attributes are facts that the bidder does not choose", "mechanism.TestSecondScoreIsTruthfulInPrice"),
				when("truthful in quality", "as long as the reserve does not bind: it caps what better quality earns", "mechanism.TestSecondScoreIsTruthfulInQuality"),
			),
			Regret: measured("second_score", 6_014, 360_000),
		},
		{
			Name: "incentive", Kind: Sealed,
			Summary: "Procurement of work by price and by record: reputation and quality are those of the bidder's records, never its own word. The winner " +
				"is paid its price, and bonuses by what it achieves.",
			When: "Work whose quality shows only afterwards.",
			Formula: "Score = 0.4 (1 - price / 1000) + 0.4 quality + 0.2 reputation. Paid: price + max(0, quality - target) * 100 * quality rate + " +
				"max(0, deadline - time) in hours * speed rate + price * reputation rate. Below the guarantee: price * quality / guarantee, and no bonus.",
			Paper: "the formula of the system that Mabus replaces; no paper",
			Promises: oneSided(
				no(Truthful, shading, "mechanism/card.TestRegrets"),
				when(Rational, "the price is never below the cost bid; it is paid in full for the quality that was guaranteed", "mechanism.TestIndividualRationality"),
				yes("records count, words do not", "mechanism.TestReferenceLiar"),
				yes("bounded by the guarantee", "mechanism.TestSettleIsBoundedByTheGuarantee"),
				yes("never more than was held", "mechanism.TestSettlementIsAtMostWhatIsHeld"),
			),
			Regret: measured("incentive", 71_500, 960_000),
		},
	}
}

func several() []Card {
	return []Card{
		{
			Name: "uniform", Kind: Sealed,
			Summary: "Sealed bids for several equal units, all sold at one price: that of the best unit that is not served. A bid for several units is " +
				"filled in part unless it wants all or nothing.",
			When:    "Several equal units, and bidders who want one each, or who mind that others pay less than they.",
			Formula: "The best k units win at the price of unit k+1, or at the reserve when there are no more. Bids passed over as too large set no price.",
			Paper:   "Vickrey 1961; Ausubel and Cramton 2002, Demand Reduction and Inefficiency in Multi-Unit Auctions",
			Promises: oneSided(
				when(Truthful, "for a bidder that wants one unit; not for several units", "mechanism.TestUniformIsTruthfulForUnitDemand"),
				when("truthful in reverse", "for a seller of one unit", "mechanism.TestReverseUniformIsTruthfulForUnitSupply"),
				no("truthful for several units", "asking for fewer lowers the price of the rest", "mechanism.TestUniformIsNotTruthfulForSeveralUnits"),
				when(Efficient, "bids for one unit each", "mechanism.TestUnitsGoToWhoValuesThemMost"),
			),
			Regret: measured("uniform", 37_200, 750_000),
		},
		{
			Name: "discriminatory", Kind: Sealed,
			Summary:  "As uniform, but each winner pays what it has bid. No type of auction uses it: it is here to be compared.",
			When:     "To compare with uniform.",
			Formula:  "The best k units win, each at its own price.",
			Paper:    "Ausubel and Cramton 2002",
			Promises: oneSided(no(Truthful, shading, "mechanism.TestDeviationsAreFound")),
			Regret:   measured("discriminatory", 144_150, 920_000),
		},
		{
			Name: "combinatorial", Kind: Sealed,
			Summary: "Sealed bids for bundles of items; of a bidder's bids at most one wins, unless it says otherwise. The winners are those that offer most " +
				"together, found exactly; beyond the stated size or number of steps it is refused.",
			When:    "Items are worth more, or less, together than one by one.",
			Formula: "Winners: greatest sum of bids without an item sold twice. A winner pays W(without it) - (W - its bid), and no less than the reserves of its items.",
			Paper:   "Clarke 1971, Multipart Pricing of Public Goods; Groves 1973, Incentives in Teams",
			Promises: []Property{
				yes(Truthful, "bundle.TestVCGIsTruthful"),
				yes("no generated deviation pays", "bundle.TestVCGDeviationsDoNotPay"),
				yes(Efficient, "bundle.TestVCGEqualsBruteForce"),
				yes(Rational, "bundle.TestVCGIsIndividuallyRational"),
			},
		},
	}
}
