package replog

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

const (
	round      = 100 * time.Millisecond // how often the keeper looks at everything
	probeEvery = time.Second
	presence   = 10 * time.Second // after which a replica that has appended nothing says that it is there
	tickJitter = 30 * time.Millisecond
	tickAgain  = 20 * time.Millisecond // after a tick that has fired nothing, longer each time
	tickMost   = time.Second
)

// keeper does what is due by time: ticks, claims, presence, the look at lag, snapshots.
type keeper struct {
	poke chan struct{} // has a token when a timer is due earlier than was known
	next atomic.Int64  // when the earliest timer is due, by the log's time in ns since 1970; 0 for never

	// Only the keeper's goroutine:
	lag   lag
	ticks tick
	claim *call // the last that was asked for
}

// stuckAfter is for how long nothing may come, though there is something, before the stream is asked anew.
const stuckAfter = 3 * time.Second

// lag notices that entries which are known of do not come.
type lag struct {
	seq   uint64
	since time.Duration
	seen  uint64 // the newest that had come at moved
	moved time.Duration
}

// tick is the tick to come.
type tick struct {
	due  int64 // the timer that it is for
	at   time.Duration
	wait time.Duration
}

func (k *keeper) init() { k.poke = make(chan struct{}, 1) }

// planned takes in when the earliest timer is due.
func (k *keeper) planned(at time.Time, ok bool) {
	var next int64
	if ok {
		next = at.UnixNano()
	}
	if old := k.next.Swap(next); next != 0 && (old == 0 || next < old) {
		select {
		case k.poke <- struct{}{}:
		default:
		}
	}
}

// keep is the keeper's loop.
func (l *Log[S]) keep() {
	k := &l.keeper
	wait := time.NewTimer(round)
	defer wait.Stop()
	var rounds time.Duration
	for {
		select {
		case <-wait.C:
		case <-k.poke:
		case <-l.ctx.Done():
			return
		}
		now := l.cfg.hooks.now()
		if now-rounds >= round {
			rounds = now
			l.health.look(l.lagging(now), now)
			if l.health.healthy() {
				l.sayPresent()
				l.tendEffects()
				l.tendSnapshots(now)
			}
		}
		wait.Reset(l.tickOrWait(now))
	}
}

// lagging tells whether an entry that was known of longer ago than awayLimit has not come, or a batch of ours.
func (l *Log[S]) lagging(now time.Duration) bool {
	g := &l.keeper.lag
	seen := l.seen.Load()
	if known := l.known.Load(); seen >= g.seq || known < g.seq {
		g.seq, g.since = known, now
	}
	if seen != g.seen || seen >= g.seq {
		g.seen, g.moved = seen, now
	}
	if now-g.moved > stuckAfter {
		g.moved = now
		l.endSession(errSilent)
	}
	if seen < g.seq && now-g.since > awayLimit {
		return true
	}
	w := &l.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flight != nil && now-w.flight.sent > awayLimit && !l.health.isFull()
}

// sayPresent tells the other replicas that this one is there and which rules it has, if they have not heard it from this writer, or
// have heard nothing for a while.
func (l *Log[S]) sayPresent() {
	w, now := &l.writer, l.cfg.hooks.now()
	w.mu.Lock()
	if w.name == w.said && now-w.sent <= presence {
		w.mu.Unlock()
		return
	}
	w.said, w.sent = w.name, now
	w.mu.Unlock()
	low, high := l.versions()
	_ = l.queue.putOwn(newCall(engine.PresentCommand(low, high), 0)) // fails when the log is closed
}

func (l *Log[S]) versions() (low, high int) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.engine.Versions()
}

// tickOrWait asks for a tick if a timer is due and nobody else has sent one, and returns how long to wait.
func (l *Log[S]) tickOrWait(now time.Duration) time.Duration {
	t := &l.keeper.ticks
	due := l.keeper.next.Load()
	if due == 0 || !l.health.healthy() {
		return round
	}
	if left := time.Unix(0, due).Sub(l.timeNow()); left > 0 {
		return min(left, round)
	}
	if t.due != due {
		*t = tick{due, now + rand.N(tickJitter), tickAgain}
	}
	if left := t.at - now; left > 0 {
		return min(left, round)
	}
	t.at, t.wait = now+t.wait+rand.N(tickJitter), min(2*t.wait, tickMost)
	l.queue.ask()
	return min(t.at-now, round)
}

// probe is a loop that asks the stream's leader what there is.
func (l *Log[S]) probe() {
	for pause(l.ctx, probeEvery) {
		if !l.store.nc.IsConnected() || l.health.state() == StateRebuilding {
			continue
		}
		seen := l.seen.Load() // before the stream is asked
		info, err := l.store.info(l.ctx)
		if err != nil {
			continue // that it does not answer is seen by what does not come
		}
		l.mu.Lock()
		created := l.created
		l.first = info.State.FirstSeq
		l.size = int64(info.State.Bytes)
		l.mu.Unlock()
		l.health.setFull(int64(info.State.Bytes) >= l.roomy())
		switch {
		case seen > 0 && created != info.Created.UnixNano():
			l.endSession(errOtherLog)
		case info.State.LastSeq < seen:
			l.endSession(errWentBack)
		default:
			l.heardOf(info.State.LastSeq)
		}
	}
}

// A part of the log is for the log's own commands, so that a snapshot can be made when it is full.
const reserve = 16

// roomy is up to how many bytes of the stream callers may append.
func (l *Log[S]) roomy() int64 { return l.cfg.MaxBytes - l.cfg.MaxBytes/reserve }
