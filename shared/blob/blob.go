// Package blob keeps bodies that are too large for one NATS message in a JetStream object store. A body is put once, under
// a name of its own, and is named by a reference that carries its digest and size, so that a reader gets those bytes or an
// error, never others.
//
// Store: the object store <namespace>_blobs. Bound: 7 days and MaxBytes. Whoever knows that a body is no longer needed
// removes it; the age bound takes what a crash leaves behind.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// Bounds of the store.
const (
	MaxAge   = 7 * 24 * time.Hour
	MaxBytes = 4 << 30
)

// Store puts and gets bodies. It creates the object store at its first use.
type Store struct {
	js       jetstream.JetStream
	bucket   string
	replicas int

	mu  sync.Mutex
	obj jetstream.ObjectStore
}

// New returns the store of a namespace; replicas is used if the object store has to be created, 0 meaning 1.
func New(js jetstream.JetStream, namespace string, replicas int) *Store {
	return &Store{js: js, bucket: api.Bucket(namespace, "blobs"), replicas: max(replicas, 1)}
}

// Ensure makes the object store, for those who may only use it. It keeps trying until ctx ends while JetStream is not ready.
func (s *Store) Ensure(ctx context.Context) error {
	return kv.Retry(ctx, func(ctx context.Context) error {
		_, err := s.open(ctx)
		return err
	})
}

// Put stores data and returns its reference.
func (s *Store) Put(ctx context.Context, data []byte) (string, error) {
	if _, err := s.open(ctx); err != nil {
		return "", err
	}
	name := nuid.Next()
	if err := s.put(ctx, name, data, false); err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return name + ":" + hex.EncodeToString(sum[:]) + ":" + strconv.Itoa(len(data)), nil
}

// lag is for how long a body that was not found whole is looked for: with several copies, the one that answers may be behind.
const lag = time.Second

// Get returns the body of a reference. A malformed reference, one to something larger than api.MaxPayload, and one whose
// body is gone or differs are errors with code invalid.
func (s *Store) Get(ctx context.Context, ref string) ([]byte, error) {
	name, sum, size, err := parse(ref)
	if err != nil {
		return nil, err
	}
	obj, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	for begin := time.Now(); ; {
		data, err := s.get(ctx, obj, name, sum, size)
		if s.replicas == 1 || api.CodeOf(err) != api.Invalid || time.Since(begin) > lag {
			return data, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(lag / 20):
		}
	}
}

func (s *Store) get(ctx context.Context, obj jetstream.ObjectStore, name, sum string, size int) ([]byte, error) {
	info, err := obj.GetInfo(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, s.gone()
	}
	if err != nil {
		return nil, fmt.Errorf("look up a body: %w", err)
	}
	if info.Size != uint64(size) {
		return nil, api.Errorf(api.Invalid, "the referenced body has %d bytes, its reference says %d", info.Size, size)
	}
	data, err := s.read(ctx, info, size)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		if now, err := obj.GetInfo(ctx, name); err == nil && now.NUID != info.NUID { // it was renewed meanwhile
			return s.get(ctx, obj, name, sum, size)
		}
		return nil, s.gone()
	case err != nil:
		return nil, fmt.Errorf("get a body: %w", err)
	}
	if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
		return nil, api.Errorf(api.Invalid, "the referenced body is not the one that its reference names")
	}
	return data, nil
}

// read gets the chunks of an object one by one. The client library has them pushed, for which hosts have no permission in strict mode, and
// which waits for ever for those of an object that is removed meanwhile.
func (s *Store) read(ctx context.Context, info *jetstream.ObjectInfo, size int) ([]byte, error) {
	stream, err := s.js.Stream(ctx, "OBJ_"+s.bucket)
	if err != nil {
		return nil, err
	}
	chunks := jetstream.WithGetMsgSubject("$O." + s.bucket + ".C." + info.NUID)
	data, last := make([]byte, 0, size), uint64(0)
	for len(data) < size {
		msg, err := stream.GetMsg(ctx, last+1, chunks)
		if err != nil {
			return nil, err
		}
		data, last = append(data, msg.Data...), msg.Sequence
	}
	return data, nil
}

func (s *Store) gone() error {
	return api.Errorf(api.Invalid, "the referenced body is not in the object store %s: send it again", s.bucket)
}

// Delete removes a body; one that is gone already is no error.
func (s *Store) Delete(ctx context.Context, ref string) error {
	name, _, _, err := parse(ref)
	if err != nil {
		return err
	}
	obj, err := s.open(ctx)
	if err != nil {
		return err
	}
	if err := obj.Delete(ctx, name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("delete a body: %w", err)
	}
	return s.deleteMark(ctx, name)
}

// deleteMark removes what the client library leaves of a deleted object, so that there was one: names are never used again, and some hundred
// bytes for each body of a week would fill the store of a busy namespace.
func (s *Store) deleteMark(ctx context.Context, name string) error {
	if err := s.purge(ctx, metaOf(name)); err != nil {
		return fmt.Errorf("delete the mark of a body: %w", err)
	}
	return nil
}

// Renew keeps a body for another MaxAge, under the same reference, if it is older than age: for what waits longer than that.
func (s *Store) Renew(ctx context.Context, ref string, age time.Duration) error {
	name, _, _, err := parse(ref)
	if err != nil {
		return err
	}
	obj, err := s.open(ctx)
	if err != nil {
		return err
	}
	info, err := obj.GetInfo(ctx, name)
	switch {
	case errors.Is(err, jetstream.ErrObjectNotFound):
		return s.gone()
	case err != nil:
		return fmt.Errorf("look up a body: %w", err)
	case time.Since(info.ModTime) < age: // a clock that is off makes this sooner or later, and age leaves room for that
		return nil
	}
	data, err := s.Get(ctx, ref)
	if err != nil {
		return err
	}
	if err := s.put(ctx, name, data, true); err != nil {
		return err
	}
	return s.purge(ctx, "C."+info.NUID) // what was there before
}

func (s *Store) open(ctx context.Context) (jetstream.ObjectStore, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.obj != nil {
		return s.obj, nil
	}
	obj, err := s.js.ObjectStore(ctx, s.bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		obj, err = s.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: s.bucket, TTL: MaxAge, MaxBytes: MaxBytes, Replicas: s.replicas,
			Description: "Mabus: bodies too large for one message",
		})
	}
	if err != nil {
		return nil, fmt.Errorf("open the object store %s: %w", s.bucket, err)
	}
	s.obj = obj
	return obj, nil
}

func parse(ref string) (name, sum string, size int, err error) {
	parts := strings.Split(ref, ":")
	if len(parts) == 3 && api.ValidID(parts[0]) && len(parts[1]) == 2*sha256.Size {
		size, err = strconv.Atoi(parts[2])
		if err == nil && size >= 0 && size <= api.MaxPayload {
			return parts[0], parts[1], size, nil
		}
	}
	return "", "", 0, api.Errorf(api.Invalid, "%s must be <name>:<sha256 in hex>:<size>, with a size of at most %d", api.HeaderBlob, api.MaxPayload)
}
