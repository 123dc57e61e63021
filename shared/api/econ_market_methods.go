package api

// The methods of services/economics about markets.
var (
	MarketsCreate = Method[MarketSpec, Market]{
		Service: "economics", Noun: "markets", Verb: "create", Write: true,
		Doc: "Opens a market, which belongs to the principal who asks, or is conflict (market_exists). Of a prediction market the stake b ln n is held from that principal's main account.",
	}
	MarketsOrder = Method[MarketOrderRequest, MarketOrderReceipt]{
		Service: "economics", Noun: "markets", Verb: "order", Write: true,
		Doc: "Sends an order to a market. What trades is paid and delivered at once; for what rests, a buy holds price times quantity, and a sell holds the units. An order never trades with one of the same owner: what is left of the newer one is cancelled.",
	}
	MarketsCancelOrder = Method[MarketCancelOrderRequest, MarketCancelOrderResponse]{
		Service: "economics", Noun: "markets", Verb: "cancel_order", Write: true,
		Doc: "Takes a resting order out of the book and releases what it holds; not_found (order_not_found) if it does not rest.",
	}
	MarketsClear = Method[MarketIDRequest, MarketClearResponse]{
		Service: "economics", Noun: "markets", Verb: "clear", Write: true,
		Doc: "Clears a call or sealed_bid market, as its owner: all that trades does so at the one price that moves the most units. failed_precondition (no_equilibrium) if nothing does.",
	}
	MarketsClose = Method[MarketIDRequest, Market]{
		Service: "economics", Noun: "markets", Verb: "close", Write: true,
		Doc: "Closes a market, as its owner: a call market is cleared a last time, and what orders hold is released. Closing a market that is closed returns it.",
	}
	MarketsGet = Method[MarketGetRequest, Market]{
		Service: "economics", Noun: "markets", Verb: "get",
		Doc: "Returns a market, or not_found (market_not_found).",
	}
	MarketsWait = Method[MarketWaitRequest, Market]{
		Service: "economics", Noun: "markets", Verb: "wait",
		Doc: "Returns a market when its version is above the one that is known, or when the wait is over, as it stands.",
	}
	MarketsList = Method[MarketsListRequest, MarketsListResponse]{
		Service: "economics", Noun: "markets", Verb: "list",
		Doc: "Returns the markets that are not archived in the order of their ids, without their metadata, a page at a time.",
	}
	MarketsBook = Method[MarketBookRequest, MarketBook]{
		Service: "economics", Noun: "markets", Verb: "book",
		Doc: "Returns what rests at each price, the best first. Of a sealed_bid market it is permission_denied (book_sealed).",
	}
	MarketsOrders = Method[MarketOrdersRequest, MarketOrdersResponse]{
		Service: "economics", Noun: "markets", Verb: "orders",
		Doc: "Returns the resting orders of the principal who asks, the oldest first, a page at a time.",
	}
	MarketsTrades = Method[MarketTradesRequest, MarketTradesResponse]{
		Service: "economics", Noun: "markets", Verb: "trades",
		Doc: "Returns the last trades of a market, the newest first; at most 1000 are remembered.",
	}
	MarketsTranscript = Method[MarketTranscriptRequest, MarketTranscriptResponse]{
		Service: "economics", Noun: "markets", Verb: "transcript",
		Doc: "Returns the steps of a market, a page at a time. Orders of others in a sealed_bid market have only their digest until it has closed.",
	}
	MarketsStats = Method[MarketsStatsRequest, MarketsStatsResponse]{
		Service: "economics", Noun: "markets", Verb: "stats",
		Doc: "Counts markets, orders and trades since the log began.",
	}
	MarketsQuote = Method[MarketQuoteRequest, MarketQuote]{
		Service: "economics", Noun: "markets", Verb: "quote",
		Doc: "Says what a trade in a prediction market would cost, or bring, now.",
	}
	MarketsTrade = Method[MarketTradeRequest, MarketTradeReceipt]{
		Service: "economics", Noun: "markets", Verb: "trade", Write: true,
		Doc: "Buys shares in an outcome from the maker of a prediction market, or sells them back. Refused with price_moved when it would cost more, or bring less, than the limit.",
	}
	MarketsResolve = Method[MarketResolveRequest, Market]{
		Service: "economics", Noun: "markets", Verb: "resolve", Write: true,
		Doc: "Names the outcome of a prediction market, once, as its oracle or owner: each of its shares is paid one unit of credit, others nothing. With void there is none, and every share is paid its last price. What is left goes back to the owner.",
	}
	MarketsRedeem = Method[MarketRedeemRequest, MarketRedeemResponse]{
		Service: "economics", Noun: "markets", Verb: "redeem", Write: true,
		Doc: "Pays the shares of a resolved prediction market in an account of the principal who asks. Who has traded in the market is paid without asking; this is for shares that came another way.",
	}
	MarketsFindEquilibrium = Method[MarketEquilibriumRequest, MarketEquilibrium]{
		Service: "economics", Noun: "markets", Verb: "find_equilibrium",
		Doc: "Returns the one price that moves the most units between the orders given, or those that rest in a market, with the surplus of each side; failed_precondition (no_equilibrium) when no price moves any.",
	}
)

var econMarketMethods = []Descriptor{
	MarketsCreate.Describe(), MarketsOrder.Describe(), MarketsCancelOrder.Describe(), MarketsClear.Describe(), MarketsClose.Describe(),
	MarketsGet.Describe(), MarketsWait.Describe(), MarketsList.Describe(), MarketsBook.Describe(), MarketsOrders.Describe(),
	MarketsTrades.Describe(), MarketsTranscript.Describe(), MarketsStats.Describe(), MarketsQuote.Describe(), MarketsTrade.Describe(), MarketsResolve.Describe(),
	MarketsRedeem.Describe(), MarketsFindEquilibrium.Describe(),
}
