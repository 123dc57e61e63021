package coordination_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// envReplica turns a copy of the test binary into a replica of the service, on the server that it names.
const envReplica = "MABUS_COORDINATION_TEST_URL"

func init() {
	url := os.Getenv(envReplica)
	if url == "" {
		return
	}
	if err := serve(url); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve runs a replica until its standard input ends, as it does with the test.
func serve(url string) error {
	ctx, cancel := context.WithCancel(context.Background()) //nolint:forbidigo // a process of its own has no test
	defer cancel()
	conn, err := rpc.Dial(ctx, rpc.Options{URL: url, Name: "replica"})
	if err != nil {
		return err
	}
	defer conn.Close()
	s, err := coordination.Start(ctx, conn, coordination.Config{Timing: steady})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return s.Stop(ctx)
}

// process is a replica in a process of its own.
func (h *hall) process(t testing.TB) (kill func()) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env, cmd.Stderr = append(os.Environ(), envReplica+"="+h.url), os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dead := false
	kill = func() {
		if dead {
			return
		}
		dead = true
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatalf("the replica does not start: %v", err)
	}
	return kill
}

// Of three replicas in processes of their own one is killed between the starts of sessions and their repetitions, while members are
// being asked: every start leads to one session, each session ends with all its members' answers, and what it was told to them stands.
func TestAReplicaIsKilled(t *testing.T) {
	t.Parallel()
	h := newHall(t, 0)
	var kills []func()
	for range 3 {
		kills = append(kills, h.process(t))
	}
	ids := []string{"a", "b", "c", "d"}
	members := h.members(t, always("yes"), ids...)
	const sessions = 40
	start := func(i int) (*api.Session, error) {
		r := vote(ids...)
		r.Params, r.Timeout = json.RawMessage(`{"min_turnout":1}`), api.Duration(2*patience)
		ctx, cancel := context.WithTimeout(client.WithRequestID(t.Context(), fmt.Sprintf("r%d", i)), 2*time.Second)
		defer cancel()
		return h.Sessions.Start(ctx, r)
	}
	natstest.Eventually(t, patience, func() bool { _, err := h.Sessions.Stats(until(t)); return err == nil }, "somebody answers") // a log may take longer than a start waits for it
	first := map[int]string{}
	for i := range sessions {
		if i == sessions/2 {
			kills[0]()
		}
		if x, err := start(i); err == nil {
			first[i] = x.ID
		}
	}
	if len(first) < sessions/2 {
		t.Fatalf("%d of %d starts have succeeded", len(first), sessions)
	}
	var all []*api.Session
	for i := range sessions {
		var x *api.Session
		natstest.Eventually(t, patience, func() bool {
			var err error
			x, err = start(i)
			return err == nil
		}, "start %d has an answer", i)
		if was := first[i]; was != "" && was != x.ID {
			t.Errorf("start %d was session %s, and is %s now", i, was, x.ID)
		}
		id := x.ID
		natstest.Eventually(t, 2*patience, func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			var err error
			x, err = h.Sessions.Get(ctx, id)
			return err == nil && x.State != api.SessionActive
		}, "session %d is over", i)
		if got := result[api.BallotResult](t, x); got.Participants != len(ids) || got.Decision != "yes" {
			t.Errorf("session %d: %+v", i, got)
		}
		all = append(all, h.verify(t, x.ID))
	}
	once(t, members, all, 3)
	natstest.Eventually(t, patience, func() bool { // the replica that is asked may be a moment behind
		s, err := h.Sessions.Stats(until(t))
		return err == nil && s.Total == sessions && s.Active == 0
	}, "all are counted once")
}
