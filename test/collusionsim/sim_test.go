package collusionsim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/economics/screen"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/test/collusionsim"
)

// rates are shares of the simulated worlds: in which somebody honest was flagged, alone or with others, and in which at least two of the
// ring were flagged together and nobody else with them.
type rates struct{ wrong, found float64 }

// screened measures the rates over n seeds.
func screened(t *testing.T, n, ring int, request func(seed uint64) api.ScreenRequest) rates {
	t.Helper()
	bad, hit := 0, 0
	n /= share // of the worlds, where each takes longer
	for seed := range n {
		req := request(uint64(seed))
		if err := req.Validate(); err != nil {
			t.Fatal(err)
		}
		wrong, found := false, false
		for _, f := range screen.Collusion(&req).Flags {
			honest := false
			for _, a := range f.Agents {
				honest = honest || strings.Compare(a, fmt.Sprintf("a%02d", ring)) >= 0
			}
			wrong, found = wrong || honest, found || !honest
		}
		if wrong {
			bad++
		}
		if found {
			hit++
		}
	}
	return rates{float64(bad) / float64(n), float64(hit) / float64(n)}
}

// bounds hold what was measured.
type bounds struct {
	most float64 // of wrong flags
	low  float64 // of rings found
	high float64
}

func (b bounds) hold(t *testing.T, r rates) {
	t.Helper()
	t.Logf("%s: wrong %.3f found %.3f", t.Name(), r.wrong, r.found)
	slack := 0.0
	if share > 1 { // few worlds tell little
		slack = 0.25
	}
	if r.wrong > b.most+slack || r.found < b.low-slack || r.found > b.high+slack {
		t.Errorf("wrong %.3f found %.3f, want at most %.3f, and %.3f to %.3f", r.wrong, r.found, b.most, b.low, b.high)
	}
}

func TestBids(t *testing.T) {
	for _, row := range []struct {
		agents, rounds, ring int
		scheme               collusionsim.Scheme
		n                    int
		bounds
	}{
		{5, 48, 0, collusionsim.Honest, 200, bounds{0.03, 0, 0}},
		{10, 24, 0, collusionsim.Honest, 200, bounds{0.03, 0, 0}},
		{10, 96, 0, collusionsim.Honest, 100, bounds{0.03, 0, 0}},
		{20, 48, 0, collusionsim.Honest, 50, bounds{0.05, 0, 0}},
		{10, 24, 3, collusionsim.Copies, 100, bounds{0.04, 0.35, 0.6}},
		{10, 48, 3, collusionsim.Copies, 100, bounds{0.05, 0.65, 0.9}},
		{10, 96, 3, collusionsim.Copies, 100, bounds{0.04, 0.75, 1}},
		{10, 24, 3, collusionsim.Cover, 100, bounds{0.04, 0.08, 0.25}},
		{10, 48, 3, collusionsim.Cover, 100, bounds{0.05, 0.4, 0.65}},
		{10, 96, 3, collusionsim.Cover, 100, bounds{0.04, 0.75, 1}},
		{5, 48, 3, collusionsim.Turns, 100, bounds{0.04, 0.45, 0.75}},
		{4, 48, 4, collusionsim.Turns, 100, bounds{0, 0.9, 1}},
		{10, 96, 3, collusionsim.Restrain, 100, bounds{0.05, 0, 0.05}},
	} {
		t.Run(fmt.Sprintf("%d of %d by %d in %d", row.ring, row.agents, row.scheme, row.rounds), func(t *testing.T) {
			t.Parallel()
			row.hold(t, screened(t, row.n, row.ring, func(seed uint64) api.ScreenRequest {
				s := collusionsim.Series{Agents: row.agents, Rounds: row.rounds, Ring: row.ring, Scheme: row.scheme}
				return api.ScreenRequest{Kind: api.ScreenBids, Rounds: s.Bids(seed)}
			}))
		})
	}
}

