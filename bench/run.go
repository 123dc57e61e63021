package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config describes a run.
type Config struct {
	// URL of a NATS server with JetStream that nobody else uses.
	URL string
	// Duration is how long each side of a measurement runs in each round; 2s unless given.
	Duration time.Duration
	// Rounds of each measurement; 5 unless given.
	Rounds int
	// Agents is how many agents the registry knows when it is measured; 100,000 unless given.
	Agents int
	// Fleet is how many agents three hosts run when one of them is killed; 1,000 unless given, and ten times as many for many.
	Fleet int
	// Streams is how many streams of one agent are open at once when their memory is measured; 10,000 unless given.
	Streams int
	// Only names the measurements to take; all of them unless given.
	Only []string
	// Worker is a command line that calls Worker with the arguments that are added to it. Agents needs it, Core does not.
	Worker []string
	// SyncURL is a server that writes to the disk before it acknowledges, and ClusterURL one of three with clustered JetStream, both
	// used by Locks alone, which leaves out what it has no server for.
	SyncURL, ClusterURL string
	// Nodes is a command line that runs one of three NATS servers, given its number and six ports; for the leader of Failover.
	Nodes []string
	// HostProfile is a file for a CPU profile of the process in which the agents of Agents run, for its whole life; of PerfMon, of the first
	// replica of each measurement, whose name is added. Optional.
	HostProfile string
	// Progress is told of each round; optional.
	Progress func(text string)
}

// measurement is one row of the table below: it runs rounds and records its figures.
type measurement struct {
	name string
	doc  string
	help string // how to read the figures; BENCHMARKS.md has it for those of Core
	run  func(ctx context.Context, r *run) error
}

// measurements are taken in this order. Those that fill the registry come last, since a large heap makes the collection of
// garbage rare for all.
var measurements = []measurement{
	{"echo", "request and reply, against plain NATS", "", measureEcho},
	{"busy", "agents that work 5 ms, against plain NATS", "", measureBusy},
	{"tasks", "durable tasks, against a bare JetStream queue", "", measureTasks},
	{"overload", "useful answers at twice the capacity", "", measureOverload},
	{"memory", "what a registry replica keeps of an agent", "", measureMemory},
	{"get", "registry reads by request", "", measureGet},
	{"mirror", "registry reads from the SDK's mirror", "", measureMirror},
	{"register", "registrations", "", measureRegister},
}

// Names lists the measurements with what they are about.
func Names() [][2]string {
	var names [][2]string
	for _, m := range measurements {
		names = append(names, [2]string{m.name, m.doc})
	}
	return names
}

// Core takes the measurements and returns their figures.
func Core(ctx context.Context, cfg Config) (*Report, error) {
	return take(ctx, "core", cfg, measurements)
}

// take takes the measurements that the configuration names.
func take(ctx context.Context, suite string, cfg Config, measurements []measurement) (*Report, error) {
	if cfg.Duration <= 0 {
		cfg.Duration = 2 * time.Second
	}
	if cfg.Rounds <= 0 {
		cfg.Rounds = 5
	}
	if cfg.Agents <= 0 {
		cfg.Agents = 100_000
	}
	if cfg.Fleet <= 0 {
		cfg.Fleet = 1000
	}
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	r := &run{cfg: cfg, samples: map[string]*samples{}}
	defer r.close()
	version, err := r.version()
	if err != nil {
		return nil, err
	}
	for _, m := range measurements {
		if len(cfg.Only) > 0 && !slices.Contains(cfg.Only, m.name) {
			continue
		}
		r.name = m.name
		if err := m.run(ctx, r); err != nil {
			return nil, fmt.Errorf("measure %s: %w", m.name, err)
		}
	}
	report := &Report{
		Suite: suite, Machine: machine(version), Date: time.Now().UTC().Truncate(time.Second), Rounds: cfg.Rounds,
		Seconds: cfg.Duration.Seconds(), Metrics: map[string]Metric{}, Notes: r.notes,
	}
	for name, s := range r.samples {
		report.Metrics[name] = s.metric()
	}
	return report, nil
}

// run is a run under way: what has been recorded, and what must be stopped at its end.
type run struct {
	cfg      Config
	name     string
	samples  map[string]*samples
	notes    []string
	services *services // of echo, busy, tasks and overload
	roster   *roster   // of the others
	faraway  *faraway  // of the suite agents
	ports    []int     // of the three NATS servers of the suite failover
	cleanups []func()
}

// note tells, at once and in the report, of something that cannot be measured here.
func (r *run) note(text string) {
	r.notes = append(r.notes, text)
	r.cfg.Progress(text)
}

func (r *run) record(name, unit string, value float64) {
	s := r.samples[name]
	if s == nil {
		s = &samples{unit: unit}
		r.samples[name] = s
	}
	s.values = append(s.values, value)
}

// side is one of those that take turns.
type side struct {
	name string
	run  func(ctx context.Context, d time.Duration) (load, error)
}

// rounds has the sides take turns, after a short turn each to warm up, and gives the loads of each round to record.
func (r *run) rounds(ctx context.Context, what string, sides []side, record func(loads []load)) error {
	for _, s := range sides {
		if _, err := s.run(ctx, r.cfg.Duration/8); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for round := range r.cfg.Rounds {
		var loads []load
		var told []string
		for _, s := range sides {
			l, err := s.run(ctx, r.cfg.Duration)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			loads = append(loads, l)
			told = append(told, fmt.Sprintf("%s %.0f/s", s.name, l.rate()))
		}
		r.cfg.Progress(fmt.Sprintf("%-9s %-16s round %d of %d: %s", r.name, what, round+1, r.cfg.Rounds, strings.Join(told, ", ")))
		record(loads)
	}
	return nil
}

func (r *run) cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *run) close() {
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
}
