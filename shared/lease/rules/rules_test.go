package rules_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/lease/rules"
)

const s = time.Second

func TestTiming(t *testing.T) {
	for _, c := range []struct {
		renew, hold, challenge time.Duration
		ok                     bool
	}{
		{2 * s, 12 * s, 15 * s, true},
		{2 * s, 12 * s, 12*s + 250*time.Millisecond, true},
		{2 * s, 12 * s, 12*s + 200*time.Millisecond, false},
		{12 * s, 12 * s, 15 * s, false},
		{0, 12 * s, 15 * s, false},
		{-s, 12 * s, 15 * s, false},
		{2 * s, 1 << 62, 1<<63 - 1, true},
	} {
		if err := (rules.Timing{Renew: c.renew, Hold: c.hold, Challenge: c.challenge}).Check(); err == nil != c.ok {
			t.Errorf("%v: got %v", c, err)
		}
	}
}

// A lease is held for Hold from the send time of the newest renewal that is known to be stored, whatever else is heard.
func TestHolderHoldsFromTheSendTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "start"))
		newest, rev := now, uint64(1)
		h := rules.NewHolder(usual, rev, now)
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			now += time.Duration(rapid.Int64Range(0, int64(20*s)).Draw(t, "pass"))
			sent := now - time.Duration(rapid.Int64Range(0, int64(min(now, 20*s))).Draw(t, "took"))
			rev++
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				h.Renewed(rev, sent)
				newest = max(newest, sent)
			case 1:
				if h.Found(rev, true) {
					t.Fatal("its own write is a loss")
				}
			case 2:
				if rev--; !h.Found(rev+7, false) {
					t.Fatal("another's write is no loss")
				}
			}
			if h.Held(now) != (now < newest+usual.Hold) || h.Revision() != rev || h.Until() != newest+usual.Hold {
				t.Fatalf("at %s, renewed at %s: held %v, revision %d, want %d", now, newest, h.Held(now), h.Revision(), rev)
			}
			if wait := h.Next(sent, now, true); wait < 0 || sent+usual.Renew > now && now+wait != sent+usual.Renew {
				t.Fatalf("waits %s", wait)
			}
		}
	})
}

// look is one look of a watcher.
type look struct {
	at    time.Duration
	epoch uint64
	lost  bool // the view is not synced
	age   time.Duration
	prove bool // after the look, and before the next
	deny  bool
	doubt bool
	dead  bool
}

// steady looks each second until the given one, and proves when it is in doubt.
func steady(from, to time.Duration, epoch uint64) (looks []look) {
	for at := from; at <= to; at += s {
		looks = append(looks, look{at: at, epoch: epoch})
	}
	return looks
}

func join(parts ...[]look) (all []look) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func TestWatcherDeclaresDead(t *testing.T) {
	end := func(at time.Duration, epoch uint64) []look {
		return join(steady(at, at+8*s, epoch), []look{{at: at + 9*s, epoch: epoch, doubt: true, prove: true}},
			steady(at+10*s, at+14*s, epoch), []look{{at: at + 15*s, epoch: epoch, dead: true}})
	}
	for _, c := range []struct {
		name  string
		looks []look
	}{
		{"after Challenge", end(0, 0)},
		{"a new epoch starts anew", join(steady(0, 8*s, 0), end(9*s, 1))},
		{"so does a view that is not synced", join(steady(0, 7*s, 0), []look{{at: 8 * s, lost: true}, {at: 9 * s, lost: true}}, end(9*s, 0)[1:])},
		{"so does one that is old", join(steady(0, 7*s, 0), []look{{at: 8 * s, age: 6 * s}}, end(8*s, 0)[1:])},
		{"so does a watcher that was stopped", join(steady(0, 5*s, 0), end(11*s, 0))},
		{"so does one that was stopped for long", join(steady(0, 5*s, 0), end(time.Hour, 0))},
		{"so does a store that takes no writes", join(steady(0, 8*s, 0), []look{{at: 9 * s, doubt: true, deny: true}}, end(9*s, 0)[1:])},
		{"not without a proof", join(steady(0, 8*s, 0), []look{{at: 9 * s, doubt: true}, {at: 12 * s, doubt: true}, {at: 15 * s, doubt: true}, {at: 19 * s, doubt: true}})},
		{"not right after the proof", join(steady(0, 12*s, 0)[:9], []look{
			{at: 12 * s, doubt: true}, {at: 14 * s, doubt: true, prove: true}, {at: 17 * s}, {at: 18 * s, dead: true},
		})},
		{"a proof before a break is none", join(steady(0, 8*s, 0), []look{{at: 9 * s, doubt: true, prove: true}}, steady(10*s, 11*s, 0), end(12*s, 1))},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := rules.NewWatcher(usual)
			const start = time.Minute
			w.Saw("a", 7, start)
			for i, l := range c.looks {
				now, view := start+l.at, rules.View{Epoch: l.epoch, Synced: !l.lost, Age: l.age}
				dead, doubt := w.Look(now, view)
				// The count of a break begins with the look that finds it, so that "a" is at most one look late.
				if doubt != l.doubt || len(dead) > 0 != l.dead {
					t.Fatalf("look %d at %s: dead %v, doubt %v", i, l.at, dead, doubt)
				}
				if l.prove {
					w.Proved(now)
				}
				if l.deny {
					w.Refused(now)
				}
				if !l.dead {
					continue
				}
				if dead[0] != (rules.Sight{ID: "a", Revision: 7}) || !w.Still(dead[0], now, view) {
					t.Fatalf("got %v", dead)
				}
				for what, still := range map[string]bool{
					"another revision": w.Still(rules.Sight{ID: "a", Revision: 6}, now, view),
					"another lease":    w.Still(rules.Sight{ID: "b", Revision: 7}, now, view),
					"a new epoch":      w.Still(dead[0], now, rules.View{Epoch: l.epoch + 1, Synced: true}),
					"after the break":  w.Still(dead[0], now, rules.View{Epoch: l.epoch + 1, Synced: true}),
				} {
					if still {
						t.Errorf("%s is dead", what)
					}
				}
			}
		})
	}
}

func TestWatcherOfManyLeases(t *testing.T) {
	w := rules.NewWatcher(usual)
	view := rules.View{Synced: true}
	w.Look(s, view)
	w.Saw("gone", 1, s)
	w.Gone("gone")
	w.Saw("b", 2, s)
	w.Saw("a", 3, s)
	w.Saw("renewed", 4, s)
	for at := 2 * s; at < 16*s; at += s {
		if at%(2*s) == 0 {
			w.Saw("renewed", 4+uint64(at), at)
		}
		dead, doubt := w.Look(at, view)
		if len(dead) > 0 {
			t.Fatalf("at %s: %v", at, dead)
		}
		if doubt {
			w.Proved(at)
		}
	}
	dead, _ := w.Look(16*s, view)
	if len(dead) != 2 || dead[0].ID != "a" || dead[1].ID != "b" {
		t.Fatalf("got %v", dead)
	}
	w.Saw("a", 9, 16*s)
	if w.Still(dead[0], 16*s, view) || !w.Still(dead[1], 16*s, view) {
		t.Error("one that was renewed at the last moment is dead, or another is not")
	}
}
