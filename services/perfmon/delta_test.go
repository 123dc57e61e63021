package perfmon_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/sketch"
)

func encoded(values ...float64) []byte {
	s := sketch.New()
	for _, v := range values {
		if err := s.Add(v, 1); err != nil {
			panic(err)
		}
	}
	return s.AppendBinary(nil)
}

// deltaOf is a delta of one series, "m" of the agent that has the name of the source.
func deltaOf(source string, seq uint64, values ...float64) api.DeltaAddRequest {
	return api.DeltaAddRequest{Source: source, Incarnation: "i", Seq: seq, Interval: api.Duration(time.Second), Series: []api.DeltaSeries{
		{Series: api.Series{Metric: "m", Kind: api.SourceAgent, ID: source, Type: "t", Host: "h"}, Sketch: encoded(values...)},
	}}
}

// send sends a delta as sources do, without waiting.
func send(t testing.TB, c *rpc.Conn, d api.DeltaAddRequest) {
	t.Helper()
	body, err := codec.Marshal(&d)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Tell(api.DeltasAdd.Subject(c.Namespace), body); err != nil {
		t.Fatal(err)
	}
}

var fleet = api.MetricSelector{Scope: api.MetricsOfFleet, Metric: "m"}

// counted returns how many samples a selector has within an hour, as one replica sees it.
func counted(t testing.TB, c *rpc.Conn, sel api.MetricSelector) (uint64, api.MetricsStatus) {
	t.Helper()
	resp := must(t, c, api.MetricsWindow, api.MetricsWindowRequest{MetricSelector: sel, MetricTime: api.MetricTime{Last: api.Duration(time.Hour)}, Limit: api.MaxPage})
	n := uint64(0)
	for i := range resp.Series {
		n += resp.Series[i].Count
	}
	return n, resp.Status
}

// everywhere waits until each of so many replicas counts n samples of the fleet.
func everywhere(t testing.TB, c *rpc.Conn, replicas int, n uint64) {
	t.Helper()
	everywhereOf(t, c, fleet, replicas, n)
}

// everywhereOf waits until each of so many replicas counts n samples of a selector: whoever asks next is answered by any of them.
func everywhereOf(t testing.TB, c *rpc.Conn, sel api.MetricSelector, replicas int, n uint64) {
	t.Helper()
	whole := map[string]bool{}
	natstest.Eventually(t, patience, func() bool {
		got, status := counted(t, c, sel)
		whole[status.Replica] = got == n
		there := 0
		for _, is := range whole {
			if is {
				there++
			}
		}
		return there == replicas
	}, "each replica counts %d", n)
}

func TestDeltasOfAllReplicasAreOneFleet(t *testing.T) {
	conn, _, _ := run(t, 3, quick)
	const sources, deltas = 20, 10
	for seq := range uint64(deltas) {
		for s := range sources {
			send(t, conn, deltaOf(fmt.Sprintf("s%d", s), seq+1, float64(s+1), float64(s+1)))
		}
	}
	// Each replica answers the same; the queue group asks all of them.
	everywhere(t, conn, 3, 2*sources*deltas)
	n, status := counted(t, conn, api.MetricSelector{Metric: "m"})
	if n != 2*sources*deltas || status.LostIntervals != 0 {
		t.Errorf("the sources have %d samples, %+v", n, status)
	}
	p := must(t, conn, api.MetricsPercentiles, api.MetricsPercentilesRequest{MetricSelector: fleet, Quantiles: []api.Measure{0, 0.5, 1}})
	if len(p.Values) != 3 || p.Values[0].Value != 1 || p.Values[2].Value != sources || p.Values[1].Value < 9.9 || p.Values[1].Value > 11.1 {
		t.Errorf("got %+v", p.Values)
	}
	top := must(t, conn, api.MetricsTop, api.MetricsTopRequest{MetricSelector: api.MetricSelector{Metric: "m"}, Limit: 3})
	if len(top.Series) != 3 || top.Of != sources || top.Series[0].ID != "s19" || top.Series[2].ID != "s17" {
		t.Errorf("got %+v", top)
	}
	list := must(t, conn, api.MetricsSources, api.MetricsSourcesRequest{})
	if len(list.Sources) != sources || list.Sources[0].Received != deltas || list.Sources[0].Lost != 0 || list.Sources[0].Seq != deltas {
		t.Errorf("got %+v", list.Sources[0])
	}
}

