package replog

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/blob"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	snapshotsName = "snapshots"
	shelfBytes    = 4 << 30
	pointerBytes  = 16 << 20
)

// shelf keeps the snapshots of one log: objects <realm>.<sequence>, and under the key <realm> which of them is the newest that two
// replicas agree upon.
type shelf struct {
	realm    string
	js       jetstream.JetStream
	bucket   string // of the objects
	objects  jetstream.ObjectStore
	stream   jetstream.Stream // of the objects
	pointers *kv.Bucket
}

// pointer names a verified snapshot.
type pointer struct {
	Log    string `json:"log"`
	Seq    uint64 `json:"seq"`
	Digest string `json:"digest"` // SHA-256, in hex
}

func openShelf(ctx context.Context, conn *rpc.Conn, realm string, replicas int) (*shelf, error) {
	name := api.Bucket(conn.Namespace, snapshotsName)
	pointers, err := kv.Open(ctx, conn.JS, kv.Config{Namespace: conn.Namespace, Name: snapshotsName, Replicas: replicas, History: 1, MaxBytes: pointerBytes})
	if err != nil {
		return nil, err
	}
	s := &shelf{realm: realm, js: conn.JS, bucket: name, pointers: pointers}
	st := &store{js: conn.JS}
	err = st.retry(ctx, func(ctx context.Context) error {
		var err error
		s.objects, err = conn.JS.ObjectStore(ctx, name)
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			s.objects, err = conn.JS.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: name, MaxBytes: shelfBytes, Storage: jetstream.FileStorage, Replicas: replicas})
		}
		if err == nil {
			s.stream, err = conn.JS.Stream(ctx, "OBJ_"+name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open object store %s: %w", name, err)
	}
	return s, nil
}

func (s *shelf) object(seq uint64) string { return s.realm + "." + strconv.FormatUint(seq, 10) }

// newest returns the pointer and its revision; the zero pointer when there is none.
func (s *shelf) newest(ctx context.Context) (pointer, uint64, error) {
	e, err := s.pointers.Get(ctx, s.realm)
	if err != nil || !e.Exists() {
		return pointer{}, e.Revision, err
	}
	var p pointer
	if err := codec.Read(e.Value, &p); err != nil {
		return p, e.Revision, fmt.Errorf("read which snapshot of %s is the newest: %w", s.realm, err)
	}
	return p, e.Revision, nil
}

// get returns a snapshot, checked to be the one of the pointer.
func (s *shelf) get(ctx context.Context, p pointer) ([]byte, error) {
	data, err := s.objects.GetBytes(ctx, s.object(p.Seq))
	if err != nil {
		return nil, fmt.Errorf("get snapshot %s: %w", s.object(p.Seq), err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != p.Digest {
		return nil, fmt.Errorf("snapshot %s is not the one that was verified", s.object(p.Seq))
	}
	return data, nil
}

// put stores a snapshot that is yet to be verified.
func (s *shelf) put(ctx context.Context, seq uint64, data []byte) error {
	if err := blob.PutObject(ctx, s.js, s.objects, s.bucket, s.object(seq), data); err != nil {
		return fmt.Errorf("put snapshot %s: %w", s.object(seq), err)
	}
	return nil
}

// point says that a verified snapshot is the newest, and removes those before. It does nothing when there is a newer one.
func (s *shelf) point(ctx context.Context, p pointer) error {
	for {
		old, rev, err := s.newest(ctx)
		if err != nil {
			return err
		}
		if old.Log == p.Log && old.Seq >= p.Seq {
			return nil
		}
		value, err := codec.Marshal(p)
		if err != nil {
			return fmt.Errorf("write which snapshot of %s is the newest: %w", s.realm, err)
		}
		_, err = s.pointers.Write(ctx, kv.Write{Key: s.realm, Value: value, Expect: rev})
		if errors.Is(err, kv.ErrLost) {
			continue
		}
		if err != nil {
			return err
		}
		s.clear(ctx, p.Seq)
		return nil
	}
}

// clear removes the snapshots of entries before one: the newest until now, and those that were stored and never verified; and the marks that they
// were there. What it cannot remove stays until the next time.
func (s *shelf) clear(ctx context.Context, seq uint64) {
	list, err := s.objects.List(ctx, jetstream.ListObjectsShowDeleted())
	if err != nil {
		return
	}
	for _, o := range list {
		number, ours := strings.CutPrefix(o.Name, s.realm+".")
		if n, err := strconv.ParseUint(number, 10, 64); !ours || err != nil || n >= seq {
			continue
		}
		if o.Deleted || s.objects.Delete(ctx, o.Name) == nil {
			s.deleteMark(ctx, o.Name)
		}
	}
}

// deleteMark removes what the client library leaves of a deleted object, so that there was one: for each snapshot that would be some hundred bytes
// for good. An object that another replica has put under the name since then stays.
func (s *shelf) deleteMark(ctx context.Context, object string) {
	subject := "$O." + s.bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(object))
	msg, err := s.stream.GetLastMsgForSubject(ctx, subject)
	if err != nil {
		return
	}
	var mark struct {
		Deleted bool `json:"deleted"`
	}
	if codec.Read(msg.Data, &mark) == nil && mark.Deleted {
		_ = s.stream.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(msg.Sequence+1))
	}
}
