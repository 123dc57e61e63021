package top

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/mabus-project/mabus/shared/api"
)

// none stands for what is not known.
const none = "-"

// short is a number of at least 0 in up to five characters: 0.04, 1.2, 340, 12k, 3.4M.
func short(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0.095:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 9.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v < 999.5:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return scaled(v, 1000, "kMGTP")
}

// whole is a number of things: 7, 340, 12k.
func whole(v float64) string {
	if v < 999.5 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return short(v)
}

// size is a number of bytes: 512, 1.2K, 340M.
func size(v float64) string {
	if v < 1023.5 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return scaled(v, 1024, "KMGTP")
}

func scaled(v, step float64, units string) string {
	i := -1
	for v >= step-0.5 && i < len(units)-1 {
		v /= step
		i++
	}
	digits := 0
	if v < 9.95 {
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + units[i:i+1]
}

// span is a time as people say it, in up to six characters: 120µs, 1.2ms, 34s, 12m, 5h, 3d.
func span(d time.Duration) string {
	if d <= 0 {
		return "0s"
	}
	for _, unit := range []struct {
		of    time.Duration
		below time.Duration
		name  string
	}{
		{time.Nanosecond, time.Microsecond, "ns"},
		{time.Microsecond, time.Millisecond, "µs"},
		{time.Millisecond, time.Second, "ms"},
		{time.Second, 2 * time.Minute, "s"},
		{time.Minute, 2 * time.Hour, "m"},
		{time.Hour, 48 * time.Hour, "h"},
	} {
		if v := float64(d) / float64(unit.of); d < unit.below && (v < 999.5 || unit.of >= time.Second) {
			if v < 9.95 && v != math.Trunc(v) && unit.of <= time.Second {
				return strconv.FormatFloat(v, 'f', 1, 64) + unit.name
			}
			return strconv.FormatFloat(v, 'f', 0, 64) + unit.name
		}
	}
	return strconv.FormatInt(int64(d/(24*time.Hour)), 10) + "d"
}

// seconds is a latency that was measured.
func seconds(v float64) string { return span(time.Duration(v * float64(time.Second))) }

func share(v float64) string {
	switch {
	case v == 0:
		return "0%"
	case v < 0.0995:
		return strconv.FormatFloat(100*v, 'f', 1, 64) + "%"
	}
	return strconv.FormatFloat(100*v, 'f', 0, 64) + "%"
}

// money is an amount in units, without zeros at its end.
func money(m api.Micro) string {
	whole, rest := int64(m)/1_000_000, int64(m)%1_000_000
	sign := ""
	if m < 0 {
		sign, whole, rest = "-", -whole, -rest
	}
	if rest == 0 {
		return sign + strconv.FormatInt(whole, 10)
	}
	return sign + strings.TrimRight(fmt.Sprintf("%d.%06d", whole, rest), "0")
}

// clean leaves nothing in a text that a terminal takes for a command, or that would break a line.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}
