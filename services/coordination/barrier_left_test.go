package coordination_test

import (
	"fmt"
	"testing"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A member that is taken back while others open the barrier goes with them or has left, and never both: a barrier of two lets two through.
func TestWhoLeftABarrierIsNotLetThrough(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, coordination.Config{})
	for n := range 60 {
		name := fmt.Sprint("b", n)
		arrive := func(member string) <-chan answer[api.Barrier] {
			return later(t, c, "", api.BarriersArrive, api.BarrierArriveRequest{Name: name, Parties: 2, Member: member})
		}
		all := map[string]<-chan answer[api.Barrier]{"a": arrive("a")}
		for {
			b, err := look(t, c, api.BarriersGet, name)
			if err == nil && len(b.Arrived) == 1 {
				break
			}
		}
		left := later(t, c, "", api.BarriersLeave, api.BarrierLeaveRequest{Name: name, Member: "a"})
		all["b"], all["c"] = arrive("b"), arrive("c")
		if _, err := heard(t, left); err != nil {
			t.Fatal(err)
		}
		through := 0
		for len(all) > 0 {
			b := must(t, c, api.BarriersGet, api.GetRequest{ID: name})
			for _, member := range b.Arrived { // one whom nobody comes for any more
				if b.Generation > 0 {
					must(t, c, api.BarriersLeave, api.BarrierLeaveRequest{Name: name, Member: member})
				}
			}
			for member, ch := range all {
				select {
				case got := <-ch:
					delete(all, member)
					if got.err == nil {
						through++
					} else if api.CodeOf(got.err) != api.Cancelled {
						t.Fatal(got.err)
					}
				default:
				}
			}
		}
		if through != 2 {
			t.Fatalf("round %d: %d went through a barrier of 2", n, through)
		}
	}
}

// One that has left and comes again by the same request, since its replica has stopped, is not let through with those who came after.
func TestWhoLeftABarrierComesAgain(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	_, stop := replica(t, srv.URL(), coordination.Config{})
	c := dial(t, srv.URL(), "tester")
	first := later(t, c, "r1", api.BarriersArrive, arrival("a", 2))
	arrived(t, c, 1)
	stop()
	_, err := heard(t, first)
	wantError(t, err, api.Unavailable, api.ReasonDraining)
	replica(t, srv.URL(), coordination.Config{})
	must(t, c, api.BarriersLeave, api.BarrierLeaveRequest{Name: "b", Member: "a"})
	other := later(t, c, "", api.BarriersArrive, arrival("b", 2))
	arrived(t, c, 1)
	must(t, c, api.BarriersArrive, arrival("c", 2))
	if got, err := heard(t, other); err != nil || got.Generation != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	for range 2 {
		_, err = callID(t, c, "r1", api.BarriersArrive, arrival("a", 2))
		wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout)
	}
	if got := must(t, c, api.BarriersArrive, api.BarrierArriveRequest{Name: "b", Parties: 1, Member: "a"}); got.Generation != 2 {
		t.Errorf("by a request of its own: %+v", got)
	}
}
