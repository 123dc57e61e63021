package state_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/state"
	"github.com/mabus-project/mabus/shared/api"
)

func TestAnAgentThatNeverSavesCostsNoWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.store(t)
	for range 3 {
		_, st := load(t, s, w.claim(t))
		wantState(t, st, 0, "")
	}
	if n := w.kept(t); n != 0 {
		t.Errorf("%d messages are kept", n)
	}
}

func TestAStateComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.claim(t)
	h, _ := load(t, w.store(t), c)
	version := uint64(0)
	for _, data := range []string{`{"n":1.0,"ä":"<>"}`, "null", text(64 << 10), text(3 << 20), "12345678901234567890", text(700 << 10), text(700<<10 + 1), text(100)} {
		version++
		if v := save(t, h, data); v != version {
			t.Fatalf("version %d, want %d", v, version)
		}
		st, other := w.loadTwice(t, &c, &h)
		wantState(t, st, version, data)
		wantState(t, other, version, data)
	}
	if n := w.kept(t); n > 2 {
		t.Errorf("%d messages are kept of one small state", n)
	}
}

// loadTwice loads for another instance of the claim, and then for the next claim.
func (w *world) loadTwice(t *testing.T, c *state.Claim, h **state.Hold) (st, other agent.State) {
	t.Helper()
	_, st = load(t, w.store(t), *c)
	*c = w.claim(t)
	*h, other = load(t, w.store(t), *c)
	return st, other
}

func TestAnOlderClaimSavesNothing(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 1 << 20} {
		w := newWorld(t)
		one, two := w.store(t), w.store(t)
		first := w.claim(t)
		old, _ := load(t, one, first)
		save(t, old, text(size))
		now, st := load(t, two, w.claim(t))
		wantState(t, st, 1, text(size))
		_, err := old.Save(within(t), json.RawMessage(text(size+1)))
		wantStale(t, err)
		_, _, err = one.Load(within(t), first)
		wantStale(t, err)
		save(t, now, `"new"`)
		_, err = old.Save(within(t), json.RawMessage(`"old"`))
		wantStale(t, err)
		_, st = load(t, two, w.claim(t))
		wantState(t, st, 2, `"new"`)
		if n := w.kept(t); n > 2 {
			t.Errorf("%d messages are kept", n)
		}
	}
}

// Nothing was saved before, so there was no record to take over.
func TestTheFirstSaveOfAnOlderClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.store(t)
	old, _ := load(t, s, w.claim(t))
	now, _ := load(t, s, w.claim(t))
	_, err := old.Save(within(t), json.RawMessage(`"old"`))
	wantStale(t, err)
	_, again := load(t, s, w.claim(t))
	wantState(t, again, 0, "")
	_, err = now.Save(within(t), json.RawMessage(`"late too"`))
	wantStale(t, err)
}

// The later claim comes at each moment of the older one's first save.
func TestAClaimInTheMiddleOfTheFirstSave(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"taken", "confirmed"} {
		w := newWorld(t)
		one, two := w.store(t), w.store(t)
		old, _ := load(t, one, w.claim(t))
		var next *state.Hold
		one.OnStep(func(step string) error {
			if step == at {
				var st agent.State
				next, st = load(t, two, w.claim(t))
				wantState(t, st, 0, "")
			}
			return nil
		})
		_, err := old.Save(within(t), json.RawMessage(`"old"`))
		wantStale(t, err)
		if v := save(t, next, `"new"`); v != 1 {
			t.Errorf("%s: version %d", at, v)
		}
	}
}

func TestAnEarlierInstanceOfTheClaimSavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.store(t)
	c := w.claim(t)
	crashed, _ := load(t, s, c)
	crashed.Close()
	now, _ := load(t, s, c)
	_, err := crashed.Save(within(t), json.RawMessage(`"of the crashed"`))
	wantStale(t, err)
	save(t, now, `1`)
	after, st := load(t, s, c)
	wantState(t, st, 1, `1`)
	_, err = now.Save(within(t), json.RawMessage(`2`)) // not even closed
	wantStale(t, err)
	if v := save(t, after, `3`); v != 2 {
		t.Errorf("version %d", v)
	}
}

