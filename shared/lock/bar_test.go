package lock_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/lock"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A request that comes after its ticket was given back for good takes nothing: neither when the ticket was there, nor when it
// never had been.
func TestALateRequestIsRefused(t *testing.T) {
	srv := natstest.Start(t)
	a, b := open(t, srv.Connect(t), 1, lease.Timing{}), open(t, srv.Connect(t), 1, lease.Timing{})
	a.acquire(t, lock.Request{Name: "m", Ticket: "t1", Wait: time.Second})
	for range 2 { // repeated, it is no error
		if err := b.Bar(t.Context(), "m", "t1", ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Bar(t.Context(), "m", "never", ""); err != nil {
		t.Fatal(err)
	}
	for _, ticket := range []string{"t1", "never"} {
		for _, wait := range []time.Duration{0, time.Second} {
			_, err := a.try(t.Context(), lock.Request{Name: "m", Ticket: ticket, Wait: wait})
			wantError(t, err, api.Fenced, api.ReasonLockLost)
		}
	}
	b.acquire(t, lock.Request{Name: "m", Ticket: "t2"})
}

// Of the tickets that were given back for good the newest are remembered.
func TestWhatIsBarredIsBounded(t *testing.T) {
	s := start(t)
	for i := range api.MaxLockGone + 5 {
		if err := s.Bar(t.Context(), "m", fmt.Sprint("t", i), ""); err != nil {
			t.Fatal(err)
		}
	}
	s.acquire(t, lock.Request{Name: "m", Ticket: "held"})
	l, err := s.Get(t.Context(), "m")
	if err != nil || len(l.Gone) != api.MaxLockGone || l.Gone[0] != "t5" {
		t.Errorf("%+v, %v", l, err)
	}
}
