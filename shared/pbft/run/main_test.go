package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/pbft"
	"github.com/mabus-project/mabus/shared/pbft/run"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// patience bounds what should come at once, however slow the machine is: on one that is starved it takes long to check what a liar has signed.
const patience = 2 * time.Minute

// session is a session whose members run in the test's process, each over a connection of its own.
type session struct {
	srv     *natstest.Server
	members []pbft.Member
	keys    []nkeys.KeyPair
	f       int
}

func newSession(t testing.TB, n int) *session {
	t.Helper()
	s := &session{srv: natstest.Start(t), f: pbft.MaxFaulty(n)}
	for i := range n {
		key, err := nkeys.CreateUser()
		if err != nil {
			t.Fatal(err)
		}
		text, err := key.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		public, err := pbft.DecodeKey(text)
		if err != nil {
			t.Fatal(err)
		}
		s.keys = append(s.keys, key)
		s.members = append(s.members, pbft.Member{ID: fmt.Sprintf("a%d", i), Key: public, Host: fmt.Sprintf("h%d", i)})
	}
	return s
}

// options are those of member i, which proposes value-i and approves values of that form.
func (s *session) options(nc *nats.Conn, i int) run.Options {
	return run.Options{
		Conn: nc, Session: "s1", Members: s.members, Self: s.members[i].ID, Key: s.keys[i], F: s.f, Timeout: 4 * time.Second,
		Value: fmt.Appendf(nil, "value-%d", i),
		Valid: func(_ context.Context, v []byte) (bool, error) { return strings.HasPrefix(string(v), "value-"), nil },
	}
}

// outcome is what Run returned.
type outcome struct {
	cert *pbft.Certificate
	err  error
}

// start runs members, and returns a function that waits until all of them have decided, or given up, and ends them. Until then they linger,
// lest those that are quick are missed by those that are slow.
func (s *session) start(t testing.TB, members []int, change func(i int, o *run.Options)) func() map[int]outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	var mu sync.Mutex
	var wg, decided sync.WaitGroup
	all := map[int]outcome{}
	for _, i := range members {
		o := s.options(s.srv.Connect(t), i)
		o.Linger = patience
		if change != nil {
			change(i, &o)
		}
		decided.Add(1)
		done, tell := sync.OnceFunc(decided.Done), o.OnDecided
		o.OnDecided = func(c *pbft.Certificate) {
			if tell != nil {
				tell(c)
			}
			done()
		}
		wg.Go(func() {
			defer done()
			cert, err := run.Run(ctx, o)
			mu.Lock()
			defer mu.Unlock()
			all[i] = outcome{cert, err}
		})
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
	return func() map[int]outcome {
		decided.Wait()
		cancel()
		wg.Wait()
		return all
	}
}

// agreed checks that all have the same decision with a proof, and returns it.
func (s *session) agreed(t testing.TB, all map[int]outcome) string {
	t.Helper()
	value := ""
	for i, o := range all {
		if o.err != nil {
			t.Fatalf("member %d: %v", i, o.err)
		}
		if err := o.cert.Verify(s.members, s.f); err != nil {
			t.Errorf("member %d: %v", i, err)
		}
		if v := string(o.cert.Value); value == "" {
			value = v
		} else if v != value {
			t.Errorf("member %d decides %q, another %q", i, v, value)
		}
	}
	return value
}

// speaker publishes what a faulty member can sign.
type speaker struct {
	t    testing.TB
	s    *session
	nc   *nats.Conn
	from int
}

func (s speaker) say(m pbft.Message) {
	m.Scope, m.From = pbft.Scope("s1", s.s.members), s.s.members[s.from].ID
	if m.Kind != pbft.Prepare && m.Kind != pbft.Commit {
		m.Sum()
	}
	sig, err := s.s.keys[s.from].Sign(m.Signed())
	if err != nil {
		s.t.Error(err)
	}
	m.Sig = sig
	if err := s.nc.Publish(run.Subject(api.DefaultNamespace, "s1"), m.Encode()); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		s.t.Error(err)
	}
}

// listen calls the faulty member for each message of others.
func (s speaker) listen(heard func(*pbft.Message)) {
	_, err := s.nc.Subscribe(run.Subject(api.DefaultNamespace, "s1"), func(msg *nats.Msg) {
		if m, err := pbft.Decode(msg.Data); err == nil && m.From != s.s.members[s.from].ID {
			heard(m)
		}
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.nc.Flush(); err != nil {
		s.t.Fatal(err)
	}
}

func seq(from, to int) []int {
	var all []int
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}
