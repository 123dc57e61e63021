package await_test

import (
	"context"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
)

func TestSeats(t *testing.T) {
	s := await.Seats{Most: 2}
	one, err := s.Take()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Take(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Take(); api.ReasonOf(err) != api.ReasonServerFull {
		t.Errorf("the third gets %v", err)
	}
	one()
	if _, err := s.Take(); err != nil {
		t.Errorf("one is free: %v", err)
	}
}

func rung[T any](b *await.Bell[T]) bool {
	select {
	case <-b.Rung:
		return true
	default:
		return false
	}
}

func TestBells(t *testing.T) {
	var bells await.Bells[int]
	bells.Ring("a", 1) // nobody listens
	a, forgetA := bells.Listen("a")
	again, forgetAgain := bells.Listen("a")
	b, forgetB := bells.Listen("b")
	forgetAgain() // one of two
	bells.Ring("a", 2)
	if !rung(a) || !rung(again) || a.News != 2 || rung(b) {
		t.Errorf("%v, %d, %v", rung(a), a.News, rung(b))
	}
	next, forgetNext := bells.Listen("a")
	forgetA() // the old one: it does not take the new one away
	bells.Ring("a", 3)
	if !rung(next) || next.News != 3 || a.News != 2 {
		t.Errorf("%v, %d, %d", rung(next), next.News, a.News)
	}
	last, forgetLast := bells.Listen("a")
	bells.RingAll()
	if !rung(last) || !rung(b) || b.News != 0 {
		t.Error("not all have rung")
	}
	for _, forget := range []func(){forgetNext, forgetB, forgetLast} {
		forget()
	}
	gone, forget := bells.Listen("a")
	forget()
	bells.Ring("a", 4)
	if rung(gone) {
		t.Error("a bell that is forgotten rings")
	}
}

func TestAWaitEndsBeforeItsRequest(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for wait, want := range map[time.Duration]time.Duration{0: time.Hour - 250*time.Millisecond, time.Minute: time.Minute, 2 * time.Hour: time.Hour - 250*time.Millisecond} {
		if got := await.Patience(ctx, wait); got > want || got < want-10*time.Second {
			t.Errorf("%s: %s, want %s", wait, got, want)
		}
	}
	if got := await.Patience(t.Context(), 2*api.DefaultTimeout.Std()); got >= api.DefaultTimeout.Std() {
		t.Errorf("a request without a deadline waits for %s", got)
	}
	over, done := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer done()
	limit, end := await.Limit(over, time.Minute)
	defer end()
	if limit.Err() == nil {
		t.Error("a request that is out of time waits")
	}
}
