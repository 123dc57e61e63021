package coordination

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// shelf keeps the primitives of one noun, under the keys <noun>.<name> of the bucket that all nouns share.
type shelf[T any] struct {
	noun  string
	table *kv.Table[T]
	lanes *lanes[T]
}

// newShelf returns a shelf. queue bounds the changes of one primitive that wait in this replica.
func newShelf[T any](bucket *kv.Bucket, requests *kv.Requests, noun string, queue int) *shelf[T] {
	table := kv.NewTable[T](bucket, "coordination", requests)
	return &shelf[T]{noun: noun, table: table, lanes: newLanes(table, queue)}
}

func (s *shelf[T]) key(name string) string { return s.noun + "." + name }

// change applies a rule of package primitive. The value of its result is shared.
func (s *shelf[T]) change(ctx context.Context, cause api.Cause, name string, rule rule[T]) (kv.Result[T], error) {
	return s.lanes.do(ctx, cause, s.key(name), rule)
}

// remove removes a primitive, if there is one.
func (s *shelf[T]) remove(ctx context.Context, cause api.Cause, name string) (*api.DeregisterResponse, error) {
	res, err := s.change(ctx, cause, name, func(*T) (*T, error) { return nil, nil })
	if err != nil {
		return nil, err
	}
	return &api.DeregisterResponse{Existed: res.Existed, Revision: res.Token}, nil
}

// get reads a primitive from the store's leader, which has every revision that was given out.
func (s *shelf[T]) get(ctx context.Context, name, minRevision string) (kv.Result[T], error) {
	if minRevision != "" {
		if _, err := s.table.Bucket().ParseToken(minRevision); err != nil {
			return kv.Result[T]{}, err
		}
	}
	return s.table.Get(ctx, s.key(name))
}

// stamped returns a copy of a primitive that is stored as it is answered, with its revision.
func stamped[T any](res kv.Result[T], err error, stamp func(*T, string)) (*T, error) {
	if err != nil {
		return nil, err
	}
	v := *res.Value
	stamp(&v, res.Token)
	return &v, nil
}
