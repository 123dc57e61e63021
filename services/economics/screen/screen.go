// Package screen holds the pure rules of screening for collusion: tests of whether agents bid, estimate or trade as independent ones
// would. A screen advises; it punishes nobody.
//
// Every score is in bits of surprise (the S-value of Rafi and Greenland, 2020): -log2 of a bound on the probability with which
// independent agents look so in any of the comparisons of the test (Bonferroni). All is computed in whole numbers, so that a
// score is the same on every processor. How often the tests err is measured in test/collusionsim.
package screen

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// Threshold is from which score on something is flagged unless the request says otherwise, in bits. A bound of 1/16 looks weak, but the
// bounds are far from what is reached: see test/collusionsim.
const Threshold = 4 * api.One

// Collusion runs the tests that fit the request, which has to be valid. Flags are sorted by their scores, the highest first.
func Collusion(r *api.ScreenRequest) *api.ScreenResponse {
	resp := &api.ScreenResponse{Flags: []api.ScreenFlag{}, Runs: []api.ScreenRun{}}
	threshold := r.Threshold
	if threshold == 0 {
		threshold = Threshold
	}
	add := func(test api.ScreenTest, flags []api.ScreenFlag, compared int) {
		for _, f := range flags {
			if f.Score >= threshold {
				resp.Flags = append(resp.Flags, f)
			}
		}
		resp.Runs = append(resp.Runs, api.ScreenRun{Test: test, Compared: compared, Threshold: threshold})
	}
	switch r.Kind {
	case api.ScreenEstimates:
		flags, compared := Copies(r.Rounds, r.Resolution)
		add(api.ScreenCopies, flags, compared)
		flags, compared = Concordance(r.Rounds, false)
		add(api.ScreenConcordance, flags, compared)
	case api.ScreenBids:
		flags, compared := Concordance(r.Rounds, true)
		add(api.ScreenConcordance, flags, compared)
		flags, compared = Rotation(r.Rounds)
		add(api.ScreenRotation, flags, compared)
	case api.ScreenTrades:
		flags, compared := Rings(r.Trades, threshold)
		add(api.ScreenRing, flags, compared)
	}
	slices.SortStableFunc(resp.Flags, func(a, b api.ScreenFlag) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(string(a.Test), string(b.Test)), slices.Compare(a.Agents, b.Agents))
	})
	return resp
}

// roster returns the agents of the rounds in their order, and where each is in it.
func roster(rounds []api.ScreenRound) (names []string, place map[string]int) {
	place = map[string]int{}
	for i := range rounds {
		for _, v := range rounds[i].Values {
			if _, ok := place[v.Agent]; !ok {
				place[v.Agent] = 0
				names = append(names, v.Agent)
			}
		}
	}
	slices.Sort(names)
	for i, n := range names {
		place[n] = i
	}
	return names, place
}

// median of what is not empty; of an even number, the mean of the middle two, towards zero.
func median(values []int64) int64 { return middle(slices.Clone(values)) }

// middle is median of values that it may sort.
func middle(values []int64) int64 {
	slices.Sort(values)
	n := len(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return values[n/2-1] + (values[n/2]-values[n/2-1])/2
}
