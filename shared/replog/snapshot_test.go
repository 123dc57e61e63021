package replog_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// purged waits for a snapshot that two replicas agree on and that the log is purged below it.
func purged(t *testing.T, l *replica, url string, after uint64) (kept uint64) {
	t.Helper()
	js := dial(t, url).JS
	natstest.Eventually(t, patience, func() bool {
		var err error
		if kept, err = l.Kept(t.Context()); err != nil || kept <= after {
			return false
		}
		st, err := js.Stream(within(t, patience), l.Stream())
		return err == nil && st.CachedInfo().State.FirstSeq == kept-engine.MaxLag
	}, "the log is purged below a snapshot")
	return kept
}

func fill(t *testing.T, ls []*replica, n int) {
	t.Helper()
	for i := range n {
		c := add(strconv.Itoa(i%100), 1)
		c.Principal, c.ID, c.Hash = "p", fmt.Sprintf("%s-%d", ls[0].Writer(), i), "h"
		do(t, ls[i%len(ls)], c)
	}
}

func TestSnapshots(t *testing.T) {
	t.Parallel()
	for name, freezes := range map[string]bool{"1": false, "1 that freezes": true, "3": false, "3 that freeze": true} {
		n := int(name[0] - '0')
		t.Run(name, func(t *testing.T) {
			srv := natstest.Start(t)
			cfg := base()
			cfg.SnapshotEntries = 1500
			if freezes {
				cfg.Machine.Freeze = freeze
			}
			var ls []*replica
			for range n {
				ls = append(ls, run(t, srv.URL(), cfg))
			}
			do(t, ls[0], engine.Command{Kind: "remind", Key: "late", Body: []byte("1h")})
			fill(t, ls, 2000)
			first := purged(t, ls[0], srv.URL(), 0)
			equal(t, ls...)
			late := run(t, srv.URL(), cfg)
			equal(t, append(ls, late)...)
			fill(t, append(ls, late), 2000)
			purged(t, late, srv.URL(), first)
			equal(t, append(ls, late, run(t, srv.URL(), cfg))...)
			for i, l := range ls {
				if s := l.Status(); s.Contradictions > 0 || s.Rebuilds > 0 || s.Snapshot <= first {
					t.Errorf("replica %d: %+v", i, s)
				}
			}
		})
	}
}

// What is frozen wrongly is found by the replica that verifies it, and the next snapshot is made by a replay.
func TestWrongSnapshotIsReplayed(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	cfg := base()
	cfg.SnapshotEntries = 1200
	cfg.Machine.Freeze = func(*accounts) func() ([]byte, error) {
		return func() ([]byte, error) { return []byte(`{}`), nil }
	}
	ls := three(t, srv.URL(), cfg)
	fill(t, ls, 1500)
	purged(t, ls[0], srv.URL(), 0)
	equal(t, append(ls, run(t, srv.URL(), cfg))...)
}

// A replica that slept while the log was purged begins with the snapshot.
func TestPurgedBehindASnapshot(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	cfg := base()
	cfg.SnapshotEntries = 1200
	ls := []*replica{run(t, srv.URL(), cfg), run(t, srv.URL(), cfg)}
	slow := cfg
	gate, hold := make(chan struct{}), make(chan struct{})
	var once sync.Once
	slow.Applied = func(a *engine.Applied, _ *accounts, live bool) {
		if live && a.Seq > 20 {
			once.Do(func() { close(hold); <-gate })
		}
	}
	l := run(t, srv.URL(), slow)
	body := engine.Command{Kind: "add", Key: "a", Hash: string(make([]byte, 60_000)), Body: []byte("1")}
	for range 1600 { // more than the connection keeps
		do(t, ls[0], body)
	}
	<-hold
	purged(t, ls[0], srv.URL(), 0)
	close(gate)
	natstest.Eventually(t, patience, func() bool { return l.Ready() && l.Status().Seq >= ls[0].Status().Seq }, "the slow replica is back")
	equal(t, append(ls, l)...)
}

// Requests are answered while a snapshot of a large state is made: it is not written before many were. The time that they take is logged,
// since it is the machine's as much as the log's.
func TestRequestsDuringASnapshot(t *testing.T) {
	srv := natstest.Start(t)
	cfg := base()
	cfg.SnapshotEntries = 3000
	var large atomic.Bool
	answered, encode := make(chan struct{}), cfg.Machine.Encode
	cfg.Machine.Encode = func(s *accounts) ([]byte, error) {
		for i := 0; i < 50 && large.Load(); i++ {
			select {
			case <-answered:
			case <-t.Context().Done():
			}
		}
		return encode(s)
	}
	ls := []*replica{run(t, srv.URL(), cfg), run(t, srv.URL(), cfg)}
	var before, during []time.Duration
	for i := 0; ; i++ {
		begin := time.Now()
		do(t, ls[i%2], add(strconv.Itoa(i), 1))
		select {
		case answered <- struct{}{}:
		default:
		}
		if took := time.Since(begin); ls[0].Status().Seq < cfg.SnapshotEntries {
			before = append(before, took)
			large.Store(true)
		} else if during = append(during, took); ls[0].Status().Snapshot > 0 {
			large.Store(false)
			break
		}
	}
	p99 := func(d []time.Duration) time.Duration {
		slices.Sort(d)
		return d[len(d)*99/100]
	}
	t.Logf("99 of 100 requests took %s before, and %s during the snapshot (%d requests)", p99(before), p99(during), len(during))
}
