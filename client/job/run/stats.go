package run

import (
	"math"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Stats is how a run stands. All of it is counted, none of it is estimated.
type Stats struct {
	Begun   time.Time `json:"begun"`
	Inputs  int       `json:"inputs"`
	Skipped int       `json:"skipped"` // inputs that no step takes
	Unread  int       `json:"unread"`  // inputs that could not be read
	Planned int       `json:"planned"` // tasks
	Resumed int       `json:"resumed"` // tasks that an earlier run had finished
	Done    int       `json:"done"`
	Failed  int       `json:"failed"` // cancelled ones too
	// Retries counts attempts beyond the first.
	Retries  int            `json:"retries"`
	PerAgent map[string]int `json:"per_agent"`
	PerHost  map[string]int `json:"per_host"`
	// Usage is the sum of what the tasks have cost, the report included. When the job has a budget that has counted more,
	// because the tasks' agents have made calls, it is that in the end.
	Usage api.Usage `json:"usage,omitzero"`
	// Complete is true once all inputs have been read.
	Complete bool `json:"complete"`
}

// Ended is the number of tasks that have an outcome.
func (s *Stats) Ended() int { return s.Done + s.Failed }

func (s *Stats) count(t *api.Task) {
	if t.Status == api.TaskSucceeded {
		s.Done++
	} else {
		s.Failed++
	}
	s.Retries += max(t.Attempt-1, 0)
	s.spend(t)
	if t.Agent != "" {
		s.PerAgent[t.Agent]++
		s.PerHost[t.Host]++
	}
}

func (s *Stats) spend(t *api.Task) {
	if t.Usage != nil {
		s.Usage.Add(*t.Usage)
	}
}

// Stats returns how the run stands now.
func (r *Run) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.PerAgent, s.PerHost = copyOf(s.PerAgent), copyOf(s.PerHost)
	return s
}

func copyOf(m map[string]int) map[string]int {
	c := make(map[string]int, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

func (r *Run) count(f func(*Stats)) {
	r.mu.Lock()
	f(&r.stats)
	r.mu.Unlock()
}

// Latency returns percentiles (0 to 100) of the time that the last attempt of each task took, by nearest rank; nil when
// there are no tasks.
func (r *Run) Latency(percentiles ...float64) []time.Duration {
	r.mu.Lock()
	took := slices.Clone(r.took)
	r.mu.Unlock()
	if len(took) == 0 {
		return nil
	}
	slices.Sort(took)
	out := make([]time.Duration, len(percentiles))
	for i, p := range percentiles {
		rank := int(math.Ceil(p / 100 * float64(len(took))))
		out[i] = took[min(max(rank, 1), len(took))-1]
	}
	return out
}
