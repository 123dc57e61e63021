package api_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestMeasureReadsBackTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := api.Measure(rapid.OneOf(rapid.Float64(), rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.Int().Draw(t, "int")) })).Draw(t, "m"))
		data, err := codec.Marshal(m)
		if !m.Finite() {
			if err == nil {
				t.Fatalf("%v was written as %s", float64(m), data)
			}
			return
		}
		if err != nil || string(data) != m.String() {
			t.Fatalf("%v is written as %s, %v", m, data, err)
		}
		var back api.Measure
		if err := codec.Decode(data, &back); err != nil || back != m {
			t.Fatalf("%s reads as %v, %v", data, back, err)
		}
	})
}

func TestMeasureForms(t *testing.T) {
	for m, want := range map[api.Measure]string{0: "0", api.Measure(math.Copysign(0, -1)): "0", 1: "1", -2.5: "-2.5", 0.001: "0.001", 1e-7: "1e-07", 1e21: "1e+21", 1e20: "100000000000000000000"} {
		if m.String() != want {
			t.Errorf("got %s, want %s", m, want)
		}
	}
	for _, text := range []string{`"1"`, `null`, `true`, `NaN`, `Infinity`, `-Infinity`, `1e999`, `-1e999`, `[]`, ``, `0x10`, `1_0`, `-Inf`, `-nan`} {
		m := api.Measure(7)
		if err := m.UnmarshalJSON([]byte(text)); err == nil && text != `0x10` && text != `1_0` { // those two are no JSON and do not come so far
			t.Errorf("%q was read as %v", text, m)
		}
		if err := codec.Decode([]byte(`{"m":`+text+`}`), &struct {
			M api.Measure `json:"m"`
		}{}); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func delta(change func(*api.DeltaAddRequest)) *api.DeltaAddRequest {
	r := &api.DeltaAddRequest{Source: "s", Incarnation: "i", Seq: 1, Interval: 1e9, Series: []api.DeltaSeries{{
		Series: api.Series{Metric: "latency_seconds", Kind: api.SourceAgent, ID: "a"}, Sketch: []byte{1},
	}}}
	change(r)
	return r
}

func TestValidateDeltas(t *testing.T) {
	for _, row := range []struct {
		req    api.Validator
		fields string
	}{
		{delta(func(*api.DeltaAddRequest) {}), ""},
		{delta(func(r *api.DeltaAddRequest) { r.Series = nil }), ""},
		{delta(func(r *api.DeltaAddRequest) { r.Source = "" }), "source"},
		{delta(func(r *api.DeltaAddRequest) { r.Incarnation = "a b" }), "incarnation"},
		{delta(func(r *api.DeltaAddRequest) { r.Seq = 0 }), "seq"},
		{delta(func(r *api.DeltaAddRequest) { r.Interval = 0 }), "interval"},
		{delta(func(r *api.DeltaAddRequest) { r.Interval = api.Duration(3601e9) }), "interval"},
		{delta(func(r *api.DeltaAddRequest) { r.Series = make([]api.DeltaSeries, api.MaxDeltaSeries+1) }), "series"},
		{delta(func(r *api.DeltaAddRequest) { r.Series[0].Metric = "" }), "metric"},
		{delta(func(r *api.DeltaAddRequest) { r.Series[0].Metric = "9a" }), "metric"},
		{delta(func(r *api.DeltaAddRequest) { r.Series[0].Metric = "a-b" }), "metric"},
		{delta(func(r *api.DeltaAddRequest) { r.Series[0].Metric = strings.Repeat("a", 65) }), "metric"},
		{delta(func(r *api.DeltaAddRequest) { r.Series[0].Kind = "thing" }), "kind"},
		{delta(func(r *api.DeltaAddRequest) { r.Series[0].ID = "" }), "id"},
		{delta(func(r *api.DeltaAddRequest) { r.Series[0].Type = "a.b" }), "type"},
		{delta(func(r *api.DeltaAddRequest) { r.Series[0].Host = "a.b" }), "host"},
		{delta(func(r *api.DeltaAddRequest) { r.Series[0].Sketch = nil }), "series"},
		{delta(func(r *api.DeltaAddRequest) { r.Series[0].Sketch = make([]byte, api.MaxSketchBytes+1) }), "series"},
	} {
		err := row.req.Validate()
		if row.fields == "" {
			if err != nil {
				t.Errorf("%+v: %v", row.req, err)
			}
			continue
		}
		e := api.AsError(err)
		if e == nil || e.Code != api.Invalid || strings.Join(e.Details.Fields, " ") != row.fields {
			t.Errorf("want invalid %s, got %v", row.fields, err)
		}
	}
}
