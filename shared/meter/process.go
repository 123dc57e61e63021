package meter

import (
	"runtime"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Process measures this process once an interval, as a service of type api.TypeProcess under the given id: the processors that it keeps
// busy, its resident memory, and its goroutines. What the system does not tell is not measured.
func (m *Meter) Process(id string) (remove func()) {
	if m == nil {
		return func() {}
	}
	series := func(metric string) *Recorder {
		return m.Series(api.Series{Metric: metric, Kind: api.SourceService, ID: id, Type: api.TypeProcess})
	}
	cpu, memory, goroutines := series(api.MetricCPU), series(api.MetricMemory), series(api.MetricGoroutines)
	var last Usage
	last.Read()
	return m.OnCollect(func() {
		var now Usage
		now.Read()
		if cores, ok := now.Cores(last); ok {
			cpu.Record(cores)
		}
		if now.Memory > 0 {
			memory.Record(float64(now.Memory))
		}
		goroutines.Record(float64(now.Goroutines))
		last = now
	})
}

// Usage is what a process has used up to a moment.
type Usage struct {
	At time.Time
	// CPU is the time of processors; 0 where the system does not tell.
	CPU time.Duration
	// Memory is what is resident, in bytes; 0 where the system does not tell.
	Memory     int64
	Goroutines int
}

// Read reads what this process has used.
func (u *Usage) Read() {
	*u = Usage{At: time.Now(), CPU: processorTime(), Memory: residentMemory(), Goroutines: runtime.NumGoroutine()}
}

// Cores returns how many processors were kept busy on the average since an earlier reading; ok is false when that cannot be told.
func (u *Usage) Cores(since Usage) (cores float64, ok bool) {
	wall := u.At.Sub(since.At)
	if wall <= 0 || u.CPU == 0 || u.CPU < since.CPU {
		return 0, false
	}
	return float64(u.CPU-since.CPU) / float64(wall), true
}
