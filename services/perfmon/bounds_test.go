package perfmon_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/sketch"
)

// What one source has out of all bounds is its own loss, and nothing of the others that are gathered with it.
func TestOneSourcesNonsenseCostsOthersNothing(t *testing.T) {
	conn, _, _ := run(t, 2, quick)
	sent := uint64(0)
	for seq := range uint64(20) {
		for _, spoil := range []func(*api.DeltaAddRequest){
			func(d *api.DeltaAddRequest) { d.Seq = math.MaxUint64 },
			func(d *api.DeltaAddRequest) { d.Seq = math.MaxInt64 + 1 },
			func(d *api.DeltaAddRequest) { d.Dropped = math.MaxUint64 },
			func(d *api.DeltaAddRequest) { d.Interval = math.MaxInt64 },
			func(d *api.DeltaAddRequest) { d.Interval = 1 },
			func(d *api.DeltaAddRequest) { d.Series[0].Sketch = repeated(math.MaxUint64) },
			func(d *api.DeltaAddRequest) { d.Series[0].Sketch, d.Series[0].Metric = repeated(sketch.MaxCount), "m" },
			func(d *api.DeltaAddRequest) {
				d.Series[0].Sketch, d.Series[0].Metric = repeated(api.MaxSketchCount+1), "m"
			},
		} {
			bad := deltaOf("mad", seq+1, 1)
			bad.Series[0].Metric = "bad"
			spoil(&bad)
			send(t, conn, bad)
		}
		send(t, conn, deltaOf("sane", seq+1, 1))
		sent++
	}
	natstest.Eventually(t, patience, func() bool {
		n, _ := counted(t, conn, fleet)
		return n == sent
	}, "all of the others' samples are there")
	if _, status := counted(t, conn, fleet); status.LostIntervals != 0 {
		t.Errorf("%d intervals are said to be lost", status.LostIntervals)
	}
}

// Numbers that go back, jump, or come from two lives at once lose no samples but those that were sent twice.
func TestNumbersThatMakeNoSense(t *testing.T) {
	conn, _, _ := run(t, 1, quick)
	for _, c := range []struct {
		incarnation string
		seq         uint64
	}{{"a", 1}, {"b", 1}, {"a", 2}, {"b", 2}, {"b", 2}, {"a", 3}, {"b", 1000}, {"b", 3}, {"b", 999}, {"b", 999}, {"c", 1 << 50}, {"c", 1 << 50}, {"a", 4}, {"c", 1<<50 + 1}} {
		d := deltaOf("s", c.seq, 1)
		d.Incarnation = c.incarnation
		must(t, conn, api.DeltasAdd, d)
	}
	natstest.Eventually(t, patience, func() bool { n, _ := counted(t, conn, fleet); return n >= 11 }, "all of them are there")
	if n, _ := counted(t, conn, fleet); n != 11 {
		t.Errorf("%d samples, want 11", n)
	}
}

// Names without number have no place; what has one goes on, and the memory stays within its bounds.
func TestSeriesWithoutNumber(t *testing.T) {
	cfg := quick
	cfg.MaxSeries, cfg.ViewBytes = 2000, 8<<20
	conn, _, _ := run(t, 2, cfg)
	must(t, conn, api.DeltasAdd, deltaOf("sane", 1, 1))
	everywhere(t, conn, 2, 1) // the flood may come to either before its next delta does
	seq := uint64(1)
	for flood := range 40 {
		d := deltaOf(fmt.Sprintf("mad%d", flood), 1)
		d.Series = nil
		for i := range 500 {
			d.Series = append(d.Series, api.DeltaSeries{Series: api.Series{Metric: "junk", Kind: api.SourceCustom, ID: fmt.Sprintf("x%d-%d", flood, i)}, Sketch: encoded(1)})
		}
		send(t, conn, d)
		seq++
		send(t, conn, deltaOf("sane", seq, 1))
	}
	everywhere(t, conn, 2, seq) // who was there first goes on
	held := must(t, conn, api.MetricsStats, api.MetricsStatsRequest{}).Held
	if held.Series > cfg.MaxSeries || held.Bytes > held.MaxBytes {
		t.Errorf("held: %+v", held)
	}
	_, err := call(t, conn, api.MetricsRecord, api.RecordRequest{MetricRecord: api.MetricRecord{Metric: "more", ID: "y", Value: measure(1)}})
	if api.CodeOf(err) != api.Overloaded || api.ReasonOf(err) != api.ReasonTooManySeries {
		t.Errorf("one more: %v", err)
	}
}

// repeated is a sketch of so many samples of 1.
func repeated(n uint64) []byte {
	return append(binary.AppendUvarint([]byte{1}, n), encoded(1)[2:]...)
}
