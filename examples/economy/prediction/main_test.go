package main

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/examples/economy"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

const patience = time.Minute

// serve returns where there is an economy, as long as the test lasts.
func serve(t *testing.T) string {
	t.Helper()
	url := natstest.Start(t).URL()
	r, err := economy.Open(t.Context(), economy.Config{Server: url, Services: economy.Services()})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		if err := r.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return url
}

// cost is the scoring rule in floating point: b ln(sum of e^(q/b)).
func cost(b float64, q ...float64) float64 {
	sum := 0.0
	for _, x := range q {
		sum += math.Exp(x / b)
	}
	return b * math.Log(sum)
}

// TestMarkets: trades cost what the rule says, nobody goes beyond its belief, winners get a unit a share, and what traders gain the maker loses.
func TestMarkets(t *testing.T) {
	url := serve(t)
	for name, c := range map[string]struct {
		traders   []trader
		liquidity api.Micro
		passes    bool
	}{
		"passes":   {traders, 10 * economy.Unit, true},
		"fails":    {traders, 10 * economy.Unit, false},
		"surprise": {[]trader{{"sure", 999_999, 500 * economy.Unit}}, 3 * economy.Unit, false},
		"certain":  {[]trader{{"sure", 999_999, 500 * economy.Unit}}, 3 * economy.Unit, true},
		"no trade": {traders[3:], economy.Unit, true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			r, err := economy.Open(ctx, economy.Config{Server: url})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := r.Close(ctx); err != nil {
					t.Error(err)
				}
			}()
			x, err := predict(ctx, r, options{
				question: "?", liquidity: c.liquidity, rounds: 2, traders: c.traders,
				build: func(context.Context) (bool, string, error) { return c.passes, "", nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := x.report(&out); err != nil {
				t.Fatal(err)
			}
			b, q := float64(c.liquidity), [2]float64{}
			for _, one := range x.bets {
				was := cost(b, q[0], q[1])
				q[one.outcome-1] += float64(one.shares) * float64(economy.Unit)
				if want := cost(b, q[0], q[1]) - was; math.Abs(want-float64(one.cost)) > 2 {
					t.Errorf("%+v, want to pay %f", one, want)
				}
				if one.outcome == yes && one.after > one.belief || one.outcome == no && one.after < one.belief {
					t.Errorf("%+v goes beyond what it believes", one)
				}
			}
			gains := api.Micro(0)
			for _, h := range x.holdings {
				won := h.no
				if c.passes {
					won = h.yes
				}
				if h.left-h.before != api.Micro(won)*economy.Unit {
					t.Errorf("%s has %d winning shares, and was paid %s", h.name, won, h.left-h.before)
				}
				gains += h.left - h.purse
			}
			if x.loss != gains || x.loss > x.stake {
				t.Errorf("the maker has lost %s, the others have gained %s; it can lose %s", x.loss, gains, x.stake)
			}
			if bound := b * math.Ln2; math.Abs(float64(x.stake)-bound) > 2 {
				t.Errorf("the stake is %s, want %f", x.stake, bound)
			}
		})
	}
}

// TestRun builds something, and prints what came of it; a build that cannot be run is an error, and no outcome.
func TestRun(t *testing.T) {
	o := options{server: serve(t), question: "Will it pass?", liquidity: 10 * economy.Unit, rounds: 1, traders: traders}
	o.build = func(ctx context.Context) (bool, string, error) { return build(ctx, "./nowhere") }
	var out strings.Builder
	if err := run(t.Context(), &out, o); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Will it pass?", "historian", "outcome    no (go build: exit status 1)", "maker      has gained 2.198681"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	failed := errors.New("there is no compiler")
	o.build = func(context.Context) (bool, string, error) { return false, "", failed }
	if err := run(t.Context(), &out, o); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
	if passed, _, err := build(t.Context(), "errors"); err != nil || !passed {
		t.Errorf("the build of errors: %v, %v", passed, err)
	}
}
