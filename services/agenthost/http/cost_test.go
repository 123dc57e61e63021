package http_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/agenthost/http"
	"github.com/mabus-project/mabus/shared/api"
)

// most is what MaxCost ought to say, by the definition.
func most(spec api.HTTPSpec, in, out int64) api.Micro {
	sum := new(big.Int).Mul(big.NewInt(in), big.NewInt(int64(spec.PriceIn)))
	sum.Add(sum, new(big.Int).Mul(big.NewInt(out), big.NewInt(int64(spec.PriceOut))))
	sum.Add(sum, big.NewInt(999_999)).Div(sum, big.NewInt(1_000_000)).Add(sum, big.NewInt(int64(spec.PriceCall)))
	if !sum.IsInt64() {
		return math.MaxInt64
	}
	return api.Micro(sum.Int64())
}

func TestMaxCost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		price := rapid.OneOf(rapid.Int64Range(0, 10_000_000), rapid.Int64Range(0, math.MaxInt64))
		spec := api.HTTPSpec{
			URL: "http://h", Format: api.HTTPChat, Model: "m", System: strings.Repeat("s", rapid.IntRange(0, 9).Draw(rt, "system")),
			MaxTokens: rapid.OneOf(rapid.IntRange(0, 9), rapid.IntRange(0, math.MaxInt)).Draw(rt, "max tokens"),
			PriceIn:   api.Micro(price.Draw(rt, "in")), PriceOut: api.Micro(price.Draw(rt, "out")), PriceCall: api.Micro(price.Draw(rt, "call")),
		}
		text := rapid.String().Draw(rt, "text")
		asked := rapid.IntRange(0, 20).Draw(rt, "asked")
		payload, err := json.Marshal(api.ChatRequest{Messages: []api.ChatMessage{{Role: "user", Content: text}}, MaxTokens: asked, Extra: json.RawMessage(`{"a":"b"}`)})
		if err != nil {
			rt.Fatal(err)
		}
		in := int64(len(text) + len("user") + 32 + 32 + len(`{"a":"b"}`))
		if spec.System != "" {
			in += int64(len("system") + len(spec.System) + 32)
		}
		out := int64(api.DefaultMaxTokens)
		if spec.MaxTokens > 0 {
			out = int64(spec.MaxTokens)
		}
		if asked > 0 {
			out = min(out, int64(asked))
		}
		if got := start(t, spec).MaxCost(payload); got != most(spec, in, out) {
			rt.Fatalf("got %v, want %v", got, most(spec, in, out))
		}
		spec.Format = api.HTTPJSON
		out = max(int64(spec.MaxTokens), 0)
		if out == 0 {
			out = api.DefaultMaxTokens
		}
		if got := start(t, spec).MaxCost(payload); got != most(spec, int64(len(payload)), out) {
			rt.Fatalf("json: got %v, want %v", got, most(spec, int64(len(payload)), out))
		}
	})
}

func TestMaxCostOfWhatIsRefused(t *testing.T) {
	e := start(t, api.HTTPSpec{URL: "http://h", Format: api.HTTPChat, Model: "m", PriceCall: 5})
	for _, payload := range []string{``, `null`, `{}`, `{"prompt":1}`, `{"prompt":"p","extra":{"n":100}}`} {
		if got := e.MaxCost(json.RawMessage(payload)); got != 0 {
			t.Errorf("%s: %v", payload, got)
		}
	}
	if got := e.MaxCost(json.RawMessage(`{"prompt":"p"}`)); got != 5 {
		t.Errorf("got %v", got)
	}
}

var _ interface {
	MaxCost(json.RawMessage) api.Micro
	Measure(*api.AgentLive)
	Reset()
} = (*http.Endpoint)(nil)
