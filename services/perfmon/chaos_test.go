package perfmon_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// While sources send on, replicas die one after the other at whatever they are doing, others begin, and the server starts anew. In the end
// what is counted is what was sent but for exactly the deltas that are said to be lost, at every replica that is left.
func TestCountsAreWhatWasSentButForWhatIsSaidToBeLost(t *testing.T) {
	t.Parallel()
	cfg := perfmon.Config{Interval: 50 * time.Millisecond}
	conn, srv, list := run(t, 3, cfg)
	const sources = 20
	seq := uint64(0)
	round := func() {
		seq++
		for s := range sources {
			body, err := codec.Marshal(new(deltaOf(fmt.Sprintf("s%d", s), seq, 1)))
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Tell(api.DeltasAdd.Subject("mabus"), body) // a source that cannot send has used the number all the same
		}
		_ = conn.NC.FlushTimeout(patience)
	}
	for s := range sources { // the first number of a source is known to be the first
		must(t, conn, api.DeltasAdd, deltaOf(fmt.Sprintf("s%d", s), 1, 1))
	}
	seq = 1
	window := func() (*api.MetricsListResponse, error) {
		return call(t, conn, api.MetricsWindow, api.MetricsWindowRequest{MetricSelector: fleet, MetricTime: api.MetricTime{Last: api.Duration(time.Hour)}})
	}
	for turn := range 6 {
		for range 40 {
			round()
		}
		switch turn {
		case 1, 3: // in the middle of an interval
			list[0].conn.NC.Close()
			list = list[1:]
		case 2:
			list = append(list, start(t, srv.URL(), cfg))
		case 4:
			srv.Restart(t)
			back := map[string]bool{}
			natstest.Eventually(t, patience, func() bool { // what is sent while nobody listens is all lost
				resp, err := window()
				if err == nil {
					back[resp.Status.Replica] = true
				}
				return len(back) == len(list)
			}, "all replicas are back")
		}
	}
	var n uint64
	var status api.MetricsStatus
	natstest.Eventually(t, patience, func() bool {
		round()
		resp, err := window()
		return err == nil && len(resp.Series) == 1
	}, "somebody answers")
	round() // which is heard: only what comes behind it says that something was lost
	sent := seq * sources
	for range list {
		natstest.Eventually(t, patience, func() bool {
			n, status = counted(t, conn, fleet)
			return n+status.LostIntervals == sent
		}, "all is either counted or lost")
		if n, status = counted(t, conn, fleet); status.LostIntervals > sent/2 {
			t.Errorf("%d of %d are lost", status.LostIntervals, sent)
		}
		if len(list) > 1 {
			list[0].stop()
			list = list[1:]
		}
	}
	t.Logf("%d sent, %d counted, %d lost", sent, n, status.LostIntervals)
}
