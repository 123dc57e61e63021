package rules_test

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/lease/rules"
)

var schedules = flag.Int("schedules", 100, "simulated schedules")

// disturb lets things go wrong until the given time.
func (w *world) disturb(until time.Duration) {
	const all = 12
	w.after(w.between(0, 2*w.t.Challenge), func() {
		if w.now > until {
			return
		}
		long := w.between(0, 6*w.t.Challenge)
		switch kind := w.rnd.IntN(all); {
		case kind < states-1:
			w.store.be(1+kind, long)
		case kind < 7:
			w.holders[w.rnd.IntN(len(w.holders))].stop(long)
		case kind < 8:
			w.watches[w.rnd.IntN(len(w.watches))].stop(long)
		case kind < 9:
			h := w.holders[w.rnd.IntN(len(w.holders))]
			h.cutOff(long)
		case kind < 10:
			v := w.watches[w.rnd.IntN(len(w.watches))]
			v.cutOff(long)
			v.interrupt()
		case kind < 11: // the machine on which all run is stopped
			w.store.be(asleep, long)
			for _, h := range w.holders {
				h.stop(long)
			}
			for _, v := range w.watches {
				v.stop(long)
			}
		default:
			if h := w.holders[w.rnd.IntN(len(w.holders))]; w.rnd.IntN(3) == 0 {
				h.crashed = true
				w.addHolder(fmt.Sprintf("h%d.", len(w.holders)))
			}
		}
		w.disturb(until)
	})
}

// TestSchedules drives holders and watchers through thousands of schedules of everything that may go wrong. That a holder
// acts on a dead lease, a dead lease is written, or a lease is declared dead whose holder could renew, ends a run at once; what
// must come about when all is well again is checked here.
func TestSchedules(t *testing.T) {
	var suspended, resumed, lost, deaths atomic.Int64
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1); seed <= int64(*schedules) && !t.Failed(); seed = next.Add(1) {
				w := newWorld(uint64(seed), usual)
				if err := w.simulate(); err != "" {
					t.Errorf("seed %d: %s", seed, err)
				}
				suspended.Add(int64(w.suspended))
				resumed.Add(int64(w.resumed))
				lost.Add(int64(w.lost))
				deaths.Add(int64(w.store.deaths))
			}
		})
	}
	wg.Wait()
	t.Logf("%d suspended, %d resumed, %d lost, %d declared dead", suspended.Load(), resumed.Load(), lost.Load(), deaths.Load())
	for what, n := range map[string]int64{"suspended": suspended.Load(), "held again": resumed.Load(), "lost": lost.Load(), "declared dead": deaths.Load()} {
		if n < int64(*schedules)/10 {
			t.Errorf("only %d leases were %s: the schedules try too little", n, what)
		}
	}
}

func (w *world) simulate() string {
	for i := range 3 {
		w.addHolder(fmt.Sprintf("h%d.", i))
	}
	for range 2 {
		w.addWatch()
	}
	const troubled = 10 * time.Minute
	w.disturb(troubled)
	w.run(troubled + 30*time.Minute/2) // whatever goes on longest is over
	w.calm = true
	w.run(w.now + 4*time.Minute) // and so is the last stop that chance made
	before := map[string]bool{}
	for id, r := range w.store.records {
		before[id] = r.dead
	}
	w.run(w.now + time.Minute)
	if w.failure != "" {
		return w.failure
	}
	current := map[string]bool{}
	for _, h := range w.holders {
		if h.crashed {
			continue
		}
		current[h.id] = true
		if !h.have || !h.rule.Held(h.local()) {
			return fmt.Sprintf("all is well, and the holder of %s cannot act", h.id)
		}
	}
	for id, r := range w.store.records {
		if id != proof && !r.dead && !current[id] {
			return fmt.Sprintf("nobody holds %s, and it was not declared dead", id)
		}
		if r.dead && !before[id] {
			return fmt.Sprintf("all is well, and %s was declared dead", id)
		}
	}
	return ""
}

// A holder is suspended by no outage that leaves it time to renew, and by every one that does not; whatever its length, it
// holds the same lease when it is over.
func TestOutages(t *testing.T) {
	for state := range states {
		if state == well || state == slow {
			continue
		}
		for _, c := range []struct {
			length    time.Duration
			suspended bool
		}{
			{usual.Hold / 2, false},
			{usual.Hold - 2*usual.Renew - usual.Renew/4, false},
			{usual.Hold + usual.Hold/20, true},
			{5 * usual.Hold, true},
			{time.Hour, true},
		} {
			for seed := range uint64(8) {
				w := newWorld(seed, usual)
				w.calm = true
				h := w.addHolder("h")
				w.addWatch()
				w.addWatch()
				w.run(w.between(10*time.Second, 20*time.Second))
				w.store.be(state, c.length)
				w.run(w.now + c.length + 3*usual.Renew)
				if !h.rule.Held(h.local()) {
					w.fail("not held again")
				}
				w.run(w.now + 3*usual.Challenge)
				if w.failure != "" || h.id != "h1" || w.store.deaths > 0 || w.suspended > 0 != c.suspended || w.lost > 0 {
					t.Errorf("state %d for %s, seed %d: %s; suspended %d times, lost %d, %d deaths", state, c.length, seed, w.failure, w.suspended, w.lost, w.store.deaths)
				}
			}
		}
	}
}

// A lease whose holder has crashed is declared dead after Challenge and two looks, and no earlier; counted from the end of an
// outage if there was one, and the time to build the view anew.
func TestDeadInTime(t *testing.T) {
	for seed := range uint64(200) {
		w := newWorld(seed, usual)
		w.calm = true
		h := w.addHolder("h")
		w.addWatch()
		w.addWatch()
		w.run(w.between(10*time.Second, 20*time.Second))
		h.crashed = true
		from, rebuild, least := w.now, time.Duration(0), usual.Challenge*98/100-usual.Renew
		if outage := w.between(0, 2*time.Minute); seed%2 == 0 {
			state := []int{away, headless, readOnly}[seed/2%3]
			w.store.be(state, outage)
			w.run(w.now + outage)
			from, rebuild = w.now, 3*time.Second+usual.Renew // of which the watcher has to hear
			if state == readOnly {
				least = 2*usual.Renew*98/100 - usual.Renew/2 // for which the store is known to take writes
			}
		}
		dead := func() bool { return w.store.records["h1"].dead }
		w.run(from + least)
		if early := dead(); early {
			t.Errorf("seed %d: dead too early", seed)
		}
		w.run(from + (usual.Challenge+2*usual.Tick()+rebuild)*101/100 + 500*time.Millisecond)
		if !dead() || w.store.deaths != 1 {
			t.Errorf("seed %d: %d deaths", seed, w.store.deaths)
		}
	}
}

// The simulation finds what is wrong: with durations that are too close for the clocks, a holder acts on a dead lease.
func TestSimulationFindsWrongTiming(t *testing.T) {
	wrong := rules.Timing{Renew: 2 * time.Second, Hold: 17 * time.Second, Challenge: 15 * time.Second}
	if wrong.Check() == nil {
		t.Error("it was taken")
	}
	for seed := range uint64(200) {
		if w := newWorld(seed, wrong); w.simulate() != "" {
			return
		}
	}
	t.Error("nothing was found")
}
