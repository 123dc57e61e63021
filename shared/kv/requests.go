package kv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	requestsBytes = 1 << 30
	requestsTTL   = 24 * time.Hour
	maxRequestAge = api.MaxRequestAge * time.Second
)

// Requests remembers the answers of requests that carry an id, in the bucket <namespace>_requests. All services and
// tables of a process share one. It is safe for concurrent use.
//
// How a change with a request id is made, so that it happens once although anybody may die at any point and the same
// request may run on several replicas at the same time:
//
//  1. Read the record that is to change.
//  2. Take the request: create its entry as pending, or take over a pending one by compare-and-set. An entry that has an
//     answer ends it here.
//  3. If the record's last message carries this request's key, the change was made: answer from that message.
//  4. Before a message of another request is overwritten, see that that request's entry has its answer.
//  5. Write the record by compare-and-set, with the request's key.
//  6. Put the answer into the entry.
//
// Because of 4, a pending entry that was seen after the record was read proves that the request had not changed it up to
// that reading, and 5 fails if it did since. An answer that changes nothing is put into the entry only if the record was
// read after the entry was taken and nobody has taken it over since; whoever takes it over reads the record later still.
type Requests struct {
	bucket *Bucket
}

// OpenRequests opens the bucket of request answers. maxBytes bounds it on disk; 1 GiB if 0.
func OpenRequests(ctx context.Context, js jetstream.JetStream, namespace string, replicas int, maxBytes int64) (*Requests, error) {
	b, err := Open(ctx, js, Config{
		Namespace: namespace, Name: "requests", Replicas: replicas, History: 1,
		MaxBytes: orDefault(maxBytes, requestsBytes), MaxValueSize: 2 * defaultMaxValue, TTL: requestsTTL,
	})
	if err != nil {
		return nil, err
	}
	return &Requests{bucket: b}, nil
}

// request is the stored entry of one request id.
type request struct {
	Hash   string `json:"hash"`
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	// Begun is when the request was first taken, by the store's clock; absent until somebody takes it over.
	Begun  time.Time `json:"begun,omitzero"`
	Answer *answer   `json:"answer,omitempty"`
}

type answer struct {
	Value    json.RawMessage `json:"value,omitzero"`
	Revision uint64          `json:"revision,omitempty"`
	Existed  bool            `json:"existed,omitempty"`
	Changed  bool            `json:"changed,omitempty"`
	Error    *api.Error      `json:"error,omitempty"`
}

// ticket is a caller's hold on a request: rev is the revision at which it took it.
type ticket struct {
	key string
	req request
	rev uint64
}

// take takes a request, or returns its answer.
func (r *Requests) take(ctx context.Context, t *ticket) (*answer, error) {
	for try := 0; ; try++ {
		rev, err := r.put(ctx, t.key, t.req, t.rev)
		if err == nil {
			t.rev = rev
			return nil, nil
		}
		if !errors.Is(err, ErrLost) {
			return nil, err
		}
		have, e, err := r.read(ctx, t.key)
		if err != nil {
			return nil, err
		}
		t.rev = e.Revision
		if have != nil {
			if done, err := r.join(ctx, t, *have, e.Time); done != nil || err != nil {
				return done, err
			}
		}
		if err := pause(ctx, try); err != nil {
			return nil, r.bucket.unavailable(err, false)
		}
	}
}

// join checks that the ticket is for the stored request, and returns its answer if it has one.
func (r *Requests) join(ctx context.Context, t *ticket, have request, written time.Time) (*answer, error) {
	if have.Hash != t.req.Hash {
		return nil, api.Errorf(api.Conflict, "this request id was used for another request: choose a new one").WithReason(api.ReasonRequestReused)
	}
	if have.Bucket != t.req.Bucket || have.Key != t.req.Key {
		return nil, fmt.Errorf("request %s changes both %s/%s and %s/%s: derive a cause for each", t.key, have.Bucket, have.Key, t.req.Bucket, t.req.Key)
	}
	since := written
	if have.Answer == nil && !have.Begun.IsZero() {
		since = have.Begun
	}
	now, err := r.bucket.Now(ctx)
	if err != nil {
		return nil, err
	}
	if now.Sub(since) > maxRequestAge {
		return nil, expired()
	}
	t.req.Begun = since
	return have.Answer, nil
}

func expired() error {
	return api.Errorf(api.FailedPrecondition, "this request id is too old to be repeated: read what became of it, and use a new id").WithReason(api.ReasonRequestExpired)
}

// finish puts the answer into the entry if nobody has taken the request over; otherwise it returns ErrLost.
func (r *Requests) finish(ctx context.Context, t *ticket, a answer) error {
	q := t.req
	q.Answer = &a
	_, err := r.put(ctx, t.key, q, t.rev)
	return err
}

// settle sees to it that the entry of a request whose change was made has its answer, whoever holds it. An entry that is
// gone was forgotten by age and needs none.
func (r *Requests) settle(ctx context.Context, key string, a answer) error {
	for try := 0; ; try++ {
		have, e, err := r.read(ctx, key)
		if err != nil || have == nil || have.Answer != nil {
			return err
		}
		have.Answer = &a
		if _, err = r.put(ctx, key, *have, e.Revision); !errors.Is(err, ErrLost) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return r.bucket.unavailable(err, false)
		}
	}
}

func (r *Requests) read(ctx context.Context, key string) (*request, Entry, error) {
	e, err := r.bucket.Get(ctx, key)
	if err != nil || !e.Exists() {
		return nil, e, err
	}
	q := new(request)
	if err := codec.Read(e.Value, q); err != nil {
		return nil, e, fmt.Errorf("request %s: %w", key, err)
	}
	return q, e, nil
}

func (r *Requests) put(ctx context.Context, key string, q request, expect uint64) (uint64, error) {
	data, err := codec.Marshal(q)
	if err != nil {
		return 0, fmt.Errorf("request %s: %w", key, err)
	}
	return r.bucket.Write(ctx, Write{Key: key, Value: data, Expect: expect})
}
