package gather_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/doctor"
	"github.com/mabus-project/mabus/shared/doctor/gather"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

// A replica that writes to its log without having applied what came before is named; those that follow are not.
func TestAReplicaIsBehindItsLog(t *testing.T) {
	t.Parallel()
	conn := dial(t, natstest.Start(t).URL())
	name := api.Bucket(conn.Namespace, "log_coordination")
	if _, err := conn.JS.CreateStream(within(t), jetstream.StreamConfig{Name: name, Subjects: []string{"mabus.log.coordination"}}); err != nil {
		t.Fatal(err)
	}
	write := func(writer string, behind uint64) {
		stream, err := conn.JS.Stream(within(t), name)
		if err != nil {
			t.Fatal(err)
		}
		b := engine.Batch{Machine: "m", Log: "l", Version: 1, Writer: writer, Number: 1, Applied: stream.CachedInfo().State.LastSeq - behind}
		if _, err := conn.JS.Publish(within(t), "mabus.log.coordination", b.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	for range 150 {
		write("w1", 0)
	}
	write("w2", 0)
	if found := codes(t, conn); slices.ContainsFunc(found, func(c string) bool { return strings.HasPrefix(c, "replica_behind") }) {
		t.Errorf("found %v", found)
	}
	write("w2", 149)
	if found := codes(t, conn); !slices.Contains(found, "replica_behind "+name+"/w2") || slices.Contains(found, "replica_behind "+name+"/w1") {
		t.Errorf("found %v", found)
	}
}

// Of a real replica it is known what it has written, and its clock is asked for.
func TestARunningReplica(t *testing.T) {
	t.Parallel()
	url := natstest.Start(t).URL()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, daemon.Config{NATS: rpc.Options{URL: url, Name: "here"}, Version: "0.0.1", Log: zerolog.Nop()}, []daemon.Service{
			{Name: "coordination", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
				return coordination.Start(ctx, e.Conn, coordination.Config{Log: e.Log, Metrics: e.Metrics})
			}},
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	conn := dial(t, url)
	natstest.Eventually(t, patience, func() bool {
		facts, err := gather.Facts(within(t), conn, gather.Options{})
		if err != nil {
			t.Fatal(err)
		}
		clock := slices.ContainsFunc(facts.Clocks, func(c doctor.Clock) bool {
			return strings.HasPrefix(c.Who, "here (") && c.Ahead.Abs() <= c.Within+time.Second
		})
		return clock && len(facts.Tails) == 1 && len(facts.Tails[0].Writers) == 1 && facts.Tails[0].Writers[0].Behind < 10 && !facts.Tails[0].Writers[0].At.IsZero()
	}, "the replica has written to its log, and told its time")
}

// A process whose clock is an hour ahead is named, one that does not tell its time is not.
func TestAClockIsAhead(t *testing.T) {
	t.Parallel()
	conn := dial(t, natstest.Start(t).URL())
	for name, ahead := range map[string]time.Duration{"late": -time.Hour, "right": 0, "silent": -1} {
		sub, err := conn.NC.Subscribe("mabus.as.*.setting.sections.effective", func(m *nats.Msg) {
			a := api.ConfigEffective{Process: "p1", Name: name, Sections: []api.ConfigSectionInForce{}}
			if ahead != -1 {
				a.At = time.Now().Add(ahead)
			}
			if body, err := codec.Marshal(&a); err == nil {
				_ = m.Respond(body)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer sub.Unsubscribe()
	}
	var facts *doctor.Facts
	natstest.Eventually(t, patience, func() bool { // who is late with the answer is left out
		var err error
		facts, err = gather.Facts(within(t), conn, gather.Options{})
		return err == nil && len(facts.Clocks) == 2
	}, "both that tell their time have told it")
	var skewed []string
	for _, f := range doctor.Examine(facts) {
		if f.Code == "clock_skew" {
			skewed = append(skewed, f.On)
		}
	}
	if !slices.Equal(skewed, []string{"late (p1)"}) {
		t.Errorf("found %v among %+v", skewed, facts.Clocks)
	}
}

// Large bodies that a task, an outcome or a checkpoint names are left alone, and those that nothing names are counted once they are old enough.
func TestBodiesThatNothingNames(t *testing.T) {
	t.Parallel()
	conn := dial(t, natstest.Start(t).URL())
	put := func(size int) string {
		ref, err := conn.Blobs.Put(within(t), make([]byte, size))
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	for _, s := range []struct {
		store, subject string
		retention      jetstream.RetentionPolicy
	}{{"tasks", "mabus.task.a.b.c", jetstream.WorkQueuePolicy}, {"results", "mabus.result.a.b", 0}, {"task_state", "mabus.checkpoint.a", 0}} {
		cfg := jetstream.StreamConfig{Name: api.Bucket(conn.Namespace, s.store), Subjects: []string{s.subject}, Retention: s.retention}
		if _, err := conn.JS.CreateStream(within(t), cfg); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			msg := nats.NewMsg(s.subject)
			msg.Header.Set(api.HeaderBlob, put(1000))
			if _, err := conn.JS.PublishMsg(within(t), msg); err != nil {
				t.Fatal(err)
			}
		}
	}
	look := func(age time.Duration) doctor.Bodies {
		facts, err := gather.Facts(within(t), conn, gather.Options{BodyAge: age})
		if err != nil {
			t.Fatal(err)
		}
		return facts.Bodies
	}
	if b := look(time.Nanosecond); b.Count != 0 {
		t.Errorf("%+v, and all are named", b)
	}
	put(10)
	largest, _, _ := strings.Cut(put(2000), ":")
	if b := look(0); b.Count != 0 {
		t.Errorf("%+v, and none is an hour old", b)
	}
	if b := look(time.Nanosecond); b.Count != 2 || b.Bytes != 2010 || b.Largest != largest || b.Size != 2000 {
		t.Errorf("%+v", b)
	}
	all, err := gather.Facts(within(t), conn, gather.Options{BodyAge: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range doctor.Examine(all) {
		if f.Code == "orphaned_body" && f.Do != "nothing while there is room; to have it now: nats object rm mabus_blobs "+largest+" --force" {
			t.Errorf("%+v", f)
		}
	}
	// What the remedy does.
	store, err := conn.JS.ObjectStore(within(t), "mabus_blobs")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(within(t), largest); err != nil {
		t.Fatal(err)
	}
	if b := look(time.Nanosecond); b.Count != 1 {
		t.Errorf("%+v", b)
	}
}
