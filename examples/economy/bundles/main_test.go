package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
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

// best tries every choice of bundles: the most that bids beyond the reserves of what they take come to, without one bidder, if named.
func best(of []bidder, taken map[string]bool, without string) api.Micro {
	if len(of) == 0 {
		return 0
	}
	most := best(of[1:], taken, without)
	if of[0].name == without {
		return most
	}
	for _, b := range of[0].bundles {
		gain, free := b.Price, true
		for _, i := range b.Items {
			free = free && !taken[i]
			gain -= reserve(i)
		}
		if !free || gain < 0 {
			continue
		}
		for _, i := range b.Items {
			taken[i] = true
		}
		most = max(most, gain+best(of[1:], taken, without))
		for _, i := range b.Items {
			taken[i] = false
		}
	}
	return most
}

func reserve(name string) api.Micro {
	for _, i := range items {
		if i.Name == name {
			return i.Reserve
		}
	}
	return 0
}

// TestPayments: the welfare is the best there is, and each winner pays its bid less what all have by its being there.
func TestPayments(t *testing.T) {
	url := serve(t)
	for name, all := range map[string][]bidder{"the example": bidders, "two": bidders[1:3], "one": bidders[:1], "no rival": {bidders[3], bidders[1]}} {
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
			s, err := sell(ctx, r, all)
			if err != nil {
				t.Fatal(err)
			}
			welfare := best(all, map[string]bool{}, "")
			if s.auction.Outcome.Welfare != welfare {
				t.Errorf("welfare %s, want %s", s.auction.Outcome.Welfare, welfare)
			}
			for _, b := range all {
				purse := api.Micro(0)
				for _, x := range b.bundles {
					purse = max(purse, x.Price)
				}
				award, bid := s.award(r, b.name), api.Micro(0)
				if award == nil {
					if s.left[b.name] != purse || len(s.has[b.name]) > 0 {
						t.Errorf("%s has lost, and has %s and %v", b.name, s.left[b.name], s.has[b.name])
					}
					continue
				}
				for _, x := range b.bundles {
					if sameItems(x.Items, award.Items) {
						bid = x.Price
					}
				}
				want := bid - (welfare - best(all, map[string]bool{}, b.name))
				if award.Amount != want || purse-s.left[b.name] != want || !sameItems(s.has[b.name], award.Items) {
					t.Errorf("%s pays %s, has %v and %s left of %s; want to pay %s for %v", b.name, award.Amount, s.has[b.name], s.left[b.name], purse, want, award.Items)
				}
			}
		})
	}
}

// TestRun: what is printed and written can be checked by anybody, and every forged digit is found.
func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "proof")
	var out strings.Builder
	if err := run(t.Context(), &out, options{server: serve(t), out: dir, bidders: bidders}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"compiler", "paid       28\n", "2 winners, 28 paid: as the transcript says", "forged "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "transcript.json"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "key.txt"))
	if err != nil {
		t.Fatal(err)
	}
	pinned := strings.TrimSpace(string(key))
	if _, err := check(data, pinned); err != nil {
		t.Fatal(err)
	}
	if _, err := check(data, strings.Repeat("A", 43)+"="); err == nil {
		t.Error("it passes with another key")
	}
	forged := 0
	for i, b := range data {
		if b < '0' || b > '9' {
			continue
		}
		other := bytes.Clone(data)
		other[i] = '0' + (b-'0'+1)%10
		if _, err := check(other, pinned); err == nil {
			t.Errorf("the digit at %d may be %c instead of %c: %s", i, other[i], b, data[max(0, i-40):i+1])
		}
		forged++
	}
	if forged < 100 {
		t.Errorf("there are %d digits", forged)
	}
}

// TestNothingToForge: what is no transcript is an error.
func TestNothingToForge(t *testing.T) {
	for _, text := range []string{"", "{}", `{"what":"solving"}`} {
		if data, err := forge([]byte(text)); err == nil {
			t.Errorf("%s", data)
		}
	}
}
