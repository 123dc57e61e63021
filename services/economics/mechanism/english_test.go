package mechanism_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

func TestEnglish(t *testing.T) {
	plain := func(bidder string, price api.Micro) mechanism.Offer {
		return mechanism.Offer{Bidder: bidder, Price: price}
	}
	proxy := func(bidder string, limit api.Micro) mechanism.Offer {
		return mechanism.Offer{Bidder: bidder, Limit: limit}
	}
	up := mechanism.English{Reserve: 10, Increment: 2}
	down := mechanism.English{Reserve: 20, Increment: 2, Reverse: true}
	now := mechanism.English{Reserve: 10, Increment: 2, BuyNow: 30}
	for name, row := range map[string]struct {
		e      mechanism.English
		offers []mechanism.Offer
		taken  string // one letter for each offer: y or n
		bidder string
		price  api.Micro
		sold   bool
	}{
		"the reserve is enough":              {up, []mechanism.Offer{plain("a", 9), plain("a", 10)}, "ny", "a", 10, false},
		"an increment is needed":             {up, []mechanism.Offer{plain("a", 10), plain("b", 11), plain("b", 12)}, "yny", "b", 12, false},
		"a plain bid stands at its price":    {up, []mechanism.Offer{plain("a", 15), plain("b", 20)}, "yy", "b", 20, false},
		"a proxy alone pays the reserve":     {up, []mechanism.Offer{proxy("a", 50)}, "y", "a", 10, false},
		"second maximum and increment":       {up, []mechanism.Offer{proxy("a", 50), proxy("b", 30)}, "yy", "a", 32, false},
		"the higher maximum takes over":      {up, []mechanism.Offer{proxy("a", 30), proxy("b", 50)}, "yy", "b", 32, false},
		"never above the own maximum":        {up, []mechanism.Offer{proxy("a", 30), proxy("b", 31)}, "yy", "b", 31, false},
		"equal maxima: the earlier":          {up, []mechanism.Offer{proxy("a", 30), proxy("b", 30)}, "yy", "a", 30, false},
		"a proxy answers a plain bid":        {up, []mechanism.Offer{proxy("a", 30), plain("b", 20)}, "yy", "a", 22, false},
		"a jump":                             {up, []mechanism.Offer{proxy("a", 12), {Bidder: "b", Price: 25, Limit: 40}}, "yy", "b", 25, false},
		"beyond its own limit":               {up, []mechanism.Offer{{Bidder: "b", Price: 41, Limit: 40}}, "n", "", 0, false},
		"the leader does not outbid itself":  {up, []mechanism.Offer{proxy("a", 20), proxy("a", 40), plain("b", 25)}, "yyy", "a", 27, false},
		"the leader cannot go back":          {up, []mechanism.Offer{proxy("a", 40), proxy("a", 20), plain("b", 25)}, "yny", "a", 27, false},
		"reverse":                            {down, []mechanism.Offer{plain("a", 21), plain("a", 20), plain("b", 19), plain("b", 18)}, "nyny", "b", 18, false},
		"reverse proxies":                    {down, []mechanism.Offer{proxy("a", 5), proxy("b", 9)}, "yy", "a", 7, false},
		"reverse proxies, close":             {down, []mechanism.Offer{proxy("a", 8), proxy("b", 9)}, "yy", "a", 8, false},
		"reverse equal":                      {down, []mechanism.Offer{proxy("a", 9), proxy("b", 9)}, "yy", "a", 9, false},
		"nothing is left below 1":            {down, []mechanism.Offer{plain("a", 2), plain("b", 1)}, "yn", "a", 2, false},
		"bought at once":                     {now, []mechanism.Offer{plain("a", 30), plain("b", 40)}, "yn", "a", 30, true},
		"bought for no more than that":       {now, []mechanism.Offer{plain("a", 45)}, "y", "a", 30, true},
		"a proxy does not buy at once":       {now, []mechanism.Offer{proxy("a", 45)}, "y", "a", 10, false},
		"two proxies buy: the earlier":       {now, []mechanism.Offer{proxy("a", 45), proxy("b", 60)}, "yy", "a", 30, true},
		"the leader buys":                    {now, []mechanism.Offer{proxy("a", 45), plain("a", 30)}, "yy", "a", 30, true},
		"nobody is called nothing":           {up, []mechanism.Offer{plain("", 20)}, "n", "", 0, false},
		"prices that are none":               {up, []mechanism.Offer{plain("a", 0), plain("a", -5), plain("a", api.MaxAmount+1), {Bidder: "a", Price: -1, Limit: 20}}, "nnnn", "", 0, false},
		"the end of the increments, and not": {now, []mechanism.Offer{plain("a", 29), plain("b", 30)}, "yy", "b", 30, true},
	} {
		t.Run(name, func(t *testing.T) {
			if err := row.e.Check(); err != nil {
				t.Fatal(err)
			}
			var l mechanism.Lead
			for i, o := range row.offers {
				o.Order = uint64(i + 1)
				before := l
				var ok bool
				if l, ok = row.e.Place(l, o); ok != (row.taken[i] == 'y') || !ok && l != before {
					t.Errorf("%+v: %v, %+v", o, ok, l)
				}
			}
			if l.Bidder != row.bidder || l.Price != row.price || l.Sold != row.sold {
				t.Errorf("%+v", l)
			}
		})
	}
}

