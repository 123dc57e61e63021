package main

import (
	"errors"
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

// unitsFlag is a flag whose value is an amount in units, as money prints it: 1.5 is 1500000 millionths.
type unitsFlag struct{ v *api.Micro }

// String implements pflag.Value.
func (f unitsFlag) String() string {
	if f.v == nil || *f.v == 0 {
		return ""
	}
	return money(*f.v)
}

// Set implements pflag.Value.
func (f unitsFlag) Set(s string) error {
	m, err := units(s)
	if err != nil { // whoever reads flags says that it is usage
		return errors.New(strings.TrimPrefix(err.Error(), errUsage.Error()+": "))
	}
	*f.v = m
	return nil
}

// Type implements pflag.Value.
func (unitsFlag) Type() string { return "units" }

// units reads an amount in units, with at most six places after the point.
func units(s string) (api.Micro, error) {
	d, err := api.ParseDecimal(s)
	_, places, _ := strings.Cut(s, ".")
	if err != nil || d < 0 || d > api.MaxAmount || len(places) > 6 || strings.ContainsAny(s, "eE") { // nothing is rounded
		return 0, fmt.Errorf("%w: %.40q is no amount: want units with at most six places after the point, such as 12.50", errUsage, s)
	}
	return api.Micro(d), nil
}