func TestEstimates(t *testing.T) {
	for _, row := range []struct {
		panel collusionsim.Panel
		bounds
	}{
		{collusionsim.Panel{Agents: 5, Known: true}, bounds{0.03, 0, 0}},
		{collusionsim.Panel{Agents: 5, Known: true, Heavy: true}, bounds{0.03, 0, 0}},
		{collusionsim.Panel{Agents: 5}, bounds{0.02, 0, 0}},
		{collusionsim.Panel{Agents: 10, Known: true}, bounds{0.04, 0, 0}},
		{collusionsim.Panel{Agents: 20, Known: true}, bounds{0.03, 0, 0}},
		{collusionsim.Panel{Agents: 20, Known: true, Heavy: true}, bounds{0.04, 0, 0}},
		{collusionsim.Panel{Agents: 20, Heavy: true}, bounds{0.03, 0, 0}},
		{collusionsim.Panel{Agents: 5, Known: true, Ring: 2, Scheme: collusionsim.Copies}, bounds{0.03, 0.5, 0.7}},
		{collusionsim.Panel{Agents: 10, Known: true, Ring: 2, Scheme: collusionsim.Copies}, bounds{0.07, 0.6, 0.8}},
		{collusionsim.Panel{Agents: 10, Known: true, Ring: 3, Scheme: collusionsim.Copies}, bounds{0.07, 0.8, 1}},
		{collusionsim.Panel{Agents: 10, Ring: 3, Scheme: collusionsim.Copies}, bounds{0.03, 0.5, 0.75}},
		{collusionsim.Panel{Agents: 20, Known: true, Ring: 4, Scheme: collusionsim.Copies}, bounds{0.13, 0.7, 0.95}},
		{collusionsim.Panel{Agents: 20, Known: true, Ring: 4, Scheme: collusionsim.Biased}, bounds{0.07, 0.25, 0.5}},
	} {
		t.Run(fmt.Sprintf("%+v", row.panel), func(t *testing.T) {
			t.Parallel()
			row.hold(t, screened(t, 500, row.panel.Ring, func(seed uint64) api.ScreenRequest {
				return api.ScreenRequest{Kind: api.ScreenEstimates, Rounds: row.panel.Estimates(seed)}
			}))
		})
	}
}

func TestTrades(t *testing.T) {
	for _, row := range []struct {
		bazaar collusionsim.Bazaar
		n      int
		bounds
	}{
		{collusionsim.Bazaar{Agents: 30, Purchases: 20}, 200, bounds{0.01, 0, 0}},
		{collusionsim.Bazaar{Agents: 30, Purchases: 20, Loyal: 0.3}, 200, bounds{0.06, 0, 0}},
		{collusionsim.Bazaar{Agents: 60, Purchases: 40, Loyal: 0.5}, 100, bounds{1, 0, 0}},
		{collusionsim.Bazaar{Agents: 60, Purchases: 40, Ring: 2, Praise: 10, Mutual: true}, 100, bounds{0.02, 0.6, 0.9}},
		{collusionsim.Bazaar{Agents: 60, Purchases: 40, Ring: 3, Praise: 10}, 100, bounds{0.02, 0.5, 0.8}},
		{collusionsim.Bazaar{Agents: 60, Purchases: 40, Ring: 3, Praise: 20}, 100, bounds{0.02, 0.9, 1}},
		{collusionsim.Bazaar{Agents: 60, Purchases: 40, Ring: 5, Praise: 10, Mutual: true, Loyal: 0.3}, 100, bounds{0.45, 0.3, 0.6}},
		{collusionsim.Bazaar{Agents: 60, Purchases: 40, Ring: 5, Praise: 20, Mutual: true}, 100, bounds{0.02, 0.95, 1}},
	} {
		t.Run(fmt.Sprintf("%+v", row.bazaar), func(t *testing.T) {
			t.Parallel()
			row.hold(t, screened(t, row.n, row.bazaar.Ring, func(seed uint64) api.ScreenRequest {
				return api.ScreenRequest{Kind: api.ScreenTrades, Trades: row.bazaar.Trades(seed)}
			}))
		})
	}
}
