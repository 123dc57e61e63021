package blob

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/codec"
)

const (
	chunkBytes = 128 << 10        // as the client library has them
	ahead      = 32               // chunks that wait for the server
	undoTime   = 10 * time.Second // for taking back what was put in part
)

// PutObject stores an object under a name, in the place of one that had it before, as the client library's Put does and in the form that it reads: the
// chunks, under a subject of their own, and then what describes them. The library makes a publisher for each Put, of which nats.go 1.55 leaves a
// goroutine behind, for good, when the object was stored before that had begun: of one object in some thousands. The objects are those of the bucket.
func PutObject(ctx context.Context, js jetstream.JetStream, objects jetstream.ObjectStore, bucket, name string, data []byte) error {
	s := &Store{js: js, bucket: bucket}
	old, err := objects.GetInfo(ctx, name)
	if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("look up an object: %w", err)
	}
	if err := s.put(ctx, name, data, old != nil); err != nil || old == nil {
		return err
	}
	return s.purge(ctx, "C."+old.NUID)
}

// put is PutObject into the store, and leaves the chunks of what had the name before. Known says that others may know the name.
func (s *Store) put(ctx context.Context, name string, data []byte, known bool) error {
	id := nuid.Next()
	chunks, under, err := s.chunks(ctx, id, data)
	whole := err == nil
	if whole {
		err = s.describe(ctx, name, id, data, chunks)
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("put a body of %d bytes: %w", len(data), err)
	if whole && known { // it may be described all the same, and is then what has the name; if not, its age removes it
		return err
	}
	undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	for _, f := range under { // what is under way could come behind the purge
		_, _ = stored(undo, f)
	}
	return errors.Join(err, s.purge(undo, "C."+id))
}

// chunks stores the body in parts, and returns how many when the server has all of them, or else those of which it has said nothing yet.
func (s *Store) chunks(ctx context.Context, id string, data []byte) (n int, under []jetstream.PubAckFuture, err error) {
	first := func() (err error) { // of those under way
		heard, err := stored(ctx, under[0])
		if heard {
			under = under[1:]
		}
		return err
	}
	for chunk := range slices.Chunk(data, chunkBytes) {
		if len(under) == ahead {
			if err := first(); err != nil {
				return 0, under, err
			}
		}
		f, err := s.js.PublishMsgAsync(&nats.Msg{Subject: "$O." + s.bucket + ".C." + id, Data: chunk})
		if err != nil {
			return 0, under, err
		}
		under, n = append(under, f), n+1
	}
	for len(under) > 0 {
		if err := first(); err != nil {
			return 0, under, err
		}
	}
	return n, nil, nil
}

// stored waits until the server has said whether it has a chunk, which it does once.
func stored(ctx context.Context, f jetstream.PubAckFuture) (heard bool, err error) {
	select {
	case <-f.Ok():
		return true, nil
	case err := <-f.Err():
		return true, err
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// describe stores what there is under a name, in the place of what was described before.
func (s *Store) describe(ctx context.Context, name, id string, data []byte, chunks int) error {
	sum := sha256.Sum256(data)
	body, err := codec.Marshal(&jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: chunkBytes}}, Bucket: s.bucket, NUID: id,
		Size: uint64(len(data)), Chunks: uint32(chunks), Digest: "SHA-256=" + base64.URLEncoding.EncodeToString(sum[:]),
	})
	if err != nil {
		return err
	}
	msg := &nats.Msg{Subject: "$O." + s.bucket + "." + metaOf(name), Data: body, Header: nats.Header{jetstream.MsgRollup: {jetstream.MsgRollupSubject}}}
	_, err = s.js.PublishMsg(ctx, msg)
	return err
}

// metaOf is the end of the subject under which an object is described.
func metaOf(name string) string { return "M." + base64.URLEncoding.EncodeToString([]byte(name)) }

// purge takes away all that is under a subject of the object store.
func (s *Store) purge(ctx context.Context, end string) error {
	stream, err := s.js.Stream(ctx, "OBJ_"+s.bucket)
	if err != nil {
		return err
	}
	return stream.Purge(ctx, jetstream.WithPurgeSubject("$O."+s.bucket+"."+end))
}
