package replog_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// A doubt that history itself has settled does not put a replica into service in the middle of its replay.
func TestNoServiceWithinAReplay(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var lie atomic.Bool
	cfg := base()
	replog.Tamper(&cfg, func(b *engine.Batch) {
		if lie.Load() {
			b.Claim[0]++
		}
	})
	honest, liar := run(t, srv.URL(), base()), run(t, srv.URL(), cfg)
	do(t, honest, add("a", 1))
	lie.Store(true)
	do(t, liar, add("a", 1))
	lie.Store(false)
	natstest.Eventually(t, patience, func() bool { return honest.Status().Contradictions > 0 && honest.Ready() }, "the lie is seen")
	for range 50 {
		do(t, honest, add("a", 1))
	}
	goal := honest.Status().Seq
	late := base()
	var l atomic.Pointer[replica]
	late.Applied = func(a *engine.Applied, _ *accounts, live bool) {
		if live && a.Seq < goal {
			t.Errorf("entry %d of %d was applied as live", a.Seq, goal)
		}
		if r := l.Load(); r != nil && a.Seq < goal && r.Ready() {
			t.Errorf("it serves after entry %d of %d", a.Seq, goal)
		}
	}
	r := start(t, srv.URL(), late)
	l.Store(r)
	serves(t, r)
	equal(t, honest, liar, r)
}

// link is a way to the server that can be cut.
type link struct {
	t    *testing.T
	to   string
	at   string
	in   net.Listener
	work sync.WaitGroup
	mu   sync.Mutex
	down bool
	ends []net.Conn
}

func newLink(t *testing.T, url string) *link {
	t.Helper()
	in, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{t: t, to: url[len("nats://"):], at: in.Addr().String(), in: in}
	k.work.Go(k.serve)
	t.Cleanup(func() {
		_ = in.Close()
		k.cut()
		k.work.Wait()
	})
	return k
}

func (k *link) url() string { return "nats://" + k.at }

// serve takes connections, also while the link is cut: else somebody else could be given its port.
func (k *link) serve() {
	for {
		a, err := k.in.Accept()
		if err != nil {
			return
		}
		k.connect(a)
	}
}

func (k *link) connect(a net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.down {
		_ = a.Close()
		return
	}
	b, err := new(net.Dialer).DialContext(k.t.Context(), "tcp", k.to)
	if err != nil {
		_ = a.Close()
		return
	}
	k.ends = append(k.ends, a, b)
	k.work.Go(func() { pass(a, b) })
	k.work.Go(func() { pass(b, a) })
}

func pass(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	_, _ = from.Close(), to.Close()
}

func (k *link) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.down = true
	for _, c := range k.ends {
		_ = c.Close()
	}
	k.ends = nil
}

func (k *link) mend() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.down = false
}

// A replica that was cut off comes back when it has read what it has missed, and not before.
func TestBackWhenCaughtUp(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	way := newLink(t, srv.URL())
	var armed atomic.Bool
	held, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	cfg := base()
	cfg.Applied = func(*engine.Applied, *accounts, bool) {
		if armed.Load() {
			once.Do(func() { close(held); <-gate })
		}
	}
	l, other := run(t, way.url(), cfg), run(t, srv.URL(), base())
	do(t, l, add("a", 1))
	way.cut()
	natstest.Eventually(t, patience, func() bool { return !l.Ready() }, "it leaves")
	armed.Store(true)
	var last replog.Answer
	for range 100 {
		last = do(t, other, add("a", 1))
	}
	way.mend()
	<-held // the first of what it has missed
	if l.Ready() {
		t.Errorf("it serves %d entries behind", last.Seq-l.Status().Seq)
	}
	if _, err := l.Read(t.Context(), "", nothing); api.ReasonOf(err) != api.ReasonNotReady {
		t.Errorf("a read came as %v", err)
	}
	close(gate)
	serves(t, l)
	if n := look(t, l, func(s *accounts) int { return s.Counters["a"] }); n != 101 {
		t.Errorf("it came back with %d", n)
	}
	equal(t, l, other)
}
