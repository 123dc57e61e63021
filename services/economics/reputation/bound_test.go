package reputation_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Whatever the members of a group say of one another, whatever they move among themselves without a fee, and however many they are:
// nobody's score leaves 0.4 to 0.6.
func TestAGroupThatNobodyBacksGainsLittle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		members := rapid.IntRange(2, 40).Draw(t, "members")
		for range rapid.IntRange(1, 150).Draw(t, "records") {
			a, b := rapid.IntRange(0, members-1).Draw(t, "agent"), rapid.IntRange(0, members-1).Draw(t, "by")
			q := rapid.SampledFrom([]api.Decimal{0, 300_000, api.One}).Draw(t, "quality")
			r := deal(fmt.Sprint("s", b), fmt.Sprint("s", a), q, api.Micro(rapid.Int64Range(0, 1e9).Draw(t, "stake")), 0)
			if rapid.Bool().Draw(t, "opinion") {
				r.Source = api.SourceOpinion
			}
			_ = w.record(r) // refused or not
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "hours")) * 12 * time.Hour)
		}
		for i := range members {
			p := w.of(fmt.Sprint("s", i), "")
			if p.Score < 400_000 || p.Score > 600_000 || p.Proven != 0 {
				t.Fatalf("%+v", p)
			}
		}
	})
}

// What is proven about a group is at most twice what outsiders and fees have backed, whatever goes on inside of it: half of what comes in
// may be passed on, half of that again, and so on.
func TestWhatAGroupPassesOnThinsOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		members := rapid.IntRange(2, 12).Draw(t, "members")
		var backed api.Decimal
		for range rapid.IntRange(1, 150).Draw(t, "records") {
			a, b := rapid.IntRange(0, members-1).Draw(t, "agent"), rapid.IntRange(0, members-1).Draw(t, "by")
			r := deal(fmt.Sprint("s", b), fmt.Sprint("s", a), api.One, api.Micro(rapid.Int64Range(0, 2e7).Draw(t, "stake")), 0)
			switch rapid.IntRange(0, 9).Draw(t, "how") {
			case 0:
				r.By, r.Source = "op", api.SourceOperator
			case 1:
				r.Fee = api.Micro(rapid.Int64Range(0, 2e6).Draw(t, "fee"))
			}
			if w.record(r) == nil {
				backed += api.Decimal(r.Fee)
				if r.Source == api.SourceOperator {
					backed += api.One
				}
			}
			var proven, given api.Decimal
			for i := range members {
				proven += w.of(fmt.Sprint("s", i), "").Proven
				if x, ok := w.Agents[fmt.Sprint("s", i)]; ok {
					given += x.Given
				}
			}
			if proven > 2*backed || given > 2*backed {
				t.Fatalf("%v is proven, %v was given, %v backed", proven, given, backed)
			}
		}
	})
}

// Scores are from 0 to 1, weights are what they are made of, and the same commands make the same state.
func TestTheStateKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, twin := newWorld(), newWorld()
		for i := range rapid.IntRange(1, 80).Draw(t, "steps") {
			agent := fmt.Sprint("a", rapid.IntRange(0, 4).Draw(t, "agent"))
			if rapid.IntRange(0, 9).Draw(t, "what") == 0 {
				violation := rapid.SampledFrom([]string{"quality_fraud", "task_abandonment", "x"}).Draw(t, "violation")
				_, e1 := w.penalise(agent, violation, fmt.Sprint(i/3))
				_, e2 := twin.penalise(agent, violation, fmt.Sprint(i/3))
				same(t, e1, e2)
			} else {
				r := reputation.Record{
					Agent: agent, By: fmt.Sprint("a", rapid.IntRange(0, 40).Draw(t, "by")), Domain: rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "domain"),
					Quality: rapid.Custom(unit).Draw(t, "quality"), Satisfaction: rapid.Custom(unit).Draw(t, "satisfaction"),
					Stake: api.Micro(rapid.Int64Range(-1, 1e8).Draw(t, "stake")), Fee: api.Micro(rapid.Int64Range(0, 1e7).Draw(t, "fee")),
					Source: rapid.SampledFrom(api.RecordSources).Draw(t, "source"),
				}
				same(t, w.record(r), twin.record(r))
			}
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "hours")) * time.Hour)
			twin.now = w.now
		}
		for key, s := range w.Standings {
			sum := s.Operators.Mass + s.Rest.Mass + s.Pool.Mass
			for _, e := range s.Edges {
				sum += e.Mass
				if e.Sum < 0 || e.Sum > e.Mass || e.Mass > api.One/4 {
					t.Fatalf("%s: %+v", key, e)
				}
			}
			if s.Pool.Sum < 0 || s.Pool.Sum > s.Pool.Mass || s.Rest.Sum > s.Rest.Mass || s.Operators.Sum > s.Operators.Mass || sum > 41*api.One || len(s.Edges) > 32 {
				t.Fatalf("%s: %+v", key, s)
			}
		}
		for i := range 5 {
			for _, domain := range []string{"", "x"} {
				if p := w.of(fmt.Sprint("a", i), domain); p.Score < 0 || p.Score > api.One || p.Raw < 0 || p.Raw > api.One || p.Consistency < 0 || p.Consistency > api.One {
					t.Fatalf("%+v", p)
				}
			}
		}
		one, _ := codec.Marshal(w.State)
		two, _ := codec.Marshal(twin.State)
		if string(one) != string(two) {
			t.Fatal("the same commands make different states")
		}
	})
}

