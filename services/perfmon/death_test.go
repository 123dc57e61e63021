package perfmon_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Of three replicas one dies with what it has gathered. What the others count is what was sent but for exactly the deltas that they say are
// lost.
func TestWhatDiesWithAReplicaIsCounted(t *testing.T) {
	t.Parallel()
	conn, srv, _ := run(t, 2, quick)
	doomed := start(t, srv.URL(), perfmon.Config{Interval: time.Hour}) // it takes its interval with it
	const sources, deltas = 10, 60
	sent := uint64(0)
	round := func(seq uint64) {
		for s := range sources {
			send(t, conn, deltaOf(fmt.Sprintf("s%d", s), seq, 1))
			sent++
		}
		if err := conn.NC.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	for s := range sources { // the first number of a source is known to be the first
		must(t, conn, api.DeltasAdd, deltaOf(fmt.Sprintf("s%d", s), 1, 1))
		sent++
	}
	for seq := uint64(1); seq < deltas; seq++ {
		if seq == deltas/2 {
			natstest.Eventually(t, patience, func() bool {
				n, _ := counted(t, conn, fleet)
				return n > 0 && n < sent
			}, "each replica has some")
			doomed.conn.NC.Close()
		}
		round(seq + 1)
	}
	var n uint64
	var status api.MetricsStatus
	seq := uint64(deltas)
	natstest.Eventually(t, patience, func() bool {
		seq++
		round(seq) // sources go on
		n, status = counted(t, conn, fleet)
		return status.LostIntervals > 0
	}, "the loss is told of")
	natstest.Eventually(t, patience, func() bool {
		n, status = counted(t, conn, fleet)
		return n+status.LostIntervals == sent
	}, "all is either counted or lost")
	if status.LostIntervals > deltas/2*sources || status.LostSince.IsZero() {
		t.Errorf("%d lost of %d since %s: that is more than one interval of one replica", status.LostIntervals, sent, status.LostSince)
	}
	natstest.Eventually(t, patience, func() bool { // as soon as the replica that is asked has read as far
		lost := uint64(0)
		for _, s := range must(t, conn, api.MetricsSources, api.MetricsSourcesRequest{}).Sources {
			lost += s.Lost
		}
		return lost == status.LostIntervals
	}, "the sources say what the status does, %d", status.LostIntervals)
}

// A replica that ends in good order takes nothing with it.
func TestWhoStopsInGoodOrderLosesNothing(t *testing.T) {
	conn, srv, _ := run(t, 1, quick)
	leaving := start(t, srv.URL(), perfmon.Config{Interval: time.Hour})
	for seq := range uint64(50) {
		send(t, conn, deltaOf("s", seq+1, 1))
	}
	if err := conn.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	leaving.stop()
	natstest.Eventually(t, patience, func() bool { n, _ := counted(t, conn, fleet); return n == 50 }, "all of it is there")
}

func TestAReplicaThatStartsReadsTheLog(t *testing.T) {
	conn, srv, list := run(t, 1, quick)
	for seq := range uint64(5) {
		must(t, conn, api.DeltasAdd, deltaOf("s", seq+1, 1, 2))
	}
	list[0].stop()
	start(t, srv.URL(), quick)
	if n, status := counted(t, conn, fleet); n != 10 || status.LostIntervals != 0 {
		t.Errorf("%d samples, %+v", n, status)
	}
	must(t, conn, api.DeltasAdd, deltaOf("s", 5, 1, 2)) // again, to another replica
	must(t, conn, api.DeltasAdd, deltaOf("s", 6, 1, 2))
	natstest.Eventually(t, patience, func() bool { n, _ := counted(t, conn, fleet); return n == 12 }, "the sixth is there, the fifth once")
}

func TestAMinuteOutlivesTheLog(t *testing.T) {
	conn, srv, list := run(t, 1, quick)
	// The minute after the next begins and ends; nothing but its time is made up.
	from := time.Now().Truncate(time.Minute).Add(2 * time.Minute).UTC()
	for i := range 70 {
		list[0].Apply("other", from.Add(time.Duration(i)*time.Second), &journal.Batch{Head: journal.Head{Number: uint64(i + 1)}, Groups: []journal.Group{
			{Kind: api.SourceAgent, ID: "a", Type: "t", Series: []journal.Item{{Metric: "m", Sketch: encoded(float64(i))}}},
			{Scope: journal.Fleet, Kind: api.SourceAgent, Series: []journal.Item{{Metric: "m", Sketch: encoded(float64(i))}}},
		}})
	}
	for range 2 { // the second finds that it is there
		if err := list[0].KeepMinute(t.Context(), from.Unix()/60); err != nil {
			t.Fatal(err)
		}
	}
	list[0].stop()
	stream, err := conn.JS.Stream(t.Context(), "mabus_perf_minutes")
	if err != nil || stream.CachedInfo().State.Msgs != 1 {
		t.Fatalf("%v %+v", err, stream.CachedInfo().State)
	}
	// What nobody can have written is left out.
	for i, body := range [][]byte{nil, []byte("junk"), {'P', 1, 0, 1, 0, 1, 0, 0, 0}} {
		if _, err := conn.JS.Publish(t.Context(), "mabus.perf_minutes."+strconv.Itoa(i), body); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.JS.Publish(t.Context(), "mabus.perf.junk", body); err != nil {
			t.Fatal(err)
		}
	}
	start(t, srv.URL(), quick)
	for _, sel := range []api.MetricSelector{fleet, {Metric: "m", ID: "a"}} {
		resp := must(t, conn, api.MetricsWindow, api.MetricsWindowRequest{MetricSelector: sel, MetricTime: api.MetricTime{From: from, To: from.Add(10 * time.Minute)}})
		if len(resp.Series) != 1 || resp.Series[0].Count != 60 || resp.Series[0].Max != 59 {
			t.Errorf("%+v: got %+v", sel, resp)
		}
	}
}

// Who has the log taken away begins anew with what there is.
func TestALogThatIsMadeAnew(t *testing.T) {
	t.Parallel()
	conn, _, _ := run(t, 1, quick)
	must(t, conn, api.DeltasAdd, deltaOf("s", 1, 1))
	natstest.Eventually(t, patience, func() bool { n, _ := counted(t, conn, fleet); return n == 1 }, "it is there")
	stream, err := conn.JS.Stream(t.Context(), "mabus_perf")
	if err != nil {
		t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	if err := conn.JS.DeleteStream(t.Context(), "mabus_perf"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.JS.CreateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		_, err := call(t, conn, api.DeltasAdd, deltaOf("s2", 1, 1, 1))
		return err == nil
	}, "it takes deltas")
	natstest.Eventually(t, patience, func() bool {
		resp, err := call(t, conn, api.MetricsWindow, api.MetricsWindowRequest{MetricSelector: fleet})
		return err == nil && len(resp.Series) == 1 && resp.Series[0].Count == 2 // while it reads anew, it does not answer
	}, "what is in the new log is all that counts")
}