// An instance that ends in its first save: the next one sees no state, and gets none by surprise.
func TestAnInstanceThatEndsInItsFirstSave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.store(t)
	c := w.claim(t)
	first, _ := load(t, s, c)
	second, _ := load(t, s, c)
	s.OnStep(func(step string) error {
		if step == "taken" {
			first.Close()
		}
		return nil
	})
	_, err := first.Save(within(t), json.RawMessage(`1`))
	wantStale(t, err)
	if v := save(t, second, `2`); v != 1 {
		t.Errorf("version %d", v)
	}
}

// A read of a deposed leader can miss a state; here the instance is simply not told of it.
func TestAStateThatWasMissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.store(t)
	c := w.claim(t)
	blind, _ := load(t, s, c)
	h, _ := load(t, s, c)
	save(t, h, `1`)
	_, err := blind.Save(within(t), json.RawMessage(`2`))
	if api.CodeOf(err) != api.FailedPrecondition {
		t.Errorf("got %v", err)
	}
	_, st := load(t, s, c)
	wantState(t, st, 1, `1`)
}

func TestANewRegistrationBeginsAnew(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 1 << 20} {
		w := newWorld(t)
		s := w.store(t)
		var old *state.Hold
		var claimed state.Claim
		for range 3 { // up to epoch 3
			claimed = w.claim(t)
			old, _ = load(t, s, claimed)
			save(t, old, text(size))
		}
		w.again(t)
		c := w.claim(t)
		if c.Epoch != 1 {
			t.Fatalf("epoch %d", c.Epoch)
		}
		now, st := load(t, s, c)
		wantState(t, st, 0, "")
		_, err := old.Save(within(t), json.RawMessage(`"old"`))
		wantStale(t, err)
		_, _, err = s.Load(within(t), claimed)
		wantStale(t, err)
		if v := save(t, now, `"new"`); v != 1 {
			t.Errorf("version %d", v)
		}
		// The registry's clocks may disagree: what counts is its order.
		c.Registered = claimed.Registered.Add(-time.Hour)
		if _, _, err := s.Load(within(t), c); err != nil {
			t.Errorf("a registration by a late clock: %v", err)
		}
		if n := w.kept(t); n > 2 {
			t.Errorf("%d messages are kept", n)
		}
	}
}

func TestWhatIsNoStateIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.store(t)
	h, _ := load(t, s, w.claim(t))
	for _, data := range []string{"", "{", "NaN", `{"a":1,"a":2}`, `"` + string([]byte{0xff}) + `"`, "1 2"} {
		if _, err := h.Save(within(t), json.RawMessage(data)); api.CodeOf(err) != api.Invalid {
			t.Errorf("%q: %v", data, err)
		}
	}
	if _, _, err := s.Load(within(t), state.Claim{Agent: "a.b"}); api.CodeOf(err) != api.Invalid {
		t.Errorf("a bad id: %v", err)
	}
	if n := w.kept(t); n != 0 {
		t.Errorf("%d messages are kept", n)
	}
}

func TestRemoveAndSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.store(t)
	c := w.claim(t)
	h, _ := load(t, s, c)
	save(t, h, text(1<<20))
	for _, other := range []time.Time{{}, c.Registered.Add(1)} {
		if err := s.Remove(within(t), "a", other); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.Sweep(within(t)); err != nil || n != 0 {
		t.Fatalf("the state of an agent that is registered: %d removed, %v", n, err)
	}
	_, st := load(t, s, c)
	wantState(t, st, 1, text(1<<20))
	w.again(t)
	if n, err := s.Sweep(within(t)); err != nil || n != 1 {
		t.Errorf("%d removed, %v", n, err)
	}
	for range 2 { // the second finds nothing
		if err := s.Remove(within(t), "a", c.Registered); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.kept(t); n != 0 {
		t.Errorf("%d messages are kept", n)
	}
	_, err := h.Save(within(t), json.RawMessage(`1`))
	wantStale(t, err)
}
