package suspicion_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/registry/suspicion"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is hosts that listen or not, asked by one watch in steps of a tick.
type world struct {
	w      *suspicion.Watch
	now    time.Time
	hosts  []suspicion.Host
	silent map[string]bool // nobody listens
	mute   map[string]bool // no answer at all
	dead   map[string]time.Time
	asks   map[string]int
	total  int
}

func newWorld(n int) *world {
	x := &world{w: suspicion.New(t0), now: t0, silent: map[string]bool{}, mute: map[string]bool{}, dead: map[string]time.Time{}, asks: map[string]int{}}
	for i := range n {
		x.hosts = append(x.hosts, suspicion.Host{ID: fmt.Sprintf("h%d", i), Lease: fmt.Sprintf("l%d", i)})
	}
	return x
}

// run lets time pass.
func (x *world) run(d time.Duration) {
	for end := x.now.Add(d); x.now.Before(end); {
		x.step(suspicion.Again)
	}
}

func (x *world) step(d time.Duration) {
	x.now = x.now.Add(d)
	for _, a := range x.w.Tick(x.now, func() []suspicion.Host { return x.hosts }) {
		x.asks[a.ID]++
		x.total++
		if x.mute[a.ID] {
			continue
		}
		if _, dead := x.w.Heard(x.now.Add(time.Millisecond), a, !x.silent[a.ID]); dead {
			if _, known := x.dead[a.ID]; !known {
				x.dead[a.ID] = x.now
			}
		}
	}
}

func TestADeadHostIsFoundSoon(t *testing.T) {
	x := newWorld(4)
	x.run(2 * time.Second)
	for id, n := range x.asks {
		if n < 9 || n > 11 {
			t.Errorf("%s was asked %d times in two seconds, want 10", id, n)
		}
	}
	x.silent["h2"] = true
	begin := x.now
	x.run(time.Second)
	if len(x.dead) != 1 {
		t.Fatalf("dead: %v, want h2", x.dead)
	}
	if took := x.dead["h2"].Sub(begin); took < suspicion.Unbroken || took > 700*time.Millisecond {
		t.Errorf("h2 was dead after %s", took)
	}
	if !x.w.Stands(suspicion.Host{ID: "h2", Lease: "l2"}) || x.w.Stands(suspicion.Host{ID: "h2", Lease: "l9"}) || x.w.Stands(suspicion.Host{ID: "h1", Lease: "l1"}) {
		t.Error("Stands does not tell what was heard")
	}
	x.silent["h2"] = false
	x.run(suspicion.Again)
	if x.w.Stands(suspicion.Host{ID: "h2", Lease: "l2"}) {
		t.Error("the host is dead although it has answered")
	}
}

func TestWhatIsNoDeath(t *testing.T) {
	for name, play := range map[string]func(x *world){
		"it reconnects": func(x *world) {
			for range 10 {
				x.silent["h1"] = true
				x.run(350 * time.Millisecond)
				x.silent["h1"] = false
				x.run(225 * time.Millisecond)
			}
		},
		"it never listened under this lease": func(x *world) {
			x.silent["h1"] = true
			x.hosts[1].Lease = "fresh"
			x.run(3 * time.Second)
		},
		"there is no answer at all": func(x *world) {
			x.mute["h1"] = true
			x.run(3 * time.Second)
		},
		"answers are lost now and then": func(x *world) {
			x.silent["h1"] = true
			for range 10 {
				x.run(200 * time.Millisecond)
				x.mute["h1"] = true
				x.run(300 * time.Millisecond)
				x.mute["h1"] = false
			}
		},
		"the asker reconnects": func(x *world) {
			x.silent["h1"] = true
			for range 10 {
				x.run(300 * time.Millisecond)
				x.w.Break(x.now)
			}
			x.run(suspicion.Settled)
		},
		"the asker sleeps": func(x *world) {
			x.silent["h1"] = true
			for range 10 {
				x.run(100 * time.Millisecond)
				x.step(time.Second)
			}
		},
		"it is not listed any more": func(x *world) {
			x.silent["h1"] = true
			x.run(300 * time.Millisecond)
			x.hosts = x.hosts[:1]
			x.run(3 * time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := newWorld(2)
			x.run(2 * time.Second)
			if play(x); len(x.dead) != 0 {
				t.Errorf("dead: %v", x.dead)
			}
		})
	}
}

func TestAnswersOverAnEarlierConnectionCountForNothing(t *testing.T) {
	x := newWorld(1)
	x.run(2 * time.Second)
	var late []suspicion.Ask
	for range 40 {
		x.now = x.now.Add(suspicion.Again)
		late = append(late, x.w.Tick(x.now, func() []suspicion.Host { return x.hosts })...)
	}
	x.w.Break(x.now)
	x.now = x.now.Add(2 * suspicion.Settled)
	for _, a := range late {
		x.now = x.now.Add(suspicion.Unbroken)
		if _, dead := x.w.Heard(x.now, a, false); dead || x.w.Stands(x.hosts[0]) {
			t.Fatal("dead by answers to what was asked before the connection was lost")
		}
	}
	for _, junk := range []suspicion.Ask{{}, {ID: "h0", Number: 1 << 60}, {ID: "nobody", Number: 1}} {
		if _, dead := x.w.Heard(x.now, junk, false); dead {
			t.Errorf("dead by %+v", junk)
		}
	}
}

func TestManyHostsAreAskedMoreSeldom(t *testing.T) {
	x := newWorld(4000)
	x.run(2 * time.Second)
	before := x.total
	x.run(10 * time.Second)
	if n := x.total - before; n > 10*suspicion.Rate || n < 9*suspicion.Rate {
		t.Errorf("%d asks in ten seconds, want at most %d and nearly that", n, 10*suspicion.Rate)
	}
	for _, h := range x.hosts[:1000] {
		x.silent[h.ID] = true
	}
	before = x.total
	x.run(10 * time.Second)
	if n := x.total - before; n > 10*suspicion.Rate+100 {
		t.Errorf("%d asks in ten seconds while a quarter is dead, want at most %d", n, 10*suspicion.Rate)
	}
	if len(x.dead) != 1000 {
		t.Errorf("%d hosts are found dead, want 1000", len(x.dead))
	}
}

// Whatever happens, a host is dead only if nobody listened for it at every ask of the last 400 ms and more, over a connection
// that lasted for a second longer.
func TestOnlyUnbrokenSilenceIsDeath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newWorld(rapid.IntRange(1, 3).Draw(t, "hosts"))
		broken, heard := x.now, map[string]time.Time{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			id := x.hosts[rapid.IntRange(0, len(x.hosts)-1).Draw(t, "host")].ID
			switch rapid.IntRange(0, 7).Draw(t, "what") {
			case 0:
				x.w.Break(x.now)
				broken = x.now
			case 1:
				x.mute[id] = !x.mute[id]
			case 2, 3, 4:
				x.silent[id] = !x.silent[id]
			}
			for range rapid.IntRange(1, 60).Draw(t, "ticks") {
				clear(x.dead)
				x.step(suspicion.Again)
				for _, h := range x.hosts {
					if !x.silent[h.ID] || x.mute[h.ID] {
						heard[h.ID] = x.now
					}
				}
				for id := range x.dead {
					if quiet := x.now.Sub(heard[id]); quiet < suspicion.Unbroken {
						t.Fatalf("%s is dead after %s of silence", id, quiet)
					}
					if lasted := x.now.Sub(broken); lasted < suspicion.Settled+suspicion.Unbroken {
						t.Fatalf("%s is dead over a connection of %s", id, lasted)
					}
				}
			}
		}
	})
}
