package replog_test

import (
	"bytes"
	"os"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

func leaves(t *testing.T, l *replica, state replog.State) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool { return l.Status().State == state && !l.Ready() }, "the replica is %s", state)
	if _, err := l.Do(t.Context(), add("a", 1)); api.CodeOf(err) != api.Unavailable || api.ReasonOf(err) != api.ReasonNotReady {
		t.Errorf("a command came as %v", err)
	}
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// An older copy of the store is put under a running replica: what it had read beyond that is gone, and it says so.
func TestOlderCopyOfTheStore(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	l := run(t, srv.URL(), base())
	for range 20 {
		do(t, l, add("a", 1))
	}
	older := t.TempDir()
	srv.Stop()
	copyTo(t, srv.DataDir(), older)
	srv.Restart(t)
	serves(t, l)
	var last replog.Answer
	for range 20 {
		last = do(t, l, add("a", 1))
	}
	if string(last.Body) != "40" {
		t.Fatalf("counted to %s", last.Body)
	}
	srv.Stop()
	if err := os.RemoveAll(srv.DataDir()); err != nil {
		t.Fatal(err)
	}
	copyTo(t, older, srv.DataDir())
	srv.Restart(t)
	natstest.Eventually(t, patience, func() bool { return l.Status().Rebuilds > 0 && l.Ready() }, "the replica builds its state anew")
	if got := string(do(t, l, add("a", 1)).Body); got != "21" {
		t.Errorf("it goes on with %s", got)
	}
	for l.Status().Seq < last.Seq {
		do(t, l, add("b", 1))
	}
	if _, err := read(t, l, last.Revision, nil); api.ReasonOf(err) != api.ReasonForeignRevision {
		t.Errorf("a revision that is gone: %v", err)
	}
	equal(t, l, run(t, srv.URL(), base()))
}

func TestStreamIsDeleted(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	l := run(t, srv.URL(), base())
	do(t, l, add("a", 1))
	js := dial(t, srv.URL()).JS
	st, err := js.Stream(within(t, patience), l.Stream())
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(within(t, patience), l.Stream()); err != nil {
		t.Fatal(err)
	}
	leaves(t, l, replog.StateBroken)
	if _, err := js.CreateStream(within(t, patience), st.CachedInfo().Config); err != nil {
		t.Fatal(err)
	}
	other := run(t, srv.URL(), base()) // it knows of no other log, and begins one
	do(t, other, add("b", 1))
	leaves(t, l, replog.StateBroken)
}

// The stream is made anew, and what comes first is something that a replica of the one before had on its way: it is not taken for the
// log that it was, and nobody serves an empty state in its name.
func TestLeftoverBeginsNoLog(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	l := run(t, srv.URL(), base())
	do(t, l, add("a", 1))
	a := do(t, l, add("a", 1))
	js := dial(t, srv.URL()).JS
	st, err := js.Stream(within(t, patience), l.Stream())
	if err != nil {
		t.Fatal(err)
	}
	old, err := st.GetMsg(within(t, patience), a.Seq)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(within(t, patience), l.Stream()); err != nil {
		t.Fatal(err)
	}
	leaves(t, l, replog.StateBroken)
	if _, err := js.CreateStream(within(t, patience), st.CachedInfo().Config); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(within(t, patience), l.Subject(), old.Data); err != nil {
		t.Fatal(err)
	}
	other := run(t, srv.URL(), base())
	do(t, other, add("b", 1))
	leaves(t, l, replog.StateBroken)
	natstest.Eventually(t, patience, func() bool { return l.Status().Seq > 1 || l.Ready() }, "it has read the new stream")
	leaves(t, l, replog.StateBroken)
}

// The log is written anew with one command changed, or with one entry left out.
func TestRewrittenLog(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(i int, data []byte) []byte{
		"changed":  func(_ int, data []byte) []byte { return bytes.Replace(data, []byte("aa1"), []byte("aa9"), 1) },
		"left out": func(i int, data []byte) []byte { return map[bool][]byte{false: data}[i == 5] },
	} {
		t.Run(name, func(t *testing.T) {
			srv := natstest.Start(t)
			way := newLink(t, srv.URL())
			l := run(t, way.url(), base())
			for range 20 {
				do(t, l, add("aa", 1))
			}
			c := dial(t, srv.URL())
			st, err := c.JS.Stream(within(t, patience), l.Stream())
			if err != nil {
				t.Fatal(err)
			}
			info, _ := st.Info(within(t, patience))
			var entries [][]byte
			for seq := uint64(1); seq <= info.State.LastSeq; seq++ {
				m, err := st.GetMsg(within(t, patience), seq)
				if err != nil {
					t.Fatal(err)
				}
				if data := change(int(seq), m.Data); data != nil {
					entries = append(entries, data)
				}
			}
			way.cut() // else it may read a part before the rest is written, find nothing wrong with that, and append
			if err := c.JS.DeleteStream(within(t, patience), l.Stream()); err != nil {
				t.Fatal(err)
			}
			if _, err := c.JS.CreateStream(within(t, patience), info.Config); err != nil {
				t.Fatal(err)
			}
			for _, data := range entries {
				if _, err := c.JS.Publish(within(t, patience), l.Subject(), data); err != nil {
					t.Fatal(err)
				}
			}
			way.mend()
			leaves(t, l, replog.StateContradicted)
			leaves(t, start(t, srv.URL(), base()), replog.StateContradicted)
		})
	}
}

// Entries are purged that a replica has not read, and no snapshot has them.
func TestPurgedUnderASlowReader(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	fast := run(t, srv.URL(), base())
	gate, held := make(chan struct{}), atomic.Bool{}
	slow := base()
	slow.Applied = func(*engine.Applied, *accounts, bool) {
		if held.Load() {
			<-gate
		}
	}
	l := run(t, srv.URL(), slow)
	held.Store(true)
	var last replog.Answer
	for range 800 {
		last = do(t, fast, engine.Command{Kind: "add", Key: "a", Hash: string(make([]byte, 120_000)), Body: []byte("1")})
	}
	natstest.Eventually(t, patience, func() bool { return !l.Ready() }, "the slow replica leaves")
	st, err := dial(t, srv.URL()).JS.Stream(within(t, patience), l.Stream())
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Purge(within(t, patience), jetstream.WithPurgeSequence(last.Seq)); err != nil {
		t.Fatal(err)
	}
	held.Store(false)
	close(gate)
	leaves(t, l, replog.StateBroken)
	do(t, fast, add("a", 1))
	leaves(t, start(t, srv.URL(), base()), replog.StateBroken)
}
