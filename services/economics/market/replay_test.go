package market_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/market"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// stories are transcripts of markets of all types, by name.
func stories(t *testing.T) map[string][]api.TranscriptStep {
	out := map[string][]api.TranscriptStep{}
	for _, kind := range []api.MarketType{api.MarketContinuous, api.MarketCall, api.MarketSealed} {
		w := gpu(t, api.MarketSpec{Type: kind, Fee: 12_345})
		must(w, "a", api.MarketsOrder, limit(api.OrderSell, 8*unit, 8))
		must(w, "b", api.MarketsOrder, limit(api.OrderSell, 9*unit, 7))
		must(w, "c", api.MarketsOrder, limit(api.OrderBuy, 12*unit, 10))
		must(w, "d", api.MarketsOrder, limit(api.OrderBuy, 11*unit, 10))
		must(w, "a", api.MarketsOrder, limit(api.OrderSell, 20*unit, 3))
		must(w, "a", api.MarketsCancelOrder, api.MarketCancelOrderRequest{Market: "m", Order: 5})
		w.now = w.now.Add(time.Minute)
		must(w, "owner", api.MarketsClose, api.MarketIDRequest{ID: "m"})
		out[string(kind)] = w.markets.Markets["m"].Log.Recent
	}
	for name, void := range map[string]bool{"prediction": false, "void": true} {
		w := bet(t, "yes", "no")
		must(w, "a", api.MarketsTrade, shares(api.OrderBuy, 1, 40))
		must(w, "b", api.MarketsTrade, shares(api.OrderBuy, 2, 30))
		must(w, "a", api.MarketsTrade, shares(api.OrderSell, 1, 15))
		outcome := 1
		if void {
			outcome = 0
		}
		must(w, "oracle", api.MarketsResolve, api.MarketResolveRequest{ID: "rain", Outcome: outcome, Void: void})
		out[name] = w.markets.Markets["rain"].Log.Recent
		told, err := market.Recompute(out[name])
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := w.markets.View("rain"); v.Value != told.Value || v.Trades != told.Trades || !slices.Equal(v.Payouts, told.Payouts) || v.State != told.State {
			t.Errorf("%s: %+v, recomputed %+v", name, v, told)
		}
	}
	return out
}

func TestRecomputedMarketsAreTheSame(t *testing.T) {
	for name, steps := range stories(t) {
		m, err := market.Recompute(steps)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Trades == 0 || m.Value == 0 {
			t.Errorf("%s: %+v", name, m)
		}
		if m.Type == api.MarketCall && (m.LastPrice != 10*unit || m.Volume != 15 || m.Fees != 1_851_750) {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// Every number in every step is bound to the rest: with any other one, the transcript is refused, and the step is named. What is free are
// the terms and wishes themselves, where they do not matter to what came of them.
func TestChangedTranscriptsAreRefused(t *testing.T) {
	caught, free := 0, 0
	for name, steps := range stories(t) {
		for i := range steps {
			for at := range steps[i].Body {
				if c := steps[i].Body[at]; c < '1' || c > '8' {
					continue
				}
				changed := slices.Clone(steps)
				changed[i].Body = bytes.Clone(steps[i].Body)
				changed[i].Body[at]++
				if !codec.Valid(changed[i].Body) {
					continue
				}
				_, err := market.Recompute(changed)
				switch {
				case err == nil && (steps[i].What == market.StepCreated || steps[i].What == market.StepOrder && field(changed[i].Body[:at]) == "price"):
					free++
				case err == nil:
					t.Errorf("%s: step %d (%s) says %s, and nobody objects", name, i+1, steps[i].What, changed[i].Body)
				case api.ReasonOf(err) != market.ReasonTranscript || !strings.HasPrefix(api.AsError(err).Message, "step "):
					t.Errorf("%s: %v", name, err)
				default:
					caught++
				}
			}
		}
	}
	t.Logf("%d changes are caught, %d are not", caught, free)
	if caught < 5*free {
		t.Errorf("%d changes are caught, and %d are not", caught, free)
	}
}

// field returns the name of the last field that begins in a part of a body.
func field(body []byte) string {
	end := bytes.LastIndex(body, []byte(`":`))
	return string(body[bytes.LastIndexByte(body[:end], '"')+1 : end])
}

func TestTranscriptsThatAreNone(t *testing.T) {
	all := stories(t)
	call, rain := all["call"], all["prediction"]
	without := func(steps []api.TranscriptStep, i int) []api.TranscriptStep {
		return slices.Delete(slices.Clone(steps), i, i+1)
	}
	closed := slices.IndexFunc(call, func(s api.TranscriptStep) bool { return s.What == market.StepClosed })
	for name, steps := range map[string][]api.TranscriptStep{
		"no steps":               nil,
		"no beginning":           call[1:],
		"two beginnings":         slices.Concat(call[:1], call),
		"an order is missing":    without(call, 1),
		"the clearing is gone":   slices.Concat(without(call, closed-2)[:closed-2], call[closed:]),
		"the trades are gone":    without(call, closed-1),
		"they are told twice":    slices.Concat(call[:closed], call[closed-1:]),
		"cut in a clearing":      call[:closed-1],
		"an order after the end": slices.Concat(call, call[1:2]),
		"a trade is missing":     without(rain, 1),
		"no close":               without(rain, 4),
		"resolved twice":         append(slices.Clone(rain), rain[len(rain)-1]),
		"a step of no market":    append(slices.Clone(rain[:2]), api.TranscriptStep{Number: 3, What: "bid", At: rain[1].At, Body: json.RawMessage(`{}`)}),
		"withheld":               append(slices.Clone(call[:1]), api.TranscriptStep{Number: 2, What: market.StepOrder, At: call[1].At}),
		"back in time":           append(slices.Clone(rain[:2]), api.TranscriptStep{Number: 3, What: market.StepClosed, Body: json.RawMessage(`{}`)}),
		"of another kind":        slices.Concat(rain[:1], call[1:2]),
	} {
		if m, err := market.Recompute(steps); api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != market.ReasonTranscript {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

// FuzzRecompute feeds any bytes as the steps of a market.
func FuzzRecompute(f *testing.F) {
	f.Add([]byte(`[{"number":1,"at":"2026-01-02T03:04:05Z","what":"created","by":"o","body":{"id":"m","name":"n","type":"prediction","outcomes":["a","b"],"liquidity":"1000000"}},
		{"number":2,"at":"2026-01-02T03:04:05Z","what":"trade","by":"a","body":{"trade":{"number":1,"at":"2026-01-02T03:04:05Z","price":"1","quantity":1,"value":"1","buyer":"a","outcome":1},"shares":[1,0],"cost":"1"}}]`))
	f.Add([]byte(`[{"number":1,"at":"2026-01-02T03:04:05Z","what":"created","by":"o","body":{"id":"m","name":"n","type":"call","commodity":"gpu"}},
		{"number":2,"at":"2026-01-02T03:04:05Z","what":"order","body":{"order":{"number":1,"owner":"a","side":"buy","type":"limit","price":"5","quantity":2},"rest":2}}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var steps []api.TranscriptStep
		if codec.Read(data, &steps) != nil {
			return
		}
		if _, err := market.Recompute(steps); err != nil && api.CodeOf(err) != api.Invalid {
			t.Error(err)
		}
	})
}
