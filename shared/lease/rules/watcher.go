package rules

import (
	"cmp"
	"slices"
	"time"
)

// View is what a watcher knows of its view of the store.
type View struct {
	// Epoch changes whenever the view was broken.
	Epoch uint64
	// Synced tells whether the view follows the store now.
	Synced bool
	// Age is for how long it may have missed changes.
	Age time.Duration
}

// Watcher decides which leases are dead. A lease is, when it was seen unchanged for Challenge, in a view that was not broken
// meanwhile, and the store has shown, late in that time, that it takes writes: else its holder may live and be unable to
// renew. Every break of the view starts the count of every lease anew.
type Watcher struct {
	timing Timing
	sights map[string]sight
	began  bool
	epoch  uint64
	looked time.Duration
	clear  time.Duration // since when the view is unbroken
}

// sight is since when a live lease is seen at a revision.
type sight struct {
	rev    uint64
	since  time.Duration
	proved time.Duration // when a write was sent that the store has taken, while the lease was in doubt
}

// Sight is a live lease at a revision.
type Sight struct {
	ID       string
	Revision uint64
}

// NewWatcher returns a watcher that has seen nothing.
func NewWatcher(t Timing) *Watcher { return &Watcher{timing: t, sights: map[string]sight{}} }

// Saw notes that a lease is live at a revision, seen for the first time.
func (w *Watcher) Saw(id string, rev uint64, now time.Duration) {
	w.sights[id] = sight{rev: rev, since: now}
}

// Gone notes that a lease is dead, or forgotten.
func (w *Watcher) Gone(id string) { delete(w.sights, id) }

// Look returns the leases that are dead by now, in the order of their ids. Doubt is set when there are leases that may soon
// be: then the watcher is to find out whether the store takes writes, and to say so by Proved or Refused.
func (w *Watcher) Look(now time.Duration, v View) (dead []Sight, doubt bool) {
	w.note(now, v)
	for id, s := range w.sights {
		switch {
		case w.due(s, now):
			dead = append(dead, Sight{id, s.rev})
		case now-w.since(s) >= w.timing.doubtAfter() && !w.proven(s):
			doubt = true
		}
	}
	slices.SortFunc(dead, func(a, b Sight) int { return cmp.Compare(a.ID, b.ID) })
	return dead, doubt
}

// Still tells whether what Look has found holds at the moment when the lease is to be declared dead.
func (w *Watcher) Still(found Sight, now time.Duration, v View) bool {
	w.note(now, v)
	s, ok := w.sights[found.ID]
	return ok && s.rev == found.Revision && w.due(s, now)
}

// note starts every count anew if the view was broken. A watcher that was stopped has seen nothing meanwhile, and the holders
// may have been stopped with it.
func (w *Watcher) note(now time.Duration, v View) {
	broken := !w.began || v.Epoch != w.epoch || !v.Synced || v.Age >= w.timing.stale()
	if broken || now-w.looked > w.timing.gap() {
		w.clear = now
	}
	w.began, w.epoch, w.looked = true, v.Epoch, now
}

func (w *Watcher) due(s sight, now time.Duration) bool {
	return now-w.since(s) >= w.timing.Challenge && w.proven(s) && now-s.proved >= w.timing.grace()
}

// Proved notes that the store has taken a write that was sent at sent, after the Look that asked for it.
func (w *Watcher) Proved(sent time.Duration) {
	for id, s := range w.sights {
		if !w.proven(s) && sent-w.since(s) >= w.timing.doubtAfter() {
			s.proved = sent
			w.sights[id] = s
		}
	}
}

// Refused notes that the store did not take a write: nobody may have been able to renew.
func (w *Watcher) Refused(now time.Duration) { w.clear = now }

func (w *Watcher) since(s sight) time.Duration { return max(s.since, w.clear) }

func (w *Watcher) proven(s sight) bool { return s.proved > w.since(s) }
