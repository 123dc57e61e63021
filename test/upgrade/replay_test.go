package upgrade_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	coordination "github.com/mabus-project/mabus/services/coordination/realm"
	economics "github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

// restored brings a golden directory into an empty server, where no service runs yet.
func restored(t *testing.T, dir string) (*rpc.Conn, *backup.Manifest) {
	t.Helper()
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: natstest.Start(t).URL(), Principal: "operator", Name: "frozen"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	m, err := backup.Restore(t.Context(), conn, filepath.Join(dir, "stores"), backup.RestoreOptions{})
	if err != nil {
		t.Fatalf("restore: %v", err)
	}
	return conn, m
}

// messages calls f with each message of a stream.
func messages(t *testing.T, conn *rpc.Conn, name string, f func(m *jetstream.RawStreamMsg)) {
	t.Helper()
	stream, err := conn.JS.Stream(t.Context(), name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return
	} else if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); ; seq++ {
		m, err := stream.GetMsg(t.Context(), seq, jetstream.WithGetMsgSubject(">")) // the next one, since there may be gaps
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		f(m)
		seq = m.Sequence
	}
}

// happening is a command that a machine has carried out, or a timer that has fired.
type happening struct {
	engine.Command
	Err *api.Error
}

// replay carries out a log of the namespace, entry by entry, and then whatever its timers still would do in the years to come. It fails when
// an entry is not carried out, or comes to anything else than it did.
func replay[S any](t *testing.T, conn *rpc.Conn, machine engine.Machine[S]) (all, late []happening, left []engine.Pending) {
	t.Helper()
	seen := &all
	for version, rules := range machine.Rules {
		decide := rules.Decide
		rules.Decide = func(s S, c engine.Command) engine.Decision {
			d := decide(s, c)
			*seen = append(*seen, happening{c, d.Err})
			return d
		}
		machine.Rules[version] = rules
	}
	e := engine.New(machine)
	messages(t, conn, api.Bucket(conn.Namespace, "log_"+machine.Name), func(m *jetstream.RawStreamMsg) {
		a, err := e.Apply(engine.Entry{Seq: m.Sequence, Time: m.Time, Data: m.Data})
		if err != nil || a.Contradicts || a.Skipped != "" || len(a.Panics) > 0 {
			t.Fatalf("entry %d of %s: %v, %+v\n%s", m.Sequence, machine.Name, err, a, statement)
		}
		for i := range a.Batch.Commands {
			if c := a.Batch.Commands[i]; c.Kind[0] == '~' {
				all = append(all, happening{c, a.Replies[i].Err})
			}
		}
	})
	for p := range e.Effects() {
		left = append(left, p)
	}
	seen = &late
	end := e.Time().Add(10 * 366 * 24 * time.Hour)
	for n := range 1000 {
		at, ok := e.Next()
		if !ok || at.After(end) {
			break
		}
		b := engine.Batch{
			Machine: machine.Name, Log: e.Log(), Version: e.Version(), Writer: fmt.Sprintf("later%d", n), Number: 1,
			Applied: e.Seq(), AppliedTime: e.Time(), Claim: e.Hash(),
		}
		if _, err := e.Apply(engine.Entry{Seq: e.Seq() + 1, Time: at, Data: b.Append(nil)}); err != nil {
			t.Fatal(err)
		}
	}
	return all, late, left
}

// logs replays both logs.
func logs(t *testing.T, conn *rpc.Conn) (all, late map[string][]happening, left []engine.Pending) {
	t.Helper()
	all, late = map[string][]happening{}, map[string][]happening{}
	var more []engine.Pending
	all["economics"], late["economics"], left = replay(t, conn, economics.Machine())
	all["coordination"], late["coordination"], more = replay(t, conn, coordination.Machine())
	return all, late, append(left, more...)
}
