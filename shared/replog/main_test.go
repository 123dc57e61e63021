package replog_test

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) {
	natstest.Overlap(4)
	natstest.VerifyTestMain(m)
}

const (
	namespace = "test"
	patience  = 30 * time.Second
)

type (
	replica = replog.Log[*accounts]
	config  = replog.Config[*accounts]
)

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func dial(t testing.TB, url string) *rpc.Conn {
	t.Helper()
	c, err := rpc.Dial(within(t, patience), rpc.Options{URL: url, Namespace: namespace, Wait: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func base() config {
	log := zerolog.Nop()
	if testing.Verbose() {
		log = zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, NoColor: true, TimeFormat: "05.000"}).With().Timestamp().Logger()
	}
	return config{Realm: "r", Machine: machine(1, 1), Log: log}
}

// start runs a replica until the test ends; it may not have caught up.
func start(t testing.TB, url string, cfg config) *replica {
	t.Helper()
	l, err := replog.Open(within(t, patience), dial(t, url), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Kill)
	return l
}

// run starts a replica and waits until it serves.
func run(t testing.TB, url string, cfg config) *replica {
	t.Helper()
	l := start(t, url, cfg)
	serves(t, l)
	return l
}

func serves(t testing.TB, ls ...*replica) {
	t.Helper()
	for i, l := range ls {
		natstest.Eventually(t, patience, l.Ready, "replica %d serves", i)
	}
}

// three replicas that serve.
func three(t testing.TB, url string, cfg config) []*replica {
	t.Helper()
	return []*replica{run(t, url, cfg), run(t, url, cfg), run(t, url, cfg)}
}

func add(key string, n int) engine.Command {
	return engine.Command{Kind: "add", Key: key, Body: strconv.AppendInt(nil, int64(n), 10)}
}

// do does a command, and asks again when the replica is not ready.
func do(t testing.TB, l *replica, c engine.Command) replog.Answer {
	t.Helper()
	a, err := ask(t, l, c)
	if err != nil {
		t.Fatalf("%s %s: %v", c.Kind, c.Key, err)
	}
	return a
}

// ask is do for a command that may be refused.
func ask(t testing.TB, l *replica, c engine.Command) (a replog.Answer, err error) {
	t.Helper()
	return askIn(within(t, patience), t, l, c)
}

func askIn(ctx context.Context, t testing.TB, l *replica, c engine.Command) (a replog.Answer, err error) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		a, err = l.Do(ctx, c)
		return api.ReasonOf(err) != api.ReasonNotReady
	}, "the replica is ready")
	return a, err
}

// equal waits until replicas have applied the same, and compares all that they hold.
func equal(t testing.TB, ls ...*replica) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		seq, data, err := ls[0].Snapshot()
		for _, l := range ls[1:] {
			s, d, e := l.Snapshot()
			if err != nil || e != nil {
				t.Fatal(err, e)
			}
			if s != seq {
				return false
			}
			if !bytes.Equal(data, d) {
				t.Fatalf("two replicas differ after entry %d", s)
			}
		}
		return true
	}, "the replicas have applied the same")
}

// look reads the state, and asks again when the replica is not ready.
func look[V any](t testing.TB, l *replica, f func(s *accounts) V) (v V) {
	t.Helper()
	if _, err := read(t, l, "", func(s *accounts, _ uint64, _ time.Time) { v = f(s) }); err != nil {
		t.Fatal(err)
	}
	return v
}

func read(t testing.TB, l *replica, revision string, f func(*accounts, uint64, time.Time)) (rev string, err error) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		rev, err = l.Read(within(t, patience), revision, f)
		return api.ReasonOf(err) != api.ReasonNotReady
	}, "the replica is ready")
	return rev, err
}
