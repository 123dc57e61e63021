package kv

import (
	"context"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Rule decides about one record. It is pure: the same record gives the same decision, whatever now is.
// old is nil when there is no record; it is shared and must not be changed. The rule returns
//   - the next record and the name of the event (an empty name changes the record without an event),
//   - nil and an event to delete the record,
//   - old itself, or nil, and no event when nothing is to change,
//   - an error, which should be an *api.Error.
//
// now is the local clock, for information such as registered_at only.
type Rule[T any] func(old *T, now time.Time) (next *T, event string, err error)

// Result is the record after an Update.
type Result[T any] struct {
	// Value is nil when there is no record, or when the update deleted it. It is shared: do not change it.
	Value *T
	// Revision and Token name the last message of the key; 0 and "" when the key was never written.
	Revision uint64
	Token    string
	// Existed says whether there was a record before.
	Existed bool
	// Changed says whether the update wrote anything.
	Changed bool
}

// Table keeps records of one type in a bucket, as JSON. It is safe for concurrent use.
type Table[T any] struct {
	bucket   *Bucket
	service  string
	requests *Requests
	mirror   *Mirror[T]
	// step is called after each step of an update; tests end an update there with an error.
	step func(name string) error
}

// NewTable returns the table of a service's records in b. requests makes updates safe to repeat; it may be nil if no
// cause ever has a request id.
func NewTable[T any](b *Bucket, service string, requests *Requests) *Table[T] {
	return &Table[T]{bucket: b, service: service, requests: requests, step: func(string) error { return nil }}
}

// UseMirror lets updates start from the mirror's copy, which saves a read. Call it before the first Update.
func (t *Table[T]) UseMirror(m *Mirror[T]) { t.mirror = m }

// Bucket returns the table's bucket.
func (t *Table[T]) Bucket() *Bucket { return t.bucket }

// Get reads a record from the leader. Existed tells whether there is one.
func (t *Table[T]) Get(ctx context.Context, key string) (Result[T], error) {
	r, err := t.leader(ctx, key)
	if err != nil {
		return Result[T]{}, err
	}
	return Result[T]{Value: r.value, Revision: r.rev, Token: t.bucket.Token(r.rev), Existed: r.value != nil}, nil
}

// record is the state of a key from which an update starts.
type record[T any] struct {
	value   *T
	rev     uint64
	raw     []byte
	request string // key of the request that wrote it
	existed bool   // there was a record before it
	current bool   // read from the leader
}

func (t *Table[T]) leader(ctx context.Context, key string) (record[T], error) {
	e, err := t.bucket.Get(ctx, key)
	if err != nil {
		return record[T]{}, err
	}
	r := record[T]{rev: e.Revision, request: e.Header.Get(headerRequest), existed: e.Header.Get(headerExisted) != "", current: true}
	if e.Exists() {
		r.raw, r.value = e.Value, new(T)
		if err := codec.Read(e.Value, r.value); err != nil {
			return record[T]{}, fmt.Errorf("record %s of %s cannot be read: %w", key, t.bucket.name, err)
		}
	}
	return r, nil
}

// mirrored returns the mirror's copy of a record. A copy does not hold what a request left behind, so records that a
// request wrote last are not to be had here.
func (t *Table[T]) mirrored(key string) (record[T], bool) {
	if t.mirror == nil || !t.mirror.Synced() {
		return record[T]{}, false
	}
	e, ok := t.mirror.entry(key)
	if ok && e.tagged() {
		return record[T]{}, false
	}
	return record[T]{value: e.value, rev: e.revision()}, true
}

// answer is what a request that wrote r is answered.
func (r record[T]) answer() answer {
	return answer{Value: r.raw, Revision: r.rev, Existed: r.existed, Changed: true}
}

// unchanged is what a request is answered that leaves r as it is.
func (r record[T]) unchanged() answer {
	return answer{Value: r.raw, Revision: r.rev, Existed: r.value != nil}
}

// result turns a stored answer into the result that the first caller got, or should have got.
func (t *Table[T]) result(a answer) (Result[T], error) {
	if a.Error != nil {
		return Result[T]{}, a.Error
	}
	r := Result[T]{Revision: a.Revision, Token: t.bucket.Token(a.Revision), Existed: a.Existed, Changed: a.Changed}
	if a.Value != nil {
		r.Value = new(T)
		if err := codec.Read(a.Value, r.Value); err != nil {
			return Result[T]{}, fmt.Errorf("answer from %s: %w", t.bucket.name, err)
		}
	}
	return r, nil
}

// lasting tells whether a rule's error is an answer to be kept for those who repeat the request.
func lasting(err error) *api.Error {
	switch api.CodeOf(err) {
	case api.Invalid, api.NotFound, api.Conflict, api.FailedPrecondition, api.PermissionDenied, api.Unauthenticated, api.Fenced, api.Unimplemented:
		return api.AsError(err)
	}
	return nil
}
