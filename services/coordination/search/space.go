package search

import (
	"encoding/json"
	"math/big"
	"strings"
	"unicode"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	linear      = "linear"
	logarithmic = "log"
)

// checkSpace refuses a space that is empty or wrong, and replaces ranges with steps by their values.
func checkSpace(space map[string]api.SearchRange) error {
	if len(space) == 0 || len(space) > 32 {
		return form.Config("parameter_space", "parameter_space must name 1 to 32 parameters, such as {\"rate\": {\"min\": 0.001, \"max\": 0.1, \"scale\": \"log\"}}")
	}
	for _, name := range form.Names(space) {
		if name == "" || len(name) > 64 || strings.ContainsFunc(name, unicode.IsControl) {
			return form.Config("parameter_space", "parameter_space: the name %.70q must be 1 to 64 bytes of printable text", name)
		}
		r, wrong := checkRange(space[name])
		if wrong != "" {
			return form.Config("parameter_space", "parameter_space: %s: %s", name, wrong)
		}
		space[name] = r
	}
	return nil
}

func checkRange(r api.SearchRange) (_ api.SearchRange, wrong string) {
	if r.Min == nil && r.Max == nil {
		if len(r.Values) == 0 || len(r.Values) > 1000 {
			return r, "give 1 to 1000 values, or min and max"
		}
		for _, v := range r.Values {
			if len(v) > 1<<10 {
				return r, "a value may have 1024 bytes"
			}
		}
		if r.Steps != 0 || r.Scale != "" || r.Integer {
			return r, "steps, scale and integer are for min and max"
		}
		return r, ""
	}
	switch {
	case len(r.Values) > 0:
		return r, "give either values, or min and max"
	case r.Min == nil || r.Max == nil || *r.Min >= *r.Max:
		return r, "give both min and max, and min less than max"
	case r.Steps != 0 && (r.Steps < 2 || r.Steps > 100):
		return r, "steps must be 2 to 100"
	case r.Scale != "" && r.Scale != linear && r.Scale != logarithmic:
		return r, "scale must be linear or log"
	case r.Scale == logarithmic && *r.Min <= 0:
		return r, "a log scale needs min above 0"
	case r.Integer && (*r.Min%api.One != 0 || *r.Max%api.One != 0):
		return r, "integer needs whole numbers as min and max"
	}
	if r.Steps == 0 {
		return r, ""
	}
	return api.SearchRange{Values: expand(r)}, ""
}

// longest bounds what a candidate takes in a question, in bytes.
func longest(space map[string]api.SearchRange) int {
	sum := 0
	for name, r := range space {
		value := len("-1000000000.000000")
		for _, v := range r.Values {
			value = max(value, len(v))
		}
		sum += len(name) + value + len(`"":,`)
	}
	return sum
}

// expand lists the numbers of a range with steps, each once.
func expand(r api.SearchRange) []json.RawMessage {
	n := r.Steps - 1
	var list []json.RawMessage
	q, power := ratio(*r.Min, *r.Max, n), new(big.Int).Set(unit)
	last := *r.Min - 1
	for k := range r.Steps {
		var v api.Decimal
		switch {
		case k == n:
			v = *r.Max
		case r.Scale == logarithmic:
			v = scaled(*r.Min, power)
			power = multiply(power, q)
		default:
			v = *r.Min + step(*r.Max-*r.Min, k, n)
		}
		if v = whole(r, v); v != last {
			list = append(list, form.Body(v))
		}
		last = v
	}
	return list
}

// step returns k nths of width, rounded.
func step(width api.Decimal, k, n int) api.Decimal {
	v := big.NewInt(int64(width))
	v.Mul(v, big.NewInt(int64(2*k))).Add(v, big.NewInt(int64(n)))
	return api.Decimal(v.Quo(v, big.NewInt(int64(2*n))).Int64())
}

// whole rounds to a whole number if the range wants that, halves up.
func whole(r api.SearchRange, v api.Decimal) api.Decimal {
	if !r.Integer {
		return v
	}
	rest := (v%api.One + api.One) % api.One
	if v -= rest; 2*rest >= api.One {
		v += api.One
	}
	return min(v, *r.Max)
}

// unit is 1 with 128 places after the binary point.
var unit = new(big.Int).Lsh(big.NewInt(1), 128)

// ratio returns the nth root of most/least with 128 binary places: by so much does each step of a log scale grow. It is the greatest
// number whose nth power does not exceed the quotient.
func ratio(least, most api.Decimal, n int) *big.Int {
	if least <= 0 {
		return unit
	}
	quotient := new(big.Int).Mul(big.NewInt(int64(most)), unit)
	quotient.Quo(quotient, big.NewInt(int64(least)))
	low, high := new(big.Int).Set(unit), new(big.Int).Set(quotient)
	for low.Cmp(high) < 0 {
		middle := new(big.Int).Add(low, high)
		middle.Add(middle, big.NewInt(1)).Rsh(middle, 1)
		if exceeds(middle, n, quotient) {
			high.Sub(middle, big.NewInt(1))
		} else {
			low = middle
		}
	}
	return low
}

func exceeds(q *big.Int, n int, bound *big.Int) bool {
	power := unit
	for range n {
		if power = multiply(power, q); power.Cmp(bound) > 0 {
			return true
		}
	}
	return false
}

func multiply(a, b *big.Int) *big.Int {
	c := new(big.Int).Mul(a, b)
	return c.Rsh(c, 128)
}

// scaled returns v times a factor with 128 binary places, rounded.
func scaled(v api.Decimal, factor *big.Int) api.Decimal {
	c := new(big.Int).Mul(big.NewInt(int64(v)), factor)
	return api.Decimal(c.Add(c, new(big.Int).Rsh(unit, 1)).Rsh(c, 128).Int64())
}
