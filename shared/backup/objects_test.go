package backup_test

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Of objects that are put faster than they are read the back-up has whole ones: not the description of one and some of its chunks.
func TestObjectsThatArePutMeanwhileAreWhole(t *testing.T) {
	defer backup.ChaseFor(0)() // there is no moment without anything more
	conn := dial(t, natstest.Start(t).URL())
	k := newKeeper(t, conn)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	begun := make(chan struct{})
	for w := range 2 {
		wg.Go(func() {
			for n := 0; ; n++ {
				name := "economics." + strconv.Itoa(1000*n+w)
				if _, err := k.objects.PutBytes(ctx, name, append(bytes.Repeat([]byte("s"), 300_000), name...)); err != nil {
					return
				}
				if w == 0 && n == 3 {
					close(begun)
				}
			}
		})
	}
	<-begun
	dir, _ := saved(t, conn)
	stop()
	wg.Wait()
	target := dial(t, natstest.Start(t).URL())
	restored(t, target, dir, backup.RestoreOptions{})
	objects, err := target.JS.ObjectStore(within(t), "mabus_snapshots")
	if err != nil {
		t.Fatal(err)
	}
	list, err := objects.List(within(t))
	if err != nil || len(list) < 4 {
		t.Fatalf("%d objects, %v", len(list), err)
	}
	stream, err := target.JS.Stream(within(t), "OBJ_mabus_snapshots")
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(within(t), jetstream.WithSubjectFilter("$O.mabus_snapshots.C.>"))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list {
		if n := info.State.Subjects["$O.mabus_snapshots.C."+o.NUID]; n != uint64(o.Chunks) {
			t.Errorf("%s, one of %d, has %d of %d chunks", o.Name, len(list), n, o.Chunks)
		}
	}
}