func unit(t *rapid.T) api.Decimal {
	return api.Decimal(rapid.Int64Range(-1, 1_000_000).Draw(t, "unit"))
}

func same(t *rapid.T, a, b error) {
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Fatalf("%v and %v", a, b)
	}
}

func TestRank(t *testing.T) {
	w := newWorld()
	for i := range 30 {
		r := plain(fmt.Sprintf("a%02d", i), api.Decimal(i/2)*50_000)
		r.Domain = "x"
		w.must(t, r)
		if i%3 == 0 {
			w.must(t, r2(r))
		}
	}
	places, ranked := w.rank("x", 1, 4)
	var got []string
	for i, p := range places {
		got = append(got, p.Agent)
		if p.Place != i+1 || p.Score != w.score(p.Agent, "x") {
			t.Errorf("%+v", p)
		}
	}
	// 27 has 0.65 twice, 28 and 29 have 0.7 once, and 26 has 0.65 once.
	if want := "[a27 a28 a29 a26]"; fmt.Sprint(got) != want || ranked != 30 {
		t.Errorf("%v of %d, want %s", got, ranked, want)
	}
	if places, ranked = w.rank("x", 2, 1000); len(places) != 10 || ranked != 10 {
		t.Errorf("%d of %d", len(places), ranked)
	}
	if places, ranked = w.rank("y", 1, 10); places == nil || len(places) != 0 || ranked != 0 {
		t.Errorf("%v of %d", places, ranked)
	}
	if _, err := w.penalise("a29", "x", "v"); err != nil {
		t.Fatal(err)
	}
	if places, _ = w.rank("", 1, 1000); places[0].Agent == "a29" || len(places) != 30 {
		t.Errorf("%v", places[0])
	}
	if s := w.Stats(); s.Agents != 30 || s.Standings != 60 || s.ByOperators != 40 || s.Penalties != 1 {
		t.Errorf("%+v", s)
	}
}

func r2(r reputation.Record) reputation.Record { r.Ref = ""; return r }

// The best are the first of all, whatever the limit.
func TestRankIsTheBeginningOfTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		for i := range rapid.IntRange(0, 30).Draw(t, "agents") {
			w.must(t, plain(fmt.Sprint("a", i), api.Decimal(rapid.IntRange(0, 3).Draw(t, "quality"))*200_000))
		}
		all, ranked := w.rank("", 1, 1000)
		for i := range all {
			if i > 0 && (all[i].Score > all[i-1].Score || all[i].Score == all[i-1].Score && all[i].Agent < all[i-1].Agent) {
				t.Fatalf("%+v before %+v", all[i-1], all[i])
			}
		}
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		some, _ := w.rank("", 1, limit)
		if fmt.Sprint(some) != fmt.Sprint(all[:min(limit, len(all))]) || ranked != len(all) {
			t.Fatalf("%v of %v", some, all)
		}
	})
}
