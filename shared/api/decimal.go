package api

import (
	"fmt"
	"strconv"
	"strings"
)

// Decimal is a number in millionths: weights, scores, shares and utilities are of this kind, because what many replicas decide
// must not depend on how a processor rounds. It travels as a JSON number with at most six places after the point.
type Decimal int64

// One is the number 1.
const One Decimal = 1_000_000

// DecimalLimit bounds what is read, so that sums of many cannot overflow: 10^9.
const DecimalLimit = 1_000_000_000 * One

const decimalPlaces = 6

// MarshalJSON implements json.Marshaler.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Decimal) UnmarshalJSON(text []byte) error {
	v, err := ParseDecimal(string(text))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

// String returns the number without zeros at its end, for example "-0.25".
func (d Decimal) String() string {
	u, sign := uint64(d), ""
	if d < 0 {
		u, sign = -u, "-"
	}
	whole, part := u/uint64(One), u%uint64(One)
	s := sign + strconv.FormatUint(whole, 10)
	if part == 0 {
		return s
	}
	return s + "." + strings.TrimRight(fmt.Sprintf("%06d", part), "0")
}

// ParseDecimal reads a JSON number. Places beyond the sixth are rounded, halves to the even neighbour. Beyond DecimalLimit in either
// direction is an error.
func ParseDecimal(s string) (Decimal, error) {
	bad := func() (Decimal, error) {
		return 0, fmt.Errorf("want a number of at most %d in either direction, have %.40q", DecimalLimit/One, s)
	}
	digits, exp, neg, ok := splitNumber(s)
	if !ok {
		return bad()
	}
	// The value is 0.digits times 10^exp; as millionths, the point is moved by six places.
	exp += decimalPlaces
	if exp < 0 { // less than a tenth of a millionth
		return 0, nil
	}
	if exp > 16 {
		return bad()
	}
	keep, rest := digits, ""
	if len(digits) > exp {
		keep, rest = digits[:exp], digits[exp:]
	} else {
		keep += strings.Repeat("0", exp-len(digits))
	}
	var v int64
	for _, c := range keep {
		v = 10*v + int64(c-'0')
	}
	if rest != "" && (rest[0] > '5' || rest[0] == '5' && (strings.Trim(rest[1:], "0") != "" || v%2 == 1)) {
		v++
	}
	if Decimal(v) > DecimalLimit {
		return bad()
	}
	if neg {
		v = -v
	}
	return Decimal(v), nil
}

// splitNumber reads a JSON number as 0.digits times 10^exp, digits without zeros at either end.
func splitNumber(s string) (digits string, exp int, neg, ok bool) {
	if strings.HasPrefix(s, "-") {
		neg, s = true, s[1:]
	}
	mantissa, power, hasPower := s, "", false
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, power, hasPower = s[:i], s[i+1:], true
	}
	whole, part, hasPart := strings.Cut(mantissa, ".")
	if !allDigits(whole) || hasPart && !allDigits(part) || len(whole) > 1 && whole[0] == '0' {
		return "", 0, false, false
	}
	if hasPower {
		p, err := strconv.Atoi(power)
		if err != nil || p > 1000 || p < -1000 {
			return "", 0, false, false
		}
		exp = p
	}
	all := whole + part
	exp += len(whole)
	digits = strings.TrimLeft(all, "0")
	exp -= len(all) - len(digits)
	digits = strings.TrimRight(digits, "0")
	if digits == "" {
		exp = 0
	}
	return digits, exp, neg, true
}

func allDigits(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