func TestARepeatedDeltaCountsOnce(t *testing.T) {
	conn, _, _ := run(t, 1, quick)
	for range 3 {
		must(t, conn, api.DeltasAdd, deltaOf("s", 1, 1))
	}
	must(t, conn, api.DeltasAdd, deltaOf("s", 2, 1))
	natstest.Eventually(t, patience, func() bool { n, _ := counted(t, conn, fleet); return n >= 2 }, "both are there")
	if n, _ := counted(t, conn, fleet); n != 2 {
		t.Errorf("%d samples, want 2", n)
	}
}

func TestABadDeltaChangesNothing(t *testing.T) {
	conn, srv, _ := run(t, 1, quick)
	bad := deltaOf("s", 1, 1)
	bad.Series = append(bad.Series, api.DeltaSeries{Series: api.Series{Metric: "m", Kind: api.SourceAgent, ID: "b"}, Sketch: []byte{7}})
	refused(t, conn, api.DeltasAdd, bad, api.Invalid, api.ReasonInvalidSketch)
	bad.Seq = 0
	refused(t, conn, api.DeltasAdd, bad, api.Invalid, "")
	nc := srv.Connect(t)
	for _, body := range []string{`{"source":"s","incarnation":"i","seq":1,"interval":"1s","series":[{"metric":"m"}]}`, `[]`, `{"source":7}`, `{`} {
		msg, err := nc.Request("mabus.perfmon.deltas.add", []byte(body), patience)
		if err != nil {
			t.Fatal(err)
		}
		var e api.Error
		if err := codec.Read(msg.Data, &e); err != nil || e.Code != api.Invalid {
			t.Errorf("%s: %s", body, msg.Data)
		}
	}
	must(t, conn, api.DeltasAdd, deltaOf("s", 1, 1))
	natstest.Eventually(t, patience, func() bool { n, _ := counted(t, conn, fleet); return n == 1 }, "the good one is there")
}

