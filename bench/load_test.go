package bench

import (
	"context"
	"sync/atomic"
	"testing"
)

// However late a caller comes to run, it does something: a turn of nothing has no figures.
func TestEveryCallerHasItsTurn(t *testing.T) {
	var done atomic.Int64
	l, err := closed(t.Context(), 3, 0, func(context.Context, int) error { done.Add(1); return nil })
	if err != nil || l.ops != 3 || done.Load() != 3 {
		t.Errorf("%d of 3 callers in a turn that is over when they begin: %d, %v", done.Load(), l.ops, err)
	}
	if l, err = tight(t.Context(), 3, 0, func(context.Context) error { return nil }); err != nil || l.ops < 3 {
		t.Errorf("%d operations of 3 callers, %v", l.ops, err)
	}
}
