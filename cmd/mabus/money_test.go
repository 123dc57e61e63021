package main

import (
	"math"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/client/job/run"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestMoney(t *testing.T) {
	for m, want := range map[api.Micro]string{
		0: "0.00", 1: "0.000001", 10: "0.00001", 10_000: "0.01", 100_000: "0.10", 2_500_000: "2.50", 2_512_300: "2.5123", -1_000_001: "-1.000001",
		math.MaxInt64: "9223372036854.775807", math.MinInt64: "-9223372036854.775808",
	} {
		if got := money(m); got != want {
			t.Errorf("%d: got %s, want %s", m, got, want)
		}
	}
}

func TestMicroFlag(t *testing.T) {
	var m api.Micro
	f := microFlag{&m}
	for _, bad := range []string{"", "2.50", "-1", "1e6", "9223372036854775808", "x"} {
		if err := f.Set(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if err := f.Set("2500000"); err != nil || m != 2_500_000 || f.String() != "2500000" {
		t.Errorf("got %v, %d, %s", err, m, f)
	}
}

func TestSummaryOfCost(t *testing.T) {
	for want, used := range map[string]api.Usage{
		"cost\t2.40, 120 tokens in, 34 out\n": {TokensIn: 120, TokensOut: 34, Cost: 2_400_000},
		"":                                    {},
	} {
		var b strings.Builder
		s := summary{Stats: run.Stats{Usage: used}}
		s.print(&b)
		body, err := codec.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(b.String(), "cost"); has != (want != "") || !strings.Contains(b.String(), want) || has != strings.Contains(string(body), `"usage"`) {
			t.Errorf("got %q and %s, want %q", b.String(), body, want)
		}
	}
}
