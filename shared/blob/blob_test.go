package blob_test

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/blob"
	"github.com/mabus-project/mabus/shared/natstest"
)

const patience = 20 * time.Second

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

func open(t testing.TB) (*blob.Store, jetstream.JetStream) {
	t.Helper()
	js, err := jetstream.New(natstest.Start(t).Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	return blob.New(js, "mabus", 0), js
}

func put(t testing.TB, s *blob.Store, data []byte) string {
	t.Helper()
	ref, err := s.Put(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestABodyComesBack(t *testing.T) {
	s, js := open(t)
	for _, size := range []int{0, 1, 128 << 10, 3<<20 + 1} {
		data := bytes.Repeat([]byte{0xa5}, size)
		ref := put(t, s, data)
		// Another process, which opens the store that is there.
		got, err := blob.New(js, "mabus", 0).Get(t.Context(), ref)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: %d came back, %v", size, len(got), err)
		}
		for range 2 { // the second finds nothing
			if err := s.Delete(t.Context(), ref); err != nil {
				t.Errorf("delete: %v", err)
			}
		}
		if _, err := s.Get(t.Context(), ref); api.CodeOf(err) != api.Invalid {
			t.Errorf("after Delete: %v", err)
		}
	}
	obj, err := js.ObjectStore(t.Context(), "mabus_blobs")
	if err != nil {
		t.Fatal(err)
	}
	status, err := obj.Status(t.Context())
	if err != nil || status.TTL() != blob.MaxAge {
		t.Errorf("the store's age bound is %v, %v", status.TTL(), err)
	}
}

func TestARenewedBodyKeepsItsReference(t *testing.T) {
	s, js := open(t)
	data := bytes.Repeat([]byte("ab"), 200<<10)
	ref := put(t, s, data)
	obj, err := js.ObjectStore(t.Context(), "mabus_blobs")
	if err != nil {
		t.Fatal(err)
	}
	stored := func() string {
		name, _, _ := strings.Cut(ref, ":")
		info, err := obj.GetInfo(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return info.NUID
	}
	first := stored()
	if err := s.Renew(t.Context(), ref, time.Hour); err != nil || stored() != first {
		t.Errorf("a young body was stored anew, or %v", err)
	}
	if err := s.Renew(t.Context(), ref, 0); err != nil || stored() == first {
		t.Errorf("an old body was not stored anew: %v", err)
	}
	if got, err := s.Get(t.Context(), ref); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	if err := s.Delete(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if err := s.Renew(t.Context(), ref, 0); api.CodeOf(err) != api.Invalid {
		t.Errorf("what is gone: %v", err)
	}
}

// A body that is renewed while somebody reads it has not gone.
func TestABodyIsReadWhileItIsRenewed(t *testing.T) {
	srv := natstest.Start(t)
	js, err := jetstream.New(srv.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	s := blob.New(js, "mabus", 1)
	data := bytes.Repeat([]byte("ab"), 200<<10)
	ref := put(t, s, data)
	var chunks atomic.Int64
	near, err := jetstream.New(natstest.Connect(t, natstest.Refuse(t, srv.URL(), func(subject string) natstest.Refusal {
		if subject == "$JS.API.DIRECT.GET.OBJ_mabus_blobs" && chunks.Add(1) == 2 {
			if err := s.Renew(t.Context(), ref, 0); err != nil {
				t.Error(err)
			}
		}
		return natstest.Pass
	})))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := blob.New(near, "mabus", 1).Get(t.Context(), ref); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	if chunks.Load() < 3 {
		t.Errorf("it was asked for %d parts", chunks.Load())
	}
}

func TestAReferenceGivesItsBytesOrAnError(t *testing.T) {
	s, js := open(t)
	ref := put(t, s, []byte("mine"))
	obj, err := js.ObjectStore(t.Context(), "mabus_blobs")
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(ref, ":")
	if _, err := obj.PutString(t.Context(), name, "your"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(t.Context(), ref); api.CodeOf(err) != api.Invalid {
		t.Errorf("another body under the name: %q, %v", got, err)
	}

	ref = put(t, s, []byte("whole"))
	name, _, _ = strings.Cut(ref, ":")
	info, err := obj.GetInfo(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	chunks := "$O.mabus_blobs.C." + info.NUID
	if _, err := js.Publish(t.Context(), chunks, []byte("more")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(t.Context(), ref); err != nil || string(got) != "whole" {
		t.Errorf("with a chunk behind it that is not of the body: %q, %v", got, err)
	}
	stream, err := js.Stream(t.Context(), "OBJ_mabus_blobs")
	if err != nil {
		t.Fatal(err)
	}
	for _, chunk := range []string{"", "who", "holes", "wholesale"} { // nothing, too little, others, too much
		if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject(chunks)); err != nil {
			t.Fatal(err)
		}
		if chunk != "" {
			if _, err := js.Publish(t.Context(), chunks, []byte(chunk)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.Get(t.Context(), ref); api.CodeOf(err) != api.Invalid {
			t.Errorf("a corrupt body %q: %q, %v", chunk, got, err)
		}
	}
}

// FuzzReference gives any text for a reference: it is an invalid error, or names a body.
func FuzzReference(f *testing.F) {
	s, _ := open(f)
	ref := put(f, s, []byte("body"))
	for _, r := range []string{ref, "", "::", ref + ":", "a:" + strings.Repeat("0", 64) + ":0", "a:" + strings.Repeat("g", 64) + ":+1", "\xff", ".:*:>"} {
		f.Add(r)
	}
	f.Fuzz(func(t *testing.T, r string) {
		got, err := s.Get(t.Context(), r)
		if err == nil && string(got) != "body" {
			t.Errorf("%q gives %q", r, got)
		}
		if err != nil && api.CodeOf(err) != api.Invalid {
			t.Errorf("%q: %v", r, err)
		}
	})
}
