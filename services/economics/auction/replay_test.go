package auction_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// sold returns the transcript of an auction that has ended.
func sold(t *testing.T, kind api.AuctionType) []api.TranscriptStep {
	t.Helper()
	h := newHouse(t)
	must(h, "owner", api.AuctionsCreate, api.AuctionSpec{ID: "x", Type: kind, Asset: "gpu", Quantity: 4, Reserve: 5 * unit, Fee: 10_000})
	must(h, "a", api.AuctionsBid, bidding("x", 20))
	must(h, "b", api.AuctionsBid, bidding("x", 30))
	h.pass(2 * time.Hour)
	return h.auctions.Auctions["x"].Log.Recent
}

// Each row changes one thing in a transcript of a, 20, and b, 30, with a reserve of 5 and a fee of 1 %.
func TestRecomputeNamesTheFirstDifference(t *testing.T) {
	for _, row := range []struct {
		kind           api.AuctionType
		step           int
		old, new, says string
	}{
		{api.AuctionVickrey, 0, `"type":"vickrey"`, `"type":"first_price"`, "step 5 (closed): the price of b is 30000000"},
		{api.AuctionVickrey, 0, `"reserve":"5000000"`, `"reserve":"25000000"`, "step 2 (sealed): failed_precondition (bid_too_low)"},
		{api.AuctionVickrey, 0, `"fee":0.01`, `"fee":0.02`, "step 5 (closed): price 20000000, traded 20000000, fee 400000"},
		{api.AuctionVickrey, 0, `"ends_at":"2026-01-02T04`, `"ends_at":"2026-01-02T05`, "step 1 (created): it ends at 2026-01-02 04:04:05"},
		{api.AuctionVickrey, 1, `"price":"20000000"`, `"price":"21000000"`, "step 5 (closed): the price of b is 21000000"},
		{api.AuctionVickrey, 1, `"price":"20000000"`, `"price":"40000000"`, "step 5 (closed): winner 1 is a, not b"},
		{api.AuctionVickrey, 3, `"amount":"19800000"`, `"amount":"19800001"`, "step 5 (closed): payment 1 is settlement of 19800000"},
		{api.AuctionVickrey, 3, `"to":"owner/main/credit"`, `"to":"thief/main/credit"`, "step 5 (closed): payment 1 is settlement"},
		{api.AuctionVickrey, 4, `"quantity":4`, `"quantity":5`, "step 5 (closed): b has won 4 [], not 5 []"},
		{api.AuctionVickrey, 4, `"traded":"20000000"`, `"traded":"20000001"`, "traded 20000000"},
		{api.AuctionEnglish, 2, `"standing":"30000000"`, `"standing":"20100000"`, "step 3 (bid): b leads at 30000000, not b at 20100000"},
		{api.AuctionEnglish, 2, `"leader":"b"`, `"leader":"a"`, "step 3 (bid): b leads at 30000000, not a at 30000000"},
		{api.AuctionEnglish, 2, `"price":"30000000"`, `"price":"-1"`, "step 3 (bid)"},
		{api.AuctionEnglish, 2, `{`, `[`, "step 3 (bid): cannot be read"},
	} {
		steps := append([]api.TranscriptStep(nil), sold(t, row.kind)...)
		body := string(steps[row.step].Body)
		if !strings.Contains(body, row.old) {
			t.Fatalf("step %d has no %s: %s", row.step+1, row.old, body)
		}
		steps[row.step].Body = []byte(strings.Replace(body, row.old, row.new, 1))
		if _, err := auction.Recompute(steps); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s, %s instead of %s: %v, want %s", row.kind, row.new, row.old, err, row.says)
		}
	}
}

// What is missing, added, moved or by somebody else is found too.
func TestRecomputeOfOtherSteps(t *testing.T) {
	for name, change := range map[string]func(s []api.TranscriptStep) []api.TranscriptStep{
		"nothing":             func([]api.TranscriptStep) []api.TranscriptStep { return nil },
		"a bid left out":      func(s []api.TranscriptStep) []api.TranscriptStep { return append(s[:2:2], s[3:]...) },
		"a payment left out":  func(s []api.TranscriptStep) []api.TranscriptStep { s[4].Number = 4; return append(s[:3:3], s[4]) },
		"a bid after the end": func(s []api.TranscriptStep) []api.TranscriptStep { s[1].Number = 6; return append(s, s[1]) },
		"a bid by the owner":  func(s []api.TranscriptStep) []api.TranscriptStep { s[1].By = "owner"; return s },
		"a late bid":          func(s []api.TranscriptStep) []api.TranscriptStep { s[2].At = s[0].At.Add(time.Hour); return s },
		"time that goes back": func(s []api.TranscriptStep) []api.TranscriptStep { s[2].At = s[0].At.Add(-time.Hour); return s },
		"an early end":        func(s []api.TranscriptStep) []api.TranscriptStep { s[4].At = s[2].At; s[3].At = s[2].At; return s },
		"a withheld bid":      func(s []api.TranscriptStep) []api.TranscriptStep { s[1].Body = nil; return s },
		"an unknown step":     func(s []api.TranscriptStep) []api.TranscriptStep { s[1].What = "rigged"; return s },
		"two beginnings":      func(s []api.TranscriptStep) []api.TranscriptStep { s[1] = s[0]; s[1].Number = 2; return s },
		"another end":         func(s []api.TranscriptStep) []api.TranscriptStep { s[4].What = auction.StepExpired; return s },
		"called off": func(s []api.TranscriptStep) []api.TranscriptStep {
			s[3].What, s[3].By = auction.StepCancelled, "owner"
			return s[:4]
		},
	} {
		steps := append([]api.TranscriptStep(nil), sold(t, api.AuctionVickrey)...)
		if _, err := auction.Recompute(steps); err != nil {
			t.Fatal(err)
		}
		if _, err := auction.Recompute(change(steps)); err == nil {
			t.Errorf("%s is not found", name)
		}
	}
}

func FuzzRecompute(f *testing.F) {
	for _, kind := range []api.AuctionType{api.AuctionVickrey, api.AuctionEnglish, api.AuctionUniform} {
		h := open(f, "owner", "a", "b")
		must(h, "owner", api.AuctionsCreate, api.AuctionSpec{ID: "x", Type: kind, Asset: "gpu", Quantity: 4})
		must(h, "a", api.AuctionsBid, bidding("x", 20))
		h.pass(2 * time.Hour)
		raw, err := codec.Marshal(h.auctions.Auctions["x"].Log.Recent)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(_ *testing.T, raw []byte) {
		var steps []api.TranscriptStep
		if codec.Read(raw, &steps) == nil {
			_, _ = auction.Recompute(steps) // it must not panic
		}
	})
}
