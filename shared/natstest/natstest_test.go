package natstest_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

func TestDataAndPortSurviveARestart(t *testing.T) {
	srv := natstest.Start(t)
	url := srv.URL()
	nc := srv.Connect(t)
	kv := bucket(t, nc, 1)
	rev, err := kv.Put(t.Context(), "k", []byte("v"))
	if err != nil {
		t.Fatal(err)
	}
	srv.Restart(t)
	if srv.URL() != url {
		t.Errorf("the server moved from %s to %s", url, srv.URL())
	}
	if got := found(t, kv); string(got.Value()) != "v" || got.Revision() != rev {
		t.Errorf("after the restart: %v", got)
	}
}

func TestAcknowledgedDataSurvivesAKill(t *testing.T) {
	p := natstest.StartProcess(t)
	nc := p.Connect(t)
	kv := bucket(t, nc, 1)
	for i := range 100 {
		if _, err := kv.Put(t.Context(), "k", fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	p.Kill()
	natstest.Eventually(t, 5*time.Second, func() bool { return !nc.IsConnected() }, "the client notices")
	p.Restart(t)
	if got := found(t, kv); string(got.Value()) != "99" {
		t.Errorf("after the kill: %v", got)
	}
}

// found reads the key as soon as the server answers again: a client that has not noticed the restart loses its first request.
func found(t *testing.T, kv jetstream.KeyValue) (got jetstream.KeyValueEntry) {
	t.Helper()
	natstest.Eventually(t, 5*time.Second, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var err error
		got, err = kv.Get(ctx, "k")
		return err == nil
	}, "the key is read")
	return got
}

func TestEventuallyFailsInTime(t *testing.T) {
	spy := &spy{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		natstest.Eventually(spy, 10*time.Millisecond, func() bool { return false }, "%d is %d", 1, 2)
	}()
	<-done
	if want := "after 10ms still not: 1 is 2"; spy.failure != want {
		t.Errorf("failed with %q, want %q", spy.failure, want)
	}
}

// What takes longer than a quiet machine would have needed for it gets its looks all the same, and what never comes does not
// hold a test for good.
func TestEventuallyKnowsAStarvedMachine(t *testing.T) {
	t.Parallel()
	looks := 0
	slow := func(until int) func() bool {
		return func() bool {
			<-time.After(60 * time.Millisecond)
			looks++
			return looks == until
		}
	}
	natstest.Eventually(t, 100*time.Millisecond, slow(3), "three looks in twice the time")
	spy, done := &spy{TB: t}, make(chan struct{})
	go func() {
		defer close(done)
		natstest.Eventually(spy, 100*time.Millisecond, slow(-1), "never")
	}()
	<-done
	if spy.failure == "" || looks > 3+5 { // five looks: one for each 20 ms of the timeout
		t.Errorf("failed with %q after %d looks", spy.failure, looks-3)
	}
}

// spy is a test whose failure is wanted.
type spy struct {
	testing.TB
	failure string
}

func (s *spy) Helper() {}

func (s *spy) Fatalf(format string, args ...any) {
	s.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestClusterKeepsWhatAMajorityHas(t *testing.T) {
	c := natstest.StartCluster(t, 3)
	nc := c.Connect(t)
	kv := bucket(t, nc, 3)
	if _, err := kv.Put(t.Context(), "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	leader := -1
	natstest.Eventually(t, 20*time.Second, func() bool { // it may change just now
		leader = c.StreamLeader("KV_b")
		return leader >= 0
	}, "the stream has a leader")
	c.StopNode(leader)
	natstest.Eventually(t, 20*time.Second, func() bool {
		l := c.StreamLeader("KV_b")
		return l >= 0 && l != leader
	}, "node %d is followed by another as the leader of the stream", leader)
	natstest.Eventually(t, 20*time.Second, func() bool {
		_, err := kv.Put(t.Context(), "k", []byte("w"))
		return err == nil
	}, "writes go on with two of three nodes")
	c.StartNode(t, leader)
	c.WaitReady(t)
}

func bucket(t *testing.T, nc *nats.Conn, replicas int) jetstream.KeyValue {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "b", Replicas: replicas, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return kv
}
