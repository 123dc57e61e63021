package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// request makes an auction of the flags, or of the file.
func (s *specFlags) request(cmd *cobra.Command, a []string) (*api.AuctionSpec, error) {
	if s.file != "" {
		return s.read(cmd, a)
	}
	r := &s.spec
	if len(a) == 0 {
		return nil, fmt.Errorf("%w: say which TYPE of auction, one of %v", errUsage, api.AuctionTypes)
	}
	r.Type, r.Account = api.AuctionType(a[0]), api.AccountID(s.account)
	r.SoftClose, r.Interval, r.Reveal, r.Completion = api.Duration(s.soft), api.Duration(s.interval), api.Duration(s.reveal), api.Duration(s.done)
	if cmd.Flags().Changed("duration") {
		r.Duration = (*api.Duration)(&s.duration)
	}
	var err error
	if s.item != "" {
		if r.Item, err = jsonOrText(s.item); err != nil {
			return nil, err
		}
	}
	if s.items != "" {
		if r.Items, err = parseItems(s.items); err != nil {
			return nil, err
		}
	}
	if r.Type == api.AuctionIncentive || anyChanged(cmd, "skills", "target", "quality-rate", "speed-rate", "reputation-rate", "deadline") {
		r.Incentive = &s.incentive
	}
	if anyChanged(cmd, "prices", "price-weight", "attribute") {
		if r.Scoring, err = s.score(); err != nil {
			return nil, err
		}
	}
	return r, valid(r)
}

// anyChanged tells whether one of the flags is given.
func anyChanged(cmd *cobra.Command, flags ...string) bool {
	return slices.ContainsFunc(flags, cmd.Flags().Changed)
}

// read takes the auction from the file.
func (s *specFlags) read(cmd *cobra.Command, a []string) (*api.AuctionSpec, error) {
	other := ""
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed && f.Name != "spec" && f.Name != "id" && f.Name != "watch" {
			other = f.Name
		}
	})
	if other != "" || len(a) > 0 {
		return nil, fmt.Errorf("%w: --spec says all of it: only --id goes with it", errUsage)
	}
	data, err := readProof(cmd, s.file)
	if err != nil {
		return nil, err
	}
	var r api.AuctionSpec
	if err := codec.Decode(data, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", s.file, err)
	}
	if s.spec.ID != "" {
		r.ID = s.spec.ID
	}
	return &r, valid(&r)
}

// parseItems reads NAME[:QUANTITY:ASSET][=RESERVE] with commas between.
func parseItems(text string) ([]api.AuctionItem, error) {
	var all []api.AuctionItem
	for one := range strings.SplitSeq(text, ",") {
		head, reserve, priced := strings.Cut(one, "=")
		parts := strings.Split(head, ":")
		x := api.AuctionItem{Name: parts[0]}
		var err error
		if priced {
			if x.Reserve, err = units(reserve); err != nil {
				return nil, err
			}
		}
		if len(parts) == 3 {
			x.Asset = parts[2]
			x.Quantity, err = strconv.ParseInt(parts[1], 10, 64)
		}
		if len(parts) == 2 || len(parts) > 3 || err != nil || len(parts) == 3 && x.Asset == "" {
			return nil, fmt.Errorf("%w: %.60q is no item: want NAME[:QUANTITY:ASSET][=RESERVE], such as cpu=10 or gpu:4:gpu_hour=20", errUsage, one)
		}
		all = append(all, x)
	}
	return all, nil
}

// score reads how price and attributes weigh.
func (s *specFlags) score() (*api.ScoringTerms, error) {
	t := &s.scoring
	worst, best, ok := strings.Cut(s.prices, "..")
	if !ok {
		return nil, fmt.Errorf("%w: --prices must be WORST..BEST, such as 100..20", errUsage)
	}
	var err error
	if t.WorstPrice, err = units(worst); err != nil {
		return nil, err
	}
	if t.BestPrice, err = units(best); err != nil {
		return nil, err
	}
	for _, text := range s.attributes {
		name, rest, ok := strings.Cut(text, "=")
		weight, span, also := strings.Cut(rest, ":")
		low, high, both := strings.Cut(span, "..")
		x := api.ScoringWeight{Name: name}
		bad := !ok || !also || !both
		for _, f := range []struct {
			text string
			to   *api.Decimal
		}{{weight, &x.Weight}, {low, &x.Low}, {high, &x.High}} {
			if !bad {
				*f.to, err = api.ParseDecimal(f.text)
				bad = err != nil
			}
		}
		if bad {
			return nil, fmt.Errorf("%w: %.60q is no attribute: want NAME=WEIGHT:WORST..BEST, such as quality=0.5:0..1 or hours=0.3:48..6", errUsage, text)
		}
		if x.Low > x.High {
			x.Low, x.High, x.Less = x.High, x.Low, true
		}
		t.Attributes = append(t.Attributes, x)
	}
	return t, nil
}

// decimalFlag is a flag whose value is a number with at most six places after the point.
type decimalFlag struct{ v *api.Decimal }

// String implements pflag.Value.
func (f decimalFlag) String() string {
	if f.v == nil || *f.v == 0 {
		return ""
	}
	return f.v.String()
}

// Set implements pflag.Value.
func (f decimalFlag) Set(s string) error {
	d, err := api.ParseDecimal(s)
	if err == nil {
		*f.v = d
	}
	return err
}

// Type implements pflag.Value.
func (decimalFlag) Type() string { return "number" }
