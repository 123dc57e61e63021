package orderbook

import (
	"fmt"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Snapshot is a book in its canonical form: equal books have equal snapshots, and a book restored from one trades as the first.
type Snapshot struct {
	Last uint64 `json:"last"`
	// Orders are the buys by rising and the sells by falling price, the earliest first at each price.
	Orders []Order `json:"orders"`
}

// Snapshot returns the book's canonical form.
func (b *Book) Snapshot() Snapshot {
	return Snapshot{Last: b.last, Orders: append([]Order{}, b.First(b.Len())...)}
}

// Restore returns the book of a snapshot, or an error when no book can be like it.
func Restore(s Snapshot) (*Book, error) {
	b := New()
	for _, o := range s.Orders {
		if err := o.Check(); err != nil {
			return nil, fmt.Errorf("order %d: %w", o.Number, err)
		}
		if o.Type != api.OrderLimit {
			return nil, fmt.Errorf("order %d is of type %s, which does not rest", o.Number, o.Type)
		}
		if _, ok := b.entries[o.Number]; ok || o.Number > s.Last {
			return nil, fmt.Errorf("order %d is there twice, or above the last number %d", o.Number, s.Last)
		}
		b.insert(o)
		if e := b.entries[o.Number]; e.prev != nil && e.prev.Number > o.Number {
			return nil, fmt.Errorf("order %d is behind a later one", o.Number)
		}
	}
	// The orders of an owner are listed by price above, and stand by age.
	for _, t := range b.traders {
		t.sort()
	}
	b.last = s.Last
	return b, nil
}

// MarshalJSON implements json.Marshaler: the snapshot.
func (b *Book) MarshalJSON() ([]byte, error) { return codec.Marshal(b.Snapshot()) }

// UnmarshalJSON implements json.Unmarshaler.
func (b *Book) UnmarshalJSON(data []byte) error {
	var s Snapshot
	if err := codec.Read(data, &s); err != nil {
		return err
	}
	restored, err := Restore(s)
	if err != nil {
		return err
	}
	*b = *restored
	return nil
}
