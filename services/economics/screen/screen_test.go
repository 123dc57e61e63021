package screen_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/screen"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// round makes a round of estimates by a, b, c...
func round(values ...api.Decimal) api.ScreenRound {
	var r api.ScreenRound
	for i, v := range values {
		r.Values = append(r.Values, api.ScreenValue{Agent: string(rune('a' + i)), Value: v})
	}
	return r
}

func known(truth api.Decimal, values ...api.Decimal) api.ScreenRound {
	r := round(values...)
	r.Truth = &truth
	return r
}

func flagged(t testing.TB, r *api.ScreenRequest) []string {
	t.Helper()
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range screen.Collusion(r).Flags {
		all = append(all, f.Agents...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestCopiesOfOneRound(t *testing.T) {
	const u, most = api.One, api.DecimalLimit
	for _, row := range []struct {
		name  string
		round api.ScreenRound
		want  []string
	}{
		{"two copies far from the truth", known(76*u, 95*u, 95*u, 68*u, 79*u, 73*u), []string{"a", "b"}},
		{"copies that differ a little", known(76*u, 94_900_000, 95*u, 68*u, 79*u, 73*u), []string{"a", "b"}},
		{"honest agents who agree", known(76*u, 76*u, 76*u, 77*u), nil},
		{"honest agents who agree, and others", known(76*u, 76*u, 76*u, 77*u, 70*u, 81*u), nil},
		{"everybody agrees", known(76*u, 76*u, 76*u, 76*u, 76*u, 76*u, 76*u), nil},
		{"one who is far off alone", known(76*u, 150*u, 76*u, 74*u, 79*u, 73*u), nil},
		{"two far off on different sides", known(76*u, 95*u, 57*u, 68*u, 79*u, 73*u), nil},
		{"two far off, and far from each other", known(76*u, 95*u, 106*u, 68*u, 79*u, 73*u), nil},
		{"three copies among many", known(0, 30*u, 30*u, 30*u, 1*u, -4*u, 3*u, -2*u, 5*u, -3*u, 2*u), []string{"a", "b", "c"}},
		{"a truth of nothing", known(0, 20*u, 20*u, -8*u, 3*u, -3*u), []string{"a", "b"}},
		{"copies without a known truth", round(95*u, 95*u, 68*u, 79*u, 73*u, 77*u, 75*u, 74*u), []string{"a", "b"}},
		{"too few others", known(76*u, 95*u, 95*u, 68*u), nil},
		{"nobody", round(), nil},
		{"the greatest values", known(-most, most, most, -most, 100-most, 1300-most), []string{"a", "b"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := flagged(t, &api.ScreenRequest{Kind: api.ScreenEstimates, Rounds: []api.ScreenRound{row.round}})
			if !slices.Equal(got, row.want) {
				t.Errorf("flagged %v, want %v", got, row.want)
			}
		})
	}
}

// A step of the estimates that is as coarse as their spread makes agreement no news.
func TestCoarseEstimates(t *testing.T) {
	const u = api.One
	r := &api.ScreenRequest{Kind: api.ScreenEstimates, Rounds: []api.ScreenRound{known(76*u, 95*u, 95*u, 68*u, 79*u, 73*u)}, Resolution: 20 * u}
	if got := flagged(t, r); got != nil {
		t.Errorf("flagged %v", got)
	}
}

func TestRotation(t *testing.T) {
	series := func(winners string) (rounds []api.ScreenRound) {
		for i, w := range winners {
			r := round(api.Decimal(100+i), api.Decimal(90+7*i%13), api.Decimal(80+5*i%17))
			r.Winner = string(w)
			rounds = append(rounds, r)
		}
		return rounds
	}
	for _, row := range []struct {
		winners string
		want    int
	}{
		{"abababababababababab", 1},
		{"abcabcabcabcabcabcabcabcabcabcabcabc", 3}, // every pair takes turns
		{"aabbabbbaabaabbabaab", 0},
		{"aaaaaaaaaabbbbbbbbbb", 0},
		{"abab", 0}, // too few
		{"aaaaaaaaaaaaaaaaaaaa", 0},
	} {
		flags, _ := screen.Rotation(series(row.winners))
		n := 0
		for _, f := range flags {
			if f.Score >= screen.Threshold {
				n++
			}
		}
		if n != row.want {
			t.Errorf("%s: %d pairs flagged, want %d: %+v", row.winners, n, row.want, flags)
		}
	}
}

// The tail of the runs is that of all orders, counted one by one.
func TestRunsAgainstBruteForce(t *testing.T) {
	const a, b = 5, 4
	count := map[int]int{}
	all := 0
	for set := range 1 << (a + b) {
		runs, ones := 0, 0
		for i := range a + b {
			bit := set >> i & 1
			ones += bit
			if i == 0 || bit != set>>(i-1)&1 {
				runs++
			}
		}
		if ones == a {
			count[runs]++
			all++
		}
	}
	for runs, tail := a+b, 0; runs >= 2; runs-- {
		tail += count[runs]
		got := screen.RunsBits(a, b, runs)
		if tail == 0 {
			if got != 0 {
				t.Errorf("%d runs are impossible, and have %s bits", runs, got)
			}
			continue
		}
		if want := fixed.LogRatio(api.Decimal(all), api.Decimal(tail)); got < want-1 || got > want+1 { // 2^-bits = tail/all
			t.Errorf("%d runs have %s bits, want %s", runs, got, want)
		}
	}
}

func TestRings(t *testing.T) {
	// Sixty agents sell each other a few things; three of them, again and again, in a circle.
	var trades []api.ScreenTrade
	for i := range 60 {
		for j := 1; j <= 12; j++ {
			trades = append(trades, api.ScreenTrade{From: fmt.Sprint("h", i), To: fmt.Sprint("h", (i*7+j*j)%60+60*((i*7+j*j)%60/60)), Count: 1})
		}
	}
	trades = slices.DeleteFunc(trades, func(e api.ScreenTrade) bool { return e.From == e.To })
	trades = append(trades, api.ScreenTrade{From: "h3", To: "h4", Count: 20}, api.ScreenTrade{From: "h4", To: "h5", Count: 20})
	loyal := &api.ScreenRequest{Kind: api.ScreenTrades, Trades: trades}
	if got := flagged(t, loyal); got != nil {
		t.Errorf("loyal customers are flagged: %v", got)
	}
	ring := &api.ScreenRequest{Kind: api.ScreenTrades, Trades: append(slices.Clone(trades), api.ScreenTrade{From: "h5", To: "h3", Count: 20})}
	if got := flagged(t, ring); !slices.Equal(got, []string{"h3", "h4", "h5"}) {
		t.Errorf("flagged %v", got)
	}
}

func TestLongCircle(t *testing.T) {
	var trades []api.ScreenTrade
	const n = 5000
	for i := range n {
		trades = append(trades, api.ScreenTrade{From: fmt.Sprint("a", i), To: fmt.Sprint("a", (i+1)%n), Count: api.MaxScreenCount})
	}
	if got := flagged(t, &api.ScreenRequest{Kind: api.ScreenTrades, Trades: trades}); len(got) != n {
		t.Errorf("%d of %d in the circle are flagged", len(got), n)
	}
}

// What is found does not hang on the order of the agents, on their names or on that of the trades; scores are finite for any input.
func TestAnyInput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "rounds")
		whole := rapid.Map(rapid.Int64Range(1, 99), func(v int64) int64 { return v * int64(api.One) })
		value := rapid.OneOf(rapid.Int64Range(1, int64(api.DecimalLimit)), rapid.Int64Range(1, 20), whole)
		rounds := make([]api.ScreenRound, n)
		for i := range rounds {
			for _, a := range rapid.SliceOfNDistinct(rapid.IntRange(0, 8), 0, 9, rapid.ID).Draw(t, "agents") {
				rounds[i].Values = append(rounds[i].Values, api.ScreenValue{Agent: fmt.Sprint("a", a), Value: api.Decimal(value.Draw(t, "value"))})
			}
			if v := rounds[i].Values; len(v) > 0 && rapid.Bool().Draw(t, "won") {
				rounds[i].Winner = v[rapid.IntRange(0, len(v)-1).Draw(t, "winner")].Agent
			}
		}
		for _, kind := range []api.ScreenKind{api.ScreenBids, api.ScreenEstimates} {
			r := &api.ScreenRequest{Kind: kind, Rounds: rounds, Threshold: 1}
			if err := r.Validate(); err != nil {
				t.Fatal(err)
			}
			was := fmt.Sprint(screen.Collusion(r))
			mixed := make([]api.ScreenRound, n)
			for i := range rounds {
				mixed[i] = rounds[i]
				mixed[i].Values = slices.Clone(rounds[i].Values)
				slices.Reverse(mixed[i].Values)
			}
			if got := fmt.Sprint(screen.Collusion(&api.ScreenRequest{Kind: kind, Rounds: mixed, Threshold: 1})); got != was {
				t.Fatalf("another order of the agents: %s, before %s", got, was)
			}
		}
	})
}

func TestRatioBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64Range(1, 1<<60).Draw(t, "a"), rapid.Int64Range(1, 1<<60).Draw(t, "b")
		got, want := screen.RatioBits(a, b), fixed.LogRatio(api.Decimal(a), api.Decimal(b))
		if got < want-1 || got > want+1 {
			t.Fatalf("log2(%d/%d) is %s, want %s", a, b, got, want)
		}
	})
}
