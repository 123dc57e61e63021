package replog

import (
	"sync"
	"sync/atomic"
	"time"
)

// State says what a replica does.
type State string

// The states. A replica takes commands in StateServing alone.
const (
	StateServing      State = "serving"
	StateFull         State = "full"         // it serves readers, and the log has no room for commands
	StateCatchingUp   State = "catching_up"  // it reads what it has missed, or NATS is away
	StateRebuilding   State = "rebuilding"   // it begins anew, from a snapshot and the log
	StateContradicted State = "contradicted" // others had other results for the same entries, and nobody agrees with this replica's
	StateNoRules      State = "no_rules"     // the log goes by rules that this binary lacks
	StateBroken       State = "broken"       // the log is not the one that it was, lacks entries, or the machine failed on one
)

// awayLimit is for how long NATS may be away, or the newest entry be missing, before a replica leaves.
const awayLimit = time.Second

// health is what decides whether a replica serves.
type health struct {
	changes chan struct{} // has a token after each change of ready
	changed func(healthy bool)

	rebuilds       atomic.Uint64
	contradictions atomic.Uint64

	isHealthy atomic.Bool // it may append and run effects
	isReady   atomic.Bool // it is healthy, and takes commands

	mu      sync.Mutex
	caught  bool // it has caught up since it began anew
	follows bool // a session with the stream goes on, over a connection that is up
	since   time.Duration
	away    bool // neither went on for longer than awayLimit, and what was missed is not read yet
	lags    bool
	full    bool
	closing bool
	trouble State // why it has not caught up, or ""
}

func (h *health) init(changed func(bool)) {
	h.changes, h.changed, h.trouble = make(chan struct{}, 1), changed, StateCatchingUp
}

func (h *health) healthy() bool { return h.isHealthy.Load() }
func (h *health) ready() bool   { return h.isReady.Load() }

// update changes what is known, and tells who wants to know.
func (h *health) update(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	healthy := h.caught && h.trouble == "" && !h.away && !h.lags
	if h.isHealthy.Swap(healthy) != healthy {
		h.changed(healthy)
	}
	ready := healthy && !h.closing
	if h.isReady.Swap(ready) != ready {
		select {
		case h.changes <- struct{}{}:
		default:
		}
	}
}

func (h *health) close() { h.update(func() { h.closing = true }) }

// following says that a session with the stream begins or ends.
func (h *health) following(yes bool, now time.Duration) {
	h.update(func() {
		if h.follows && !yes {
			h.since = now
		}
		h.follows = yes
	})
}

// look takes the replica out when nothing was followed for too long, or when it lags.
func (h *health) look(lags bool, now time.Duration) {
	h.mu.Lock()
	away := h.away || !h.follows && now-h.since > awayLimit // until it has caught up: see well
	same := h.lags == lags && h.away == away
	h.mu.Unlock()
	if !same {
		h.update(func() { h.lags, h.away = lags, h.away || away && !h.follows })
	}
}

// troubled says why the replica must not serve until it has caught up again.
func (h *health) troubled(why State) {
	h.update(func() { h.caught, h.trouble = false, why })
}

// well says that the replica has caught up and nothing is against it.
func (h *health) well() { h.update(func() { h.caught, h.trouble, h.away = true, "", false }) }

// isTroubled tells whether the replica has not caught up since it began anew, or since something was against it.
func (h *health) isTroubled() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.trouble != ""
}

func (h *health) setFull(full bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.full = full
}

func (h *health) isFull() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.full
}

func (h *health) state() State {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.trouble != "":
		return h.trouble
	case !h.isHealthy.Load():
		return StateCatchingUp
	case h.full:
		return StateFull
	}
	return StateServing
}
