package bench

import (
	"bufio"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Report is the outcome of a run.
type Report struct {
	Suite   string            `json:"suite"`
	Machine Machine           `json:"machine"`
	Date    time.Time         `json:"date"`
	Rounds  int               `json:"rounds"`
	Seconds float64           `json:"seconds"` // of each side in each round
	Metrics map[string]Metric `json:"metrics"`
	// Notes say what could not be measured here, and why.
	Notes []string `json:"notes,omitempty"`
}

// Machine is where the run took place.
type Machine struct {
	CPU   string `json:"cpu"` // empty when the system does not tell
	Cores int    `json:"cores"`
	OS    string `json:"os"`
	Arch  string `json:"arch"`
	Go    string `json:"go"`
	NATS  string `json:"nats"` // version of the server
}

// Metric is one figure.
type Metric struct {
	// Value is the median of the rounds.
	Value float64 `json:"value"`
	// Unit is ops/s, s, ms, us, ns, MB (a million bytes), bytes, allocs, streams, chunks or ratio.
	Unit string `json:"unit"`
	// Spread is the least and the greatest of the rounds.
	Spread [2]float64 `json:"spread"`
}

func machine(natsVersion string) Machine {
	return Machine{CPU: cpuModel(), Cores: runtime.NumCPU(), OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version(), NATS: natsVersion}
}

// cpuModel reads the model's name where Linux keeps it.
func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// samples collects one value of each round.
type samples struct {
	unit   string
	values []float64
}

func (s *samples) metric() Metric {
	v := slices.Sorted(slices.Values(s.values))
	mid := v[len(v)/2]
	if len(v)%2 == 0 {
		mid = (v[len(v)/2-1] + mid) / 2
	}
	return Metric{Value: round(mid), Unit: s.unit, Spread: [2]float64{round(v[0]), round(v[len(v)-1])}}
}

// round keeps four significant digits, which is more than any of these figures has.
func round(x float64) float64 {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}