// A batch that is longer than a message is in several, which count together; and so is a minute.
func TestLongBatchesAreInParts(t *testing.T) {
	srv := natstest.StartWith(t, natsd.Config{MaxPayload: 64 << 10})
	first := start(t, srv.URL(), quick)
	conn := dial(t, srv.URL(), "tester")
	const requests, each = 8, 400
	for i := range requests {
		var r api.RecordRequest
		for k := range each {
			r.Records = append(r.Records, api.MetricRecord{Metric: "m", Kind: api.SourceAgent, ID: fmt.Sprintf("agent-with-a-long-name-%d-%d", i, k), Value: measure(float64(k))})
		}
		body, err := codec.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Tell(api.MetricsRecord.Subject(conn.Namespace), body); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Eventually(t, patience, func() bool { n, _ := counted(t, conn, fleet); return n == requests*each }, "all of it is there")
	first.stop()
	start(t, srv.URL(), quick)
	if n, _ := counted(t, conn, fleet); n != requests*each {
		t.Errorf("who starts then has %d", n)
	}
}

func TestStrictWantsAPrincipal(t *testing.T) {
	cfg := quick
	cfg.Strict = true
	conn, srv, _ := run(t, 1, cfg)
	refused(t, dial(t, srv.URL(), ""), api.DeltasAdd, deltaOf("s", 1, 1), api.Unauthenticated, api.ReasonPrincipalMissing)
	must(t, conn, api.DeltasAdd, deltaOf("s", 1, 1))
	v := api.Measure(1)
	must(t, conn, api.MetricsRecord, api.RecordRequest{MetricRecord: api.MetricRecord{Metric: "m", ID: "a", Value: &v}})
}

func TestWhatIsAskedForHasToBeKnown(t *testing.T) {
	conn, _, _ := run(t, 1, quick)
	nobody := api.MetricSelector{Metric: "m", ID: "nobody"}
	refused(t, conn, api.MetricsPercentiles, api.MetricsPercentilesRequest{MetricSelector: nobody, Quantiles: []api.Measure{1}}, api.NotFound, api.ReasonSeriesNotFound)
	refused(t, conn, api.MetricsHistory, api.MetricsHistoryRequest{MetricSelector: nobody}, api.NotFound, api.ReasonSeriesNotFound)
	refused(t, conn, api.MetricsHistory, api.MetricsHistoryRequest{MetricSelector: api.MetricSelector{ID: "x"}}, api.Invalid, api.ReasonMissingFields)
	refused(t, conn, api.MetricsExport, api.MetricsExportRequest{Format: "xml"}, api.Invalid, api.ReasonUnsupportedFormat)
	if got := must(t, conn, api.MetricsCurrent, api.MetricsCurrentRequest{}); len(got.Series) != 0 || got.Status.AsOf.IsZero() {
		t.Errorf("of nothing: %+v", got)
	}
}

func TestTheSDK(t *testing.T) {
	conn, _, _ := run(t, 2, quick)
	c := client.New(conn)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	one, two := api.Measure(1), api.Measure(3)
	if err := c.Metrics.Record(ctx, api.MetricRecord{Metric: "latency_seconds", ID: "shop", Value: &one}, api.MetricRecord{Metric: "latency_seconds", ID: "mill", Value: &two, Count: 2}); err != nil {
		t.Fatal(err)
	}
	if err := c.Metrics.Send(api.MetricRecord{Metric: "errors", ID: "shop", Value: &one}); err != nil {
		t.Fatal(err)
	}
	if err := c.Metrics.Send(api.MetricRecord{Metric: "errors", ID: "shop"}); api.ReasonOf(err) != api.ReasonMissingFields {
		t.Errorf("got %v", err)
	}
	all := api.MetricSelector{Kind: api.SourceCustom}
	everywhereOf(t, conn, all, 2, 4)
	n := 0
	for m, err := range c.Metrics.Each(ctx, api.MetricsWindowRequest{MetricSelector: all, Limit: 1}) {
		if err != nil || m.Count == 0 {
			t.Fatal(m, err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d series, want 3", n)
	}
	side := func(id string) api.MetricSide {
		return api.MetricSide{MetricSelector: api.MetricSelector{Kind: api.SourceCustom, Metric: "latency_seconds", ID: id}}
	}
	cmp, err := c.Metrics.Compare(ctx, side("shop"), side("mill"))
	if err != nil || cmp.A.Mean != 1 || cmp.B.Mean != 3 || *cmp.A.ErrorShare != 1 {
		t.Errorf("%+v %v", cmp, err)
	}
	h, err := c.Metrics.History(ctx, api.MetricsHistoryRequest{MetricSelector: side("mill").MetricSelector})
	if err != nil || len(h.Points) != 1 || h.Points[0].Count != 2 {
		t.Errorf("%+v %v", h, err)
	}
	x, err := c.Metrics.Export(ctx, api.MetricsExportRequest{MetricSelector: all, Format: api.ExportCSV})
	if err != nil || x.Series != 3 || x.Format != api.ExportCSV {
		t.Errorf("%+v %v", x, err)
	}
	s, err := c.Metrics.Stats(ctx, api.MetricsStatsRequest{Kind: api.SourceCustom, MetricTime: api.MetricTime{Last: api.Duration(time.Minute)}})
	if err != nil || s.Sources != 2 || s.Held.SourceSeries != 3 {
		t.Errorf("%+v %v", s, err)
	}
}

// What a replica that stops refuses is not counted: it is sent to another.
func TestWhatIsRefusedIsNotCounted(t *testing.T) {
	t.Parallel()
	conn, _, list := run(t, 1, quick)
	list[0].Closing()
	refused(t, conn, api.DeltasAdd, deltaOf("a", 1, 1), api.Unavailable, api.ReasonDraining)
	v := api.Measure(1)
	refused(t, conn, api.MetricsRecord, api.RecordRequest{MetricRecord: api.MetricRecord{Metric: "m", ID: "a", Value: &v}}, api.Unavailable, api.ReasonDraining)
	send(t, conn, deltaOf("b", 1, 1)) // nobody waits for this one
	natstest.Eventually(t, patience, func() bool { n, _ := counted(t, conn, fleet); return n > 0 }, "what came last is there")
	if n, _ := counted(t, conn, fleet); n != 1 {
		t.Errorf("%d samples, want 1", n)
	}
}
