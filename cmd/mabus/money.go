package main

import (
	"fmt"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// money is an amount in units, as people read it: 2500000 is 2.50.
func money(m api.Micro) string {
	sign, n := "", uint64(m)
	if m < 0 {
		sign, n = "-", -n
	}
	frac := fmt.Sprintf("%06d", n%1e6)
	for len(frac) > 2 && strings.HasSuffix(frac, "0") {
		frac = frac[:len(frac)-1]
	}
	return fmt.Sprintf("%s%d.%s", sign, n/1e6, frac)
}

// microFlag is a flag whose value is an amount in micro-units.
type microFlag struct{ v *api.Micro }

// String implements pflag.Value.
func (f microFlag) String() string {
	if f.v == nil {
		return ""
	}
	return f.v.String()
}

// Set implements pflag.Value.
func (f microFlag) Set(s string) error {
	if err := f.v.UnmarshalText([]byte(s)); err != nil {
		return err
	}
	if *f.v < 0 {
		return fmt.Errorf("an amount must not be negative")
	}
	return nil
}

// Type implements pflag.Value.
func (microFlag) Type() string { return "micro-units" }
