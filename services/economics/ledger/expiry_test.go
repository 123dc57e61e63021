package ledger_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/ledger"
)

// A hold that expires sets a timer, which goes with the hold; it releases nothing before its time, and nothing that is not there.
func TestExpiry(t *testing.T) {
	s := rich(t)
	end := start.Add(time.Minute)
	timers := func(d *ledger.Draft, want ...time.Time) {
		t.Helper()
		got := d.Timers()
		if len(got) != len(want) {
			t.Fatalf("%d timers, want %d", len(got), len(want))
		}
		for i := range got {
			if got[i].ID != "ledger/hold/h" || !got[i].At.Equal(want[i]) {
				t.Errorf("timer %+v, want %v", got[i], want[i])
			}
		}
	}
	open := func(d *ledger.Draft) error {
		return d.Open("h", &ledger.Hold{Account: a, Amount: 10, Why: why, ExpiresAt: end})
	}
	must(t, s, func(d *ledger.Draft) error {
		defer func() { timers(d, end) }()
		return open(d)
	})
	for after, want := range map[time.Duration]bool{0: false, time.Minute - 1: false} {
		must(t, s, func(d *ledger.Draft) error {
			d.Now = start.Add(after)
			if got := d.Expire("h"); got != want {
				t.Errorf("after %s: %v", after, got)
			}
			timers(d)
			return nil
		})
	}
	has(t, s, a, 1_000_000_000_000-10, 10)
	must(t, s, func(d *ledger.Draft) error {
		d.Now = end
		if !d.Expire("h") || d.Expire("h") {
			t.Error("it does not expire once")
		}
		timers(d, time.Time{})
		return nil
	})
	has(t, s, a, 1_000_000_000_000, 0)

	ends := map[string]func(d *ledger.Draft) error{
		"release": func(d *ledger.Draft) error { d.Release("h"); return nil },
		"resize":  func(d *ledger.Draft) error { return d.Resize("h", 0) },
		"capture": func(d *ledger.Draft) error { return d.Capture("h", b, 10, why) },
	}
	for name, f := range ends {
		t.Run(name, func(t *testing.T) {
			s := rich(t)
			must(t, s, open)
			must(t, s, func(d *ledger.Draft) error {
				defer func() { timers(d, time.Time{}) }()
				return f(d)
			})
			must(t, s, func(d *ledger.Draft) error { return d.Hold("h", a, 10, why) }) // another one of that id, which never expires
			must(t, s, func(d *ledger.Draft) error {
				if d.Now = end.Add(time.Hour); d.Expire("h") {
					t.Error("it expires")
				}
				return nil
			})
		})
	}
}