// history places drawn offers, and tells of each that was taken.
func history(t *rapid.T, e mechanism.English, proxies bool, each func(o mechanism.Offer, before, after mechanism.Lead)) mechanism.Lead {
	var l mechanism.Lead
	for i := range rapid.IntRange(1, 12).Draw(t, "offers") {
		o := mechanism.Offer{Bidder: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "bidder"), Order: uint64(i + 1)}
		o.Limit = api.Micro(rapid.Int64Range(0, 40).Draw(t, "limit"))
		if !proxies {
			o.Price = api.Micro(rapid.Int64Range(0, 40).Draw(t, "price"))
		}
		next, open := e.Next(l)
		after, ok := e.Place(l, o)
		if limit := o.Limit; ok && o.Bidder != l.Bidder {
			if limit == 0 {
				limit = o.Price
			}
			if terms := (mechanism.Terms{Reverse: e.Reverse}); !open || better(terms, next, limit) {
				t.Fatalf("%+v is taken on %+v, and %s is the least", o, l, next)
			}
		}
		if ok {
			each(o, l, after)
		}
		l = after
	}
	return l
}

func drawEnglish(t *rapid.T) mechanism.English {
	return mechanism.English{
		Reverse: rapid.Bool().Draw(t, "reverse"), Reserve: api.Micro(rapid.Int64Range(1, 30).Draw(t, "reserve")),
		Increment: api.Micro(rapid.Int64Range(1, 5).Draw(t, "increment")),
	}
}

func TestEnglishPricesOnlyImprove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnglish(t)
		terms := mechanism.Terms{Reverse: e.Reverse, Reserve: e.Reserve}
		history(t, e, false, func(o mechanism.Offer, before, after mechanism.Lead) {
			switch {
			case !terms.Meets(after.Price) || better(terms, after.Price, after.Limit):
				t.Fatalf("%+v: beyond the reserve or the limit", after)
			case before.Bidder != "" && better(terms, before.Price, after.Price):
				t.Fatalf("%+v makes %+v of %+v", o, after, before)
			case before.Bidder == o.Bidder && after.Price != before.Price:
				t.Fatalf("%+v outbids itself: %+v", o, after)
			}
		})
	})
}

// With proxies alone, the earliest of the best limits wins, at the best limit of the others and an increment, if that is not beyond it.
func TestEnglishProxies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnglish(t)
		terms := mechanism.Terms{Reverse: e.Reverse, Reserve: e.Reserve}
		limits, raised := map[string]mechanism.Offer{}, map[string]bool{}
		l := history(t, e, true, func(o mechanism.Offer, before, _ mechanism.Lead) {
			limits[o.Bidder] = o
			raised[o.Bidder] = before.Bidder == o.Bidder
		})
		if len(limits) == 0 {
			return
		}
		won, want := limits[l.Bidder], e.Reserve
		for bidder, o := range limits {
			if bidder == l.Bidder {
				continue
			}
			if better(terms, o.Limit, won.Limit) || o.Limit == won.Limit && o.Order < won.Order {
				t.Fatalf("%+v wins over %+v", won, o)
			}
			if better(terms, o.Limit, l.Price) {
				t.Fatalf("%+v leads, and %+v is beyond its price", l, o)
			}
			step := o.Limit + e.Increment
			if e.Reverse {
				step = o.Limit - e.Increment
			}
			if better(terms, step, won.Limit) {
				step = won.Limit
			}
			if better(terms, step, want) {
				want = step
			}
		}
		if raised[l.Bidder] && better(terms, want, l.Price) {
			want = l.Price // what the leader's former limit allowed: raising it costs nothing
		}
		if l.Limit != won.Limit || l.Order != won.Order || l.Price != want {
			t.Fatalf("%+v, want price %s: %+v", l, want, limits)
		}
	})
}

// Proxies are sent in one after the other. Whatever limit a bidder sends, it gains at most an increment over the true one.
func TestEnglishProxyGainsAtMostAnIncrement(t *testing.T) {
	const top = 9
	proxies := func(increment api.Micro) price {
		return func(tb *table, who int) (api.Micro, bool) {
			e := mechanism.English{Reverse: tb.terms.Reverse, Reserve: tb.terms.Reserve, Increment: increment}
			var l mechanism.Lead
			for i := range tb.traders() {
				l, _ = e.Place(l, mechanism.Offer{Bidder: tb.bid(i).Bidder, Limit: tb.bid(i).Price, Order: tb.bid(i).Order})
			}
			return l.Price, l.Bidder == tb.bid(who).Bidder
		}
	}
	for _, s := range []shape{{buyers: 3, quantity: 1, reserve: 3}, {sellers: 3, quantity: 1, reserve: 8}} {
		for increment := api.Micro(1); increment <= 3; increment++ {
			gained, _ := exhaust(proxies(increment), s, top)
			if gained > increment {
				t.Errorf("%+v: with increment %d a deviation gains %d", s, increment, gained)
			}
			if increment > 1 && gained == 0 {
				t.Errorf("%+v: with increment %d no gain is found: the condition of the card is not needed", s, increment)
			}
		}
	}
	const increment = 1_000
	shapes := []shape{{buyers: 2, quantity: 1}, {buyers: 5, quantity: 1}, {sellers: 4, quantity: 1}}
	if gained := generate(proxies(increment), shapes, 1, deviations); gained > increment || gained == 0 {
		t.Errorf("of the generated deviations the best gains %d, with increment %d", gained, increment)
	}
}

func TestSoftClose(t *testing.T) {
	end := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	e := mechanism.English{SoftClose: time.Minute}
	for before, want := range map[time.Duration]time.Duration{
		time.Hour: 0, time.Minute + 1: 0, time.Minute: 0, time.Minute - 1: 1, time.Second: 59 * time.Second, 0: time.Minute,
	} {
		if got := e.Ends(end, end.Add(-before)); !got.Equal(end.Add(want)) {
			t.Errorf("a bid %v before the end: %v after it", before, got.Sub(end))
		}
	}
	if got := (mechanism.English{}).Ends(end, end); !got.Equal(end) {
		t.Error("without a soft close the end moves")
	}
}
