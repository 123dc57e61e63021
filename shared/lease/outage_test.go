package lease_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
)

// slow is not much faster than the real timing, and leaves room for a loaded machine.
var slow = lease.Timing{Renew: 500 * time.Millisecond, Hold: 3 * time.Second, Challenge: 3750 * time.Millisecond}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// An outage shorter than Hold suspends no lease, however many there are, and however often it happens.
func TestLeasesSurviveAnOutage(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := open(t, srv.Connect(t), slow)
	w, d := watch(t, open(t, srv.Connect(t), slow))
	var leases []*lease.Lease
	var terms []context.Context
	for i := range 50 {
		l := acquire(t, s, fmt.Sprint("l", i))
		leases, terms = append(leases, l), append(terms, l.Context())
	}
	for range 2 {
		srv.Stop()
		over(t, slow.Hold/4)
		srv.Restart(t)
		over(t, slow.Challenge/2)
	}
	over(t, slow.Challenge)
	ctx := within(t, time.Minute)
	for i, l := range leases {
		natstest.Eventually(t, 10*time.Second, func() bool { return l.RenewNow(ctx) == nil }, "%s is renewed", l.ID()) // one try may be out of time
		if !l.Held() || terms[i].Err() != nil {
			t.Errorf("%s: %v", l.ID(), l.Err())
		}
		if w.State(l.ID()) != lease.Live {
			t.Errorf("%s: state %v", l.ID(), w.State(l.ID()))
		}
	}
	if d.all() != 0 {
		t.Errorf("%d were declared dead", d.all())
	}
}

// NATS is away for longer than the challenge takes: the holders stop by themselves, and then go on with the leases that
// they had.
func TestHoldersGoOnAfterALongOutage(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := open(t, srv.Connect(t), slow)
	w, d := watch(t, open(t, srv.Connect(t), slow))
	var leases []*lease.Lease
	for i := range 20 {
		leases = append(leases, acquire(t, s, fmt.Sprint("l", i)))
	}
	asked, last := leases[0], leases[len(leases)-1]
	var start time.Time
	natstest.Eventually(t, 20*time.Second, func() bool {
		start = time.Now()
		return last.RenewNow(within(t, time.Minute)) == nil
	}, "the last is renewed")
	srv.Stop()
	stopped := time.Now() // after which no renewal was sent that came
	terms := make([]context.Context, len(leases))
	for i, l := range leases {
		terms[i] = l.Context()
	}
	over(t, slow.Hold-time.Since(stopped))
	if asked.Held() {
		t.Errorf("held for longer than %s without a renewal", slow.Hold)
	}
	for i, l := range leases { // of the others none is asked before it says so
		select {
		case <-terms[i].Done():
		case <-time.After(5 * slow.Hold):
			t.Fatal("a holder goes on without renewals")
		}
		if api.ReasonOf(context.Cause(terms[i])) != api.ReasonLeaseLost || api.ReasonOf(l.Err()) != api.ReasonLeaseLost {
			t.Errorf("got %v and %v", context.Cause(terms[i]), l.Err())
		}
		if l.Held() || !isClosed(l.Done()) || isClosed(l.Lost()) {
			t.Errorf("%s: held %v, done %v, lost %v", l.ID(), l.Held(), isClosed(l.Done()), isClosed(l.Lost()))
		}
	}
	if took := time.Since(start); took < slow.Hold {
		t.Errorf("the last stopped %s after its renewal, before the %s that it holds", took, slow.Hold)
	}
	if err := asked.RenewNow(within(t, slow.Renew)); err == nil || api.CodeOf(err) == api.Fenced {
		t.Errorf("a renewal whose fate is not known: got %v", err)
	}
	over(t, 2*slow.Challenge-time.Since(stopped))
	srv.Restart(t)
	for i, l := range leases {
		natstest.Eventually(t, 30*time.Second, l.Held, "%s is held again", l.ID())
		if l.Err() != nil || l.Context().Err() != nil || l.Context() == terms[i] || isClosed(l.Lost()) {
			t.Errorf("%s is held again: %v, %v", l.ID(), l.Err(), l.Context().Err())
		}
	}
	over(t, 2*slow.Challenge)
	for _, l := range leases {
		if isClosed(l.Lost()) || w.State(l.ID()) != lease.Live {
			t.Errorf("%s: %v, state %v", l.ID(), l.Err(), w.State(l.ID()))
		}
	}
	if d.all() != 0 {
		t.Errorf("%d were declared dead", d.all())
	}
}

// A holder that alone is cut off is suspended before it is declared dead, and hears of it when it is back.
func TestHolderThatIsCutOffIsLost(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	w, _ := watch(t, open(t, srv.Connect(t), slow))
	nc, gate := connectThroughGate(t, srv.URL())
	l := acquire(t, open(t, nc, slow), "a")
	ctx := within(t, time.Minute)
	natstest.Eventually(t, 20*time.Second, func() bool { return l.RenewNow(ctx) == nil }, "it is renewed")
	term := l.Context()
	gate.cut()
	if err := w.Wait(ctx, "a", lease.Dead); err != nil {
		t.Fatal(err)
	}
	if l.Held() || term.Err() == nil || isClosed(l.Lost()) {
		t.Errorf("dead: held %v, term %v, lost %v", l.Held(), term.Err(), isClosed(l.Lost()))
	}
	gate.mend()
	select {
	case <-l.Lost():
	case <-ctx.Done():
		t.Fatal("the holder does not hear that its lease is lost")
	}
	if l.Held() || l.Err().Error() == context.Cause(term).Error() || api.CodeOf(l.Err()) != api.Fenced || api.ReasonOf(l.RenewNow(ctx)) != api.ReasonLeaseLost {
		t.Errorf("lost: held %v, %v", l.Held(), l.Err())
	}
}

func TestAbandonedLeaseRunsOut(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	w, _ := watch(t, open(t, srv.Connect(t), fast))
	l := acquire(t, open(t, srv.Connect(t), fast), "a")
	why := api.Errorf(api.Fenced, "others have it").WithReason(api.ReasonLeaseLost)
	l.Abandon(why)
	if l.Held() || !isClosed(l.Lost()) || api.AsError(l.Err()) != why {
		t.Errorf("held %v, %v", l.Held(), l.Err())
	}
	if err := w.Wait(within(t, 20*time.Second), "a", lease.Dead); err != nil {
		t.Fatal(err)
	}
}

// After an outage longer than Challenge nobody is declared dead before a whole Challenge of unbroken view.
func TestAnOutageDoesNotCountAsSilence(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := open(t, srv.Connect(t), slow)
	w, d := watch(t, open(t, srv.Connect(t), slow))
	ctx := within(t, time.Minute)
	token, err := s.AcquireOnce(ctx, "a", "")
	if err != nil {
		t.Fatal(err)
	}
	srv.Stop()
	over(t, 2*slow.Challenge)
	srv.Restart(t)
	back := time.Now()
	for time.Since(back) < 2*slow.Challenge {
		if token, err = s.Renew(ctx, "a", token); err != nil {
			t.Fatalf("%s after the outage: %v", time.Since(back), err)
		}
		over(t, slow.Renew)
	}
	if d.all() != 0 || w.State("a") != lease.Live {
		t.Fatal("declared dead")
	}
}
