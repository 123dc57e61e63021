package top_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/cmd/mabus/top"
)

func TestFigures(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{top.Short(0), "0"},
		{top.Short(0.004), "0.00"},
		{top.Short(0.04), "0.04"},
		{top.Short(0.0949), "0.09"},
		{top.Short(0.2), "0.2"},
		{top.Short(9.94), "9.9"},
		{top.Short(9.96), "10"},
		{top.Short(999.4), "999"},
		{top.Short(999.6), "1.0k"},
		{top.Short(12_345), "12k"},
		{top.Short(999_600), "1.0M"},
		{top.Short(3.4e9), "3.4G"},
		{top.Whole(7), "7"},
		{top.Whole(1000), "1.0k"},
		{top.Bytes(512), "512"},
		{top.Bytes(1024), "1.0K"},
		{top.Bytes(340 << 20), "340M"},
		{top.Bytes(1<<20 - 1), "1.0M"},
		{top.Span(0), "0s"},
		{top.Span(-time.Second), "0s"},
		{top.Span(1), "1ns"},
		{top.Span(789), "789ns"},
		{top.Span(1200), "1.2µs"},
		{top.Span(120 * time.Microsecond), "120µs"},
		{top.Span(999_700 * time.Nanosecond), "1.0ms"},
		{top.Span(1200 * time.Microsecond), "1.2ms"},
		{top.Span(999_700 * time.Microsecond), "1.0s"},
		{top.Span(1500 * time.Millisecond), "1.5s"},
		{top.Span(34 * time.Second), "34s"},
		{top.Span(3 * time.Minute), "3m"},
		{top.Span(5 * time.Hour), "5h"},
		{top.Span(75 * time.Hour), "3d"},
		{top.Share(0), "0%"},
		{top.Share(0.004), "0.4%"},
		{top.Share(0.412), "41%"},
		{top.Share(1), "100%"},
		{top.Money(0), "0"},
		{top.Money(12_500_000), "12.5"},
		{top.Money(-8_000_001), "-8.000001"},
		{top.Money(-500_000), "-0.5"},
		{top.Money(7_000_000), "7"},
		{top.Clean("a\x1b[31m\tb\u202e\u0085"), "a [31m b  "},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

// A figure is short, whatever it is of.
func TestFiguresAreShort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64Range(0, 1e17).Draw(t, "v")
		d := time.Duration(rapid.Int64Range(0, int64(1000*24*time.Hour)).Draw(t, "d"))
		for _, s := range []string{top.Short(v), top.Whole(v), top.Bytes(v), top.Span(d), top.Share(rapid.Float64Range(0, 1).Draw(t, "share"))} {
			if n := utf8.RuneCountInString(s); n == 0 || n > 6 || strings.ContainsAny(s, "-e") {
				t.Fatalf("%q", s)
			}
		}
	})
}
