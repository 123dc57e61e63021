package queue_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lock/queue"
)

// history drives one lock as the store does: a new revision for each change, and Fill after each read.
type history struct {
	l        *api.Lock
	revision uint64
	kind     api.LockKind
	capacity int
}

// change applies a rule and checks what must hold for every change of every lock.
func (h *history) change(t *rapid.T, what string, rule func(*api.Lock) (*api.Lock, error)) (*api.Lock, error) {
	before := clone(h.l)
	got, err := rule(h.l)
	if diff := cmp.Diff(before, h.l); diff != "" {
		t.Fatalf("%s changed what it was given (-before +after):\n%s", what, diff)
	}
	if err != nil || got == h.l {
		return got, err
	}
	h.revision += uint64(rapid.IntRange(1, 3).Draw(t, "other writes"))
	added := 0
	for i, k := range got.Tickets {
		if k.Token == 0 {
			if added++; i != len(got.Tickets)-1 {
				t.Fatalf("%s put a new ticket at place %d of %d", what, i, len(got.Tickets))
			}
		}
	}
	if added > 1 {
		t.Fatalf("%s added %d tickets", what, added)
	}
	queue.Fill(got, h.revision)
	h.sound(t, what, got)
	h.fair(t, what, before, got)
	h.l = got
	return got, nil
}

// sound checks a record by itself.
func (h *history) sound(t *rapid.T, what string, l *api.Lock) {
	taken, waits, last := 0, false, uint64(0)
	for i, k := range l.Tickets {
		if k.Granted {
			taken += k.Takes
		}
		if k.Granted && waits {
			t.Fatalf("%s granted %s although somebody before it waits", what, k.ID)
		}
		if !k.Granted && !waits && taken+k.Takes <= l.Capacity {
			t.Fatalf("%s leaves %s waiting at place %d although it fits", what, k.ID, i)
		}
		waits = waits || !k.Granted
		if k.Token <= last || k.Token > l.Last {
			t.Fatalf("%s: token %d comes after %d, the last is %d", what, k.Token, last, l.Last)
		}
		last = k.Token
	}
	if taken > l.Capacity {
		t.Fatalf("%s: %d of %d are taken", what, taken, l.Capacity)
	}
}

// fair checks that those who stay keep their order, token and grant.
func (h *history) fair(t *rapid.T, what string, before, after *api.Lock) {
	if before == nil {
		return
	}
	if after.Last < before.Last {
		t.Fatalf("%s: the last token went from %d to %d", what, before.Last, after.Last)
	}
	at := -1
	for _, k := range before.Tickets {
		now, place, ok := queue.Find(after, k.ID)
		if !ok {
			continue
		}
		if place <= at {
			t.Fatalf("%s: %s was overtaken", what, k.ID)
		}
		at = place
		if k.Granted && !now.Granted || k.Token != now.Token {
			t.Fatalf("%s: ticket %+v became %+v", what, k, now)
		}
	}
}

func clone(l *api.Lock) *api.Lock {
	if l == nil {
		return nil
	}
	c := *l
	c.Tickets = slices.Clone(l.Tickets)
	return &c
}

func TestRules(t *testing.T) {
	rapid.Check(t, rules)
}

// FuzzRules lets the fuzzer choose the same histories.
func FuzzRules(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(rules))
}

func rules(t *rapid.T) {
	h := &history{}
	now := t0
	h.kind = rapid.SampledFrom(api.LockKinds).Draw(t, "kind")
	h.capacity = map[api.LockKind]int{api.LockMutex: 1, api.LockElection: 1, api.LockRW: api.MaxLockCapacity}[h.kind]
	if h.capacity == 0 {
		h.capacity = rapid.IntRange(1, 6).Draw(t, "capacity")
	}
	newest := 0
	any := func() string { return fmt.Sprint("t", rapid.IntRange(1, newest+1).Draw(t, "ticket")) }
	next := func() api.LockTicket {
		newest++
		k := api.LockTicket{
			ID: fmt.Sprint("t", newest), Owner: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "owner"),
			Lease: rapid.SampledFrom([]string{"l1", "l2", "l3"}).Draw(t, "lease"), Takes: 1,
		}
		switch h.kind {
		case api.LockRW:
			k.Takes = rapid.SampledFrom([]int{1, api.MaxLockCapacity}).Draw(t, "takes")
		case api.LockSemaphore:
			k.Takes = rapid.IntRange(1, h.capacity).Draw(t, "takes")
		}
		if rapid.Bool().Draw(t, "gives up") {
			k.Until = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "until")) * time.Second)
		}
		return k
	}
	t.Repeat(map[string]func(*rapid.T){
		"join": func(t *rapid.T) {
			k := next()
			join := func(l *api.Lock) (*api.Lock, error) { return queue.Join(l, "x", h.kind, h.capacity, k, now) }
			if got, err := h.change(t, "join", join); err != nil {
				t.Fatal(err)
			} else if _, place, ok := queue.Find(got, k.ID); !ok || place != len(got.Tickets)-1 {
				t.Fatalf("joined at place %d, %t, of %d", place, ok, len(got.Tickets))
			}
			if again, err := join(h.l); err != nil || again != h.l {
				t.Fatalf("joining twice: %v, %v", again, err)
			}
		},
		"try": func(t *rapid.T) {
			k := next()
			_, err := h.change(t, "try", func(l *api.Lock) (*api.Lock, error) { return queue.TryJoin(l, "x", h.kind, h.capacity, k, now) })
			if got, _, ok := queue.Find(h.l, k.ID); ok != (err == nil) || ok != got.Granted {
				t.Fatalf("tried, got %v and %+v", err, got)
			}
		},
		"leave": func(t *rapid.T) {
			id := any()
			was, _, ok := queue.Find(h.l, id)
			owner := rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "owner")
			_, err := h.change(t, "leave", func(l *api.Lock) (*api.Lock, error) { return queue.Leave(l, id, owner, now) })
			_, _, still := queue.Find(h.l, id)
			foreign := ok && was.Owner != "" && owner != "" && owner != was.Owner
			if (err == nil) != (ok && !foreign) || still != foreign {
				t.Fatalf("%q left by %q: %v, still there %t", id, owner, err, still)
			}
		},
		"prune": func(t *rapid.T) {
			lease := rapid.SampledFrom([]string{"l1", "l2", "l3", "l4"}).Draw(t, "dead lease")
			dead := func(l string) bool { return l == lease }
			before := h.l
			prune := func(l *api.Lock) (*api.Lock, error) { return queue.Prune(l, dead, now), nil }
			if _, err := h.change(t, "prune", prune); err != nil {
				t.Fatal(err)
			}
			if again, _ := prune(h.l); again != h.l {
				t.Fatal("pruning twice changes something")
			}
			if before == nil {
				return
			}
			for _, k := range before.Tickets {
				gone := k.Lease == lease || !k.Granted && !k.Until.IsZero() && k.Until.Before(now)
				if _, _, still := queue.Find(h.l, k.ID); still == gone {
					t.Fatalf("%+v: still there %t at %v with %s dead", k, still, now, lease)
				}
			}
		},
		"time": func(*rapid.T) { now = now.Add(time.Second) },
		"": func(t *rapid.T) {
			if h.l != nil {
				h.sound(t, "at any time", h.l)
			}
		},
	})
}
