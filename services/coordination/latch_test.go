package coordination_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestLatch(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, coordination.Config{})
	long := api.Duration(patience)
	refused(t, c, api.LatchesWait, api.LatchWaitRequest{Name: "l"}, api.NotFound, api.ReasonLatchNotFound)
	refused(t, c, api.LatchesWait, api.LatchWaitRequest{Name: "l", Wait: long}, api.NotFound, api.ReasonLatchNotFound)
	refused(t, c, api.LatchesCountDown, api.LatchCountDownRequest{Name: "l"}, api.NotFound, api.ReasonLatchNotFound)
	must(t, c, api.LatchesCreate, api.LatchCreateRequest{Name: "l", Count: 5})
	refused(t, c, api.LatchesCreate, api.LatchCreateRequest{Name: "l", Count: 4}, api.Conflict, api.ReasonAlreadyRegistered)
	var waits []<-chan answer[api.Latch]
	for range 20 {
		waits = append(waits, later(t, c, "", api.LatchesWait, api.LatchWaitRequest{Name: "l", Wait: long}))
	}
	refused(t, c, api.LatchesWait, api.LatchWaitRequest{Name: "l", Wait: api.Duration(20 * time.Millisecond)}, api.DeadlineExceeded, api.ReasonTimeout)
	if got := must(t, c, api.LatchesCountDown, api.LatchCountDownRequest{Name: "l", By: 3}); got.Count != 2 {
		t.Errorf("got %+v", got)
	}
	if got := must(t, c, api.LatchesCreate, api.LatchCreateRequest{Name: "l", Count: 5}); got.Count != 2 {
		t.Errorf("made again: %+v", got)
	}
	if got := must(t, c, api.LatchesWait, api.LatchWaitRequest{Name: "l"}); got.Count != 2 {
		t.Errorf("asked without waiting: %+v", got)
	}
	for _, w := range waits {
		silent(t, w)
	}
	if got, err := callID(t, c, "r1", api.LatchesCountDown, api.LatchCountDownRequest{Name: "l"}); err != nil || got.Count != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := callID(t, c, "r1", api.LatchesCountDown, api.LatchCountDownRequest{Name: "l"}); err != nil || got.Count != 1 {
		t.Errorf("repeated: %+v, %v", got, err)
	}
	if got := must(t, c, api.LatchesCountDown, api.LatchCountDownRequest{Name: "l", By: 9}); got.Count != 0 {
		t.Errorf("got %+v", got)
	}
	for _, w := range waits {
		if got, err := heard(t, w); err != nil || got.Count != 0 || got.Name != "l" || got.Revision == "" {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	must(t, c, api.LatchesWait, api.LatchWaitRequest{Name: "l", Wait: long})
}

func TestLatchIsRemoved(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, coordination.Config{})
	for n := range 10 {
		name := fmt.Sprintf("l%d", n)
		must(t, c, api.LatchesCreate, api.LatchCreateRequest{Name: name, Count: 1})
		w := later(t, c, "", api.LatchesWait, api.LatchWaitRequest{Name: name, Wait: api.Duration(patience)})
		refused(t, c, api.LatchesWait, api.LatchWaitRequest{Name: name, Wait: api.Duration(10 * time.Millisecond)}, api.DeadlineExceeded, api.ReasonTimeout)
		silent(t, w)
		if got := must(t, c, api.LatchesRemove, api.DeregisterRequest{ID: name}); !got.Existed {
			t.Errorf("got %+v", got)
		}
		_, err := heard(t, w)
		wantError(t, err, api.NotFound, api.ReasonLatchNotFound)
	}
}

// Those who wait hear of the end though the store was away meanwhile.
func TestLatchWaitOutlastsARestart(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	replica(t, srv.URL(), coordination.Config{})
	c := dial(t, srv.URL(), "tester")
	must(t, c, api.LatchesCreate, api.LatchCreateRequest{Name: "l", Count: 1})
	w := untilAnswered(t, c, "", api.LatchesWait, api.LatchWaitRequest{Name: "l", Wait: api.Duration(patience)})
	srv.Restart(t)
	if err := insist(t, c, "r1", api.LatchesCountDown, api.LatchCountDownRequest{Name: "l"}); err != nil {
		t.Fatal(err)
	}
	if got, err := heard(t, w); err != nil || got.Count != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}
