package meter_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/meter"
	"github.com/mabus-project/mabus/shared/natstest"
)

// The process is measured: while it works it keeps some processor busy, what it holds is resident, and its goroutines are counted.
func TestProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux is asked what a process uses")
	}
	mon := newMonitor(t)
	m := mon.meter(nil)
	defer m.Process("p1")()
	held := make([]byte, 16<<20)
	for i := range held {
		held[i] = byte(i)
	}
	var before, now meter.Usage
	before.Read()
	natstest.Eventually(t, 10*time.Second, func() bool {
		for i := range 1 << 16 {
			held[i] += held[i*7]
		}
		now.Read()
		return now.CPU-before.CPU > 20*time.Millisecond
	}, "the process uses a processor")
	m.Collect()
	runtime.KeepAlive(held)
	got := func(metric string) float64 {
		s := mon.series[api.Series{Metric: metric, Kind: api.SourceService, ID: "p1", Type: api.TypeProcess}]
		if s == nil || s.Count() != 1 {
			t.Fatalf("%s was not measured once", metric)
		}
		return s.Max()
	}
	if cores := got(api.MetricCPU); cores <= 0 || cores > float64(runtime.NumCPU())+1 {
		t.Errorf("%v cores", cores)
	}
	if memory := got(api.MetricMemory); memory < 16<<20 || memory > 64<<30 {
		t.Errorf("%v bytes", memory)
	}
	if n := got(api.MetricGoroutines); n < 2 || n > 10_000 {
		t.Errorf("%v goroutines", n)
	}
}

func TestCores(t *testing.T) {
	at := time.Now()
	was := meter.Usage{At: at, CPU: time.Second}
	for _, row := range []struct {
		now   meter.Usage
		cores float64
		ok    bool
	}{
		{meter.Usage{At: at.Add(2 * time.Second), CPU: 4 * time.Second}, 1.5, true},
		{meter.Usage{At: at.Add(2 * time.Second), CPU: time.Second}, 0, true},
		{meter.Usage{At: at, CPU: 4 * time.Second}, 0, false},
		{meter.Usage{At: at.Add(time.Second)}, 0, false},
	} {
		if cores, ok := row.now.Cores(was); cores != row.cores || ok != row.ok {
			t.Errorf("%+v: %v, %v", row.now, cores, ok)
		}
	}
}
