package main

import (
	"errors"
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

func TestUnits(t *testing.T) {
	var m api.Micro
	f := unitsFlag{&m}
	for _, bad := range []string{"", "-1", "1e6", "1.0000001", "0.00000001", "1000000001", "x", "1,5", ".5", "5."} {
		if _, err := units(bad); !errors.Is(err, errUsage) {
			t.Errorf("%q is taken", bad)
		}
		if err := f.Set(bad); err == nil || strings.Contains(err.Error(), "usage") {
			t.Errorf("%q as a flag: %v", bad, err)
		}
	}
	for text, want := range map[string]api.Micro{"0": 0, "2.5": 2_500_000, "0.000001": 1, "12.50": 12_500_000, "1000000000": api.MaxAmount} {
		if err := f.Set(text); err != nil || m != want {
			t.Errorf("%s: %v, %d", text, err, m)
		}
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
