package variable

import (
	"cmp"
	"math/big"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// number is a JSON number as it is written, without any rounding: 0.digits times 10 to the power of exp, with no zeros at either end
// of digits. Zero has no digits.
type number struct {
	negative bool
	digits   string
	exp      *big.Int
}

// readNumber reads a valid JSON number.
func readNumber(s string) number {
	n := number{exp: new(big.Int)}
	if strings.HasPrefix(s, "-") {
		n.negative, s = true, s[1:]
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		n.exp.SetString(strings.TrimPrefix(s[i+1:], "+"), 10)
		s = s[:i]
	}
	whole, part, _ := strings.Cut(s, ".")
	digits := strings.TrimLeft(whole+part, "0")
	n.digits = strings.TrimRight(digits, "0")
	if n.digits == "" {
		return number{exp: new(big.Int)}
	}
	n.exp.Add(n.exp, big.NewInt(int64(len(whole)-(len(whole)+len(part)-len(digits)))))
	return n
}

// integer tells whether n has no part after the point.
func (n number) integer() bool {
	return n.digits == "" || n.exp.Cmp(big.NewInt(int64(len(n.digits)))) >= 0
}

// compare returns -1, 0 or 1, as n is less than, equal to, or greater than m.
func (n number) compare(m number) int {
	if a, b := n.sign(), m.sign(); a != b || a == 0 {
		return cmp.Compare(a, b)
	}
	c := n.exp.Cmp(m.exp)
	if c == 0 {
		c = strings.Compare(n.digits, m.digits)
	}
	return c * n.sign()
}

func (n number) sign() int {
	switch {
	case n.digits == "":
		return 0
	case n.negative:
		return -1
	}
	return 1
}

// String returns one and the same text for equal numbers.
func (n number) String() string {
	if n.digits == "" {
		return "0"
	}
	s := "0." + n.digits + "e" + n.exp.String()
	if n.negative {
		s = "-" + s
	}
	return s
}

func decimal(d api.Decimal) number { return readNumber(d.String()) }
