package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// keeper does what a replica of a log does with its snapshots, much more often: it appends, puts an object, points to it, removes the one
// before and purges the log below.
type keeper struct {
	log      jetstream.Stream
	objects  jetstream.ObjectStore
	pointers jetstream.KeyValue
	conn     *rpc.Conn
}

func newKeeper(t testing.TB, conn *rpc.Conn) *keeper {
	t.Helper()
	k := &keeper{conn: conn}
	var err error
	if k.log, err = conn.JS.CreateStream(within(t), jetstream.StreamConfig{Name: "mabus_log_economics", Subjects: []string{"mabus.log.economics"}, Discard: jetstream.DiscardNew}); err != nil {
		t.Fatal(err)
	}
	if k.objects, err = conn.JS.CreateObjectStore(within(t), jetstream.ObjectStoreConfig{Bucket: "mabus_snapshots"}); err != nil {
		t.Fatal(err)
	}
	if k.pointers, err = conn.JS.CreateKeyValue(within(t), jetstream.KeyValueConfig{Bucket: "mabus_snapshots", History: 1}); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *keeper) round(ctx context.Context, before uint64) (seq uint64, err error) {
	for range 20 {
		ack, err := k.conn.JS.Publish(ctx, "mabus.log.economics", bytes.Repeat([]byte("e"), 500))
		if err != nil {
			return 0, err
		}
		seq = ack.Sequence
	}
	if _, err := k.objects.PutBytes(ctx, "economics."+strconv.FormatUint(seq, 10), fmt.Appendf(bytes.Repeat([]byte("s"), 300_000), "%d", seq)); err != nil {
		return 0, err
	}
	if _, err := k.pointers.Put(ctx, "economics", fmt.Appendf(nil, `{"log":"l","seq":%d}`, seq)); err != nil {
		return 0, err
	}
	if before > 0 {
		if err := k.objects.Delete(ctx, "economics."+strconv.FormatUint(before, 10)); err != nil {
			return 0, err
		}
	}
	return seq, k.log.Purge(ctx, jetstream.WithPurgeSequence(seq-5))
}

// Whatever a log, its snapshots and what points to them do while they are read: the log has every entry after the snapshot that is pointed to,
// and that is there.
func TestLogsAndTheirSnapshots(t *testing.T) {
	t.Parallel()
	conn := dial(t, natstest.Start(t).URL())
	k := newKeeper(t, conn)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	begun := make(chan struct{})
	wg.Go(func() {
		last := uint64(0)
		for n := 0; ; n++ {
			seq, err := k.round(ctx, last)
			if err != nil {
				return
			}
			if last = seq; n == 3 {
				close(begun)
			}
		}
	})
	<-begun
	for range 5 {
		dir, _ := saved(t, conn)
		target := dial(t, natstest.Start(t).URL())
		restored(t, target, dir, backup.RestoreOptions{})
		pointers, err := target.JS.KeyValue(within(t), "mabus_snapshots")
		if err != nil {
			t.Fatal(err)
		}
		e, err := pointers.Get(within(t), "economics")
		if err != nil {
			t.Fatal(err)
		}
		var p struct {
			Seq uint64 `json:"seq"`
		}
		if err := codec.Read(e.Value(), &p); err != nil {
			t.Fatal(err)
		}
		objects, err := target.JS.ObjectStore(within(t), "mabus_snapshots")
		if err != nil {
			t.Fatal(err)
		}
		data, err := objects.GetBytes(within(t), "economics."+strconv.FormatUint(p.Seq, 10))
		if err != nil || !bytes.HasSuffix(data, strconv.AppendUint([]byte("s"), p.Seq, 10)) {
			t.Errorf("snapshot %d: %v", p.Seq, err)
		}
		log, err := target.JS.Stream(within(t), "mabus_log_economics")
		if err != nil {
			t.Fatal(err)
		}
		st := log.CachedInfo().State
		if st.FirstSeq > p.Seq+1 || st.LastSeq < p.Seq || st.Msgs != st.LastSeq-st.FirstSeq+1 {
			t.Errorf("the log has %d messages from %d to %d, and the snapshot is of %d", st.Msgs, st.FirstSeq, st.LastSeq, p.Seq)
		}
	}
	stop()
	wg.Wait()
}
