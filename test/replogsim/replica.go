package replogsim

import (
	"bytes"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// replica is one process that reads and writes the log, in one life after the other.
type replica[S any] struct {
	w     *world[S]
	index int
	life  int
	up    bool
	live  bool // it has caught up
	e     *engine.Engine[S]

	reading bool
	lagging time.Duration // until then it reads nothing
	// rate is by how many thousandths its clock is too fast, lastTime the time of the log when it read the last entry, at lastRead.
	rate     int
	lastTime time.Time
	lastRead time.Duration
	// ticked is when it last sent a tick, spoke when it last appended anything, and silence after which it says that it is there.
	ticked, spoke, silence time.Duration

	writer  string
	number  uint64
	queue   []*waiting
	flight  *flight
	running map[string]bool // effects
	claimed map[string]bool // effects whose claim waits
}

// waiting is a command that is to be appended, and who waits for the answer.
type waiting struct {
	command engine.Command
	answer  func(engine.Reply)
}

func (r *replica[S]) name() string { return fmt.Sprintf("r%d.%d", r.index, r.life) }

// after does something later, if the process is still alive.
func (r *replica[S]) after(d time.Duration, do func()) {
	life := r.life
	r.w.after(d, func() {
		if r.up && r.life == life {
			do()
		}
	})
}

// start begins a life: from a snapshot, if there is one, under an id that nobody has had.
func (r *replica[S]) start() {
	w := r.w
	r.life++
	r.up, r.live, r.reading, r.lagging = true, false, false, 0
	r.queue, r.flight, r.running, r.claimed = nil, nil, map[string]bool{}, map[string]bool{}
	r.writer, r.number = r.name(), 0
	if w.Bug == SameWriter {
		r.writer = fmt.Sprintf("r%d", r.index)
	}
	r.rate = w.rng.IntN(601) - 300
	r.silence = w.between(10*time.Second, 200*time.Second)
	r.spoke = w.now
	r.e = engine.New(w.machine(r.index))
	if n := len(w.snapshots); n > 0 && !w.chance(200) {
		var err error
		if r.e, err = engine.Restore(w.machine(r.index), w.snapshots[n-1-w.rng.IntN(min(n, 2))]); err != nil {
			w.fail("%s: restore: %w", r.name(), err)
			return
		}
	}
	w.say("%s starts at entry %d", r.name(), r.e.Seq())
	r.lastTime, r.lastRead = r.e.Time(), w.now
	r.after(w.between(0, 500*time.Millisecond), r.look)
	r.wake()
	r.caughtUp()
}

// caughtUp begins to serve if everything was read.
func (r *replica[S]) caughtUp() {
	if r.live || !r.up || r.e.Seq() != uint64(len(r.w.entries)) {
		return
	}
	r.live = true
	r.w.say("%s has caught up at entry %d", r.name(), r.e.Seq())
	if r.w.chance(300) { // others begin with what they are asked for
		r.present()
	}
}

// present says that the replica is there, and what it has.
func (r *replica[S]) present() {
	low, high := r.e.Versions()
	r.enqueue(engine.PresentCommand(low, high), nil)
}

// kill ends the process at once. What it has sent is on its way.
func (r *replica[S]) kill(where string) {
	w := r.w
	if !r.up || w.calm || w.now > w.span {
		return
	}
	w.say("%s dies %s", r.name(), where)
	w.result.Kills++
	r.up, r.live = false, false
	w.after(w.between(100*time.Millisecond, 6*time.Second), r.start)
}

// point is one where the process may die, and tells whether it has.
func (r *replica[S]) point(where string) bool {
	if r.w.kills == 0 || !r.w.chance(8) {
		return !r.up
	}
	r.w.kills--
	r.kill(where)
	return !r.up
}

// leave ends the process in order, but for the effects that it runs.
func (r *replica[S]) leave() {
	if r.live {
		r.enqueue(engine.LeaveCommand(), func(engine.Reply) { r.kill("when it has left") })
	}
}

// lag stops reading for a while.
func (r *replica[S]) lag(d time.Duration) {
	r.w.say("%s lags for %s", r.name(), d)
	r.lagging = r.w.now + d
}

// use goes on to other rules.
func (r *replica[S]) use() {
	if r.live {
		_, high := r.e.Versions()
		r.enqueue(engine.UseCommand(min(high, r.e.Version()+1)), nil)
	}
}

// wake reads what is there, soon.
func (r *replica[S]) wake() {
	if r.up && !r.reading {
		r.reading = true
		r.after(max(r.w.latency(), r.lagging-r.w.now), r.read)
	}
}

// read applies the next entry.
func (r *replica[S]) read() {
	w := r.w
	r.reading = false
	if r.lagging > w.now {
		r.wake()
		return
	}
	seq := r.e.Seq()
	if seq == uint64(len(w.entries)) {
		return
	}
	if r.point("before it applies an entry") {
		return
	}
	en := w.entries[seq]
	a, err := r.e.Apply(w.spoilEntry(r.e, en, r.estimate()))
	if err != nil {
		w.fail("%s: %w", r.name(), err)
		return
	}
	if a.Contradicts {
		w.fail("%s: entry %d contradicts what %s has", r.name(), en.Seq, a.Writer)
		return
	}
	r.lastTime, r.lastRead = a.Time, w.now
	r.settle(a, en.Data)
	if !r.up {
		return
	}
	for _, f := range a.Started {
		if r.live && (f.Owner == r.writer || w.Bug == RunForeign) {
			r.runEffect(f.ID)
		}
	}
	if w.chance(30) {
		r.snapshot()
	}
	r.caughtUp()
	r.wake()
}

// snapshot stores a snapshot, from which any replica may start.
func (r *replica[S]) snapshot() {
	data, err := r.e.Snapshot()
	if err != nil {
		r.w.fail("%s: snapshot: %w", r.name(), err)
		return
	}
	r.w.say("%s stores a snapshot of entry %d", r.name(), r.e.Seq())
	r.w.snapshots = append(r.w.snapshots, r.w.spoilSnapshot(data))
}

// estimate is what time the replica thinks that it is: that of the log when it read it, and what its own clock says has passed.
func (r *replica[S]) estimate() time.Time {
	passed := r.w.now - r.lastRead
	return r.lastTime.Add(passed + passed/1000*time.Duration(r.rate))
}

// look sees to timers and effects again and again.
func (r *replica[S]) look() {
	w := r.w
	r.after(w.between(200*time.Millisecond, 600*time.Millisecond), r.look)
	if !r.live || r.lagging > w.now {
		return
	}
	now := r.estimate()
	if next, ok := r.e.Next(); ok && !next.After(now) && w.now-r.ticked > 300*time.Millisecond {
		r.ticked = w.now
		r.append(true)
	}
	if w.now-r.spoke > r.silence {
		r.present()
	}
	r.claims(now)
}

// same tells whether an entry is the batch under way.
func (f *flight) same(data []byte) bool { return f != nil && bytes.Equal(f.data, data) }
