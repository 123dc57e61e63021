package replog_test

import (
	"encoding/binary"
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// The object of a snapshot that was verified is gone, as after a power cut, or another's bytes are in its place: it is made again, since
// else no log would ever be purged any more.
func TestVerifiedSnapshotIsLost(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, store jetstream.ObjectStore, object string) error{
		"gone": func(t *testing.T, s jetstream.ObjectStore, object string) error {
			return s.Delete(within(t, patience), object)
		},
		"changed": func(t *testing.T, s jetstream.ObjectStore, object string) error {
			_, err := s.PutString(within(t, patience), object, "x")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := natstest.Start(t)
			var store jetstream.ObjectStore
			var once sync.Once
			var l *replica
			cfg := base()
			cfg.SnapshotEntries = 1500
			cfg.Applied = func(a *engine.Applied, _ *accounts, live bool) {
				if !a.Verified || !live {
					return
				}
				once.Do(func() {
					for _, c := range a.Batch.Commands {
						if c.Kind == engine.KindVerified {
							seq, _ := binary.Uvarint(c.Body)
							if err := spoil(t, store, fmt.Sprintf("r.%d", seq)); err != nil {
								t.Error(err)
							}
						}
					}
				})
			}
			l = run(t, srv.URL(), cfg)
			var err error
			if store, err = dial(t, srv.URL()).JS.ObjectStore(within(t, patience), namespace+"_snapshots"); err != nil {
				t.Fatal(err)
			}
			fill(t, []*replica{l}, 2000)
			first := purged(t, l, srv.URL(), 0)
			equal(t, l, run(t, srv.URL(), cfg))
			fill(t, []*replica{l}, 2000)
			purged(t, l, srv.URL(), first)
		})
	}
}

// Snapshots that nobody came to use go with the next that is.
func TestLeftSnapshotsGo(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	cfg := base()
	cfg.SnapshotEntries = 1500
	l := run(t, srv.URL(), cfg)
	store, err := dial(t, srv.URL()).JS.ObjectStore(within(t, patience), namespace+"_snapshots")
	if err != nil {
		t.Fatal(err)
	}
	keep := []string{"r.99999999", "r2.7", "other"} // a later one, another realm's, and something else
	for _, name := range append([]string{"r.7", "r.1200"}, keep...) {
		if _, err := store.PutString(within(t, patience), name, "left"); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, []*replica{l}, 2000)
	kept := purged(t, l, srv.URL(), 0)
	natstest.Eventually(t, patience, func() bool {
		list, err := store.List(within(t, patience))
		return err == nil && len(list) == len(keep)+1
	}, "what is left is gone")
	for _, name := range append(keep, fmt.Sprintf("r.%d", kept)) {
		if _, err := store.GetInfo(within(t, patience), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of snapshots that have gone nothing is left, not even a mark that there was one, nor of those that earlier versions have removed; and a second
// snapshot takes the place of the first in the same room.
func TestSnapshotsThatHaveGoneLeaveNoMark(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	cfg := base()
	cfg.SnapshotEntries = 1500
	l := run(t, srv.URL(), cfg)
	js := dial(t, srv.URL()).JS
	store, err := js.ObjectStore(within(t, patience), namespace+"_snapshots")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.PutString(within(t, patience), "r.7", "of before"); err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(within(t, patience), "r.7"); err != nil {
		t.Fatal(err)
	}
	after := uint64(0)
	for range 2 {
		fill(t, []*replica{l}, 2000)
		after = purged(t, l, srv.URL(), after)
	}
	natstest.Eventually(t, patience, func() bool {
		stream, err := js.Stream(within(t, patience), "OBJ_"+namespace+"_snapshots")
		if err != nil {
			t.Fatal(err)
		}
		info, err := stream.Info(within(t, patience), jetstream.WithSubjectFilter("$O."+namespace+"_snapshots.M.>"))
		return err == nil && len(info.State.Subjects) == 1
	}, "there is one snapshot, and no mark of others")
	if _, err := store.GetInfo(within(t, patience), fmt.Sprintf("r.%d", after)); err != nil {
		t.Error(err)
	}
}
