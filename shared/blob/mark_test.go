package blob_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/blob"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Of a body that is deleted nothing is left, not even a mark that there was one.
func TestDeleteLeavesNothing(t *testing.T) {
	js, err := jetstream.New(natstest.Start(t).Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	s := blob.New(js, "mabus", 1)
	for range 2 {
		ref, err := s.Put(t.Context(), make([]byte, 300_000))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Delete(t.Context(), ref); err != nil {
				t.Fatal(err)
			}
		}
	}
	stream, err := js.Stream(t.Context(), "OBJ_mabus_blobs")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 0 {
		t.Errorf("%d messages are left", n)
	}
}
