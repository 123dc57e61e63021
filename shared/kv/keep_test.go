package kv_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMirrorHoldsOnlyWhatItKeeps(t *testing.T) {
	s := natstest.Start(t)
	b := open(t, s.Connect(t), kv.Config{})
	table := kv.NewTable[counter](b, "svc", nil)
	ctx := within(t, 20*time.Second)
	update := func(key string, rule kv.Rule[counter]) uint64 {
		return must[kv.Result[counter]](t)(table.Update(ctx, api.Cause{}, key, rule)).Revision
	}
	for i := range 10 {
		update(strconv.Itoa(i), add(i))
	}
	var x index
	m := follow(t, b, kv.MirrorOptions[counter]{Keep: func(c *counter) bool { return c.N%2 == 0 }, OnChange: x.change})
	if d := cmp.Diff(map[string]int{"0": 0, "2": 2, "4": 4, "6": 6, "8": 8}, held(m)); d != "" {
		t.Fatal(d)
	}
	update("2", add(1)) // leaves
	update("3", add(1)) // comes
	rev := update("5", add(2))
	if err := m.WaitFor(ctx, rev); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"0": 0, "3": 4, "4": 4, "6": 6, "8": 8}
	if d := cmp.Diff(want, held(m)); d != "" {
		t.Fatal(d)
	}
	if d := cmp.Diff(want, x.copy()); d != "" {
		t.Fatal("what OnChange told differs:", d)
	}
	if m.Junk() != 0 {
		t.Fatalf("%d records are called junk", m.Junk())
	}
}

func TestAttachFindsABucketAndMakesNone(t *testing.T) {
	s := natstest.Start(t)
	nc := s.Connect(t)
	ctx := within(t, 20*time.Second)
	if _, err := kv.Attach(ctx, stream(t, nc), namespace, "counters"); api.CodeOf(err) != api.NotFound {
		t.Fatalf("no bucket: got %v, want not_found", err)
	}
	made := open(t, nc, kv.Config{History: 3, MaxBytes: 1 << 20})
	rev := must[uint64](t)(made.Write(ctx, kv.Write{Key: "k", Value: []byte(`{"n":1}`)}))
	b := must[*kv.Bucket](t)(kv.Attach(ctx, stream(t, nc), namespace, "counters"))
	if e := must[kv.Entry](t)(b.Get(ctx, "k")); e.Revision != rev || b.Token(rev) != made.Token(rev) {
		t.Fatalf("got %+v with token %s, want revision %d with token %s", e, b.Token(rev), rev, made.Token(rev))
	}
	status, err := stream(t, nc).KeyValue(ctx, b.Name())
	if err != nil {
		t.Fatal(err)
	}
	if st, err := status.Status(ctx); err != nil || st.History() != 3 {
		t.Fatalf("the settings have changed: history %d (%v)", st.History(), err)
	}
}
