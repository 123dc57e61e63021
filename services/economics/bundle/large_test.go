package bundle_test

import (
	"testing"

	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/services/economics/bundle/instances"
	"github.com/mabus-project/mabus/shared/api"
)

// tabulate finds the best welfare for each set of items, bidder by bidder: exact for bids that exclude one another, and quick for few items.
func tabulate(p *bundle.Problem, without string) api.Micro {
	best := make([]api.Micro, 1<<len(p.Items))
	for at := 0; at < len(p.Bids); {
		bidder := p.Bids[at].Bidder
		next := append([]api.Micro(nil), best...)
		for ; at < len(p.Bids) && p.Bids[at].Bidder == bidder; at++ {
			b := &p.Bids[at]
			if bidder == without {
				continue
			}
			for s := range best {
				if set := bundle.Set(s); b.Items&^set == 0 {
					next[s] = max(next[s], best[set&^b.Items]+b.Price)
				}
			}
		}
		best = next
	}
	return best[len(best)-1]
}

// Instances of every kind, with too many bids to try them all, against a table of all sets of items.
func TestSolveEqualsATable(t *testing.T) {
	for _, kind := range instances.Kinds {
		for seed := range uint64(8) {
			p := instances.Make(kind, 9, 100, seed)
			s, err := bundle.Solve(p, bundle.DefaultSteps)
			if err != nil {
				t.Fatal(err)
			}
			if want := tabulate(p, ""); s.Welfare != want {
				t.Fatalf("%s %d: welfare %d, want %d", kind, seed, s.Welfare, want)
			}
			for _, a := range s.Awards {
				if want := tabulate(p, a.Bidder); a.Without.Welfare != want {
					t.Fatalf("%s %d: without %s %d, want %d", kind, seed, a.Bidder, a.Without.Welfare, want)
				}
			}
			if proved, err := bundle.Check(p, s, bundle.CheckSteps); err != nil || !proved {
				t.Errorf("%s %d: %v, %v", kind, seed, proved, err)
			}
		}
	}
}

// What takes too many steps is given up, at the same place each time, and its check says that it could not prove.
func TestStepsAreBounded(t *testing.T) {
	p := instances.Make(instances.Uniform, 30, 200, 1)
	a, used, err := bundle.Determine(p, bundle.DefaultSteps)
	if err != nil {
		t.Fatal(err)
	}
	if _, again, err := bundle.Determine(p, used); err != nil || again != used {
		t.Errorf("%d steps were enough, and then %d are not: %v", used, again, err)
	}
	for _, few := range []int{0, 1, 1000, used / 2, used - 1} {
		if _, _, err := bundle.Determine(p, few); api.ReasonOf(err) != api.ReasonTooHard {
			t.Errorf("%d of %d steps: %v", few, used, err)
		}
		if _, err := bundle.Solve(p, few); api.ReasonOf(err) != api.ReasonTooHard {
			t.Errorf("%d of %d steps: %v", few, used, err)
		}
	}
	s, err := bundle.Solve(p, bundle.DefaultSteps)
	if err != nil || s.Welfare != a.Welfare {
		t.Fatal(err)
	}
	if proved, err := bundle.Check(p, s, s.Steps); err != nil || !proved {
		t.Errorf("as many steps as it took to solve do not prove it: %v, %v", proved, err)
	}
	if proved, err := bundle.Check(p, s, 2000); err != nil || proved {
		t.Errorf("2000 steps prove it: %v, %v", proved, err)
	}
}

func BenchmarkVCG12x100(b *testing.B) { solve(b, 12, 100, true) }
func BenchmarkWDP30x200(b *testing.B) { solve(b, 30, 200, false) }

func solve(b *testing.B, items, bids int, payments bool) {
	for _, kind := range instances.Kinds {
		b.Run(string(kind), func(b *testing.B) {
			var all []*bundle.Problem
			for seed := range uint64(10) {
				all = append(all, instances.Make(kind, items, bids, seed))
			}
			steps := 0
			for i := 0; b.Loop(); i++ {
				p := all[i%len(all)]
				if payments {
					s, err := bundle.Solve(p, bundle.DefaultSteps)
					if err != nil {
						b.Fatal(err)
					}
					steps += s.Steps
					continue
				}
				_, used, err := bundle.Determine(p, bundle.DefaultSteps)
				if err != nil {
					b.Fatal(err)
				}
				steps += used
			}
			b.ReportMetric(float64(steps)/float64(b.N), "steps/op")
		})
	}
}
