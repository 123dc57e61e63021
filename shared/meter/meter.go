package meter

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/sketch"
)

// Defaults and bounds of a Config.
const (
	DefaultInterval = time.Second
	MaxInterval     = 10 * time.Second
	DefaultLimit    = 8192 // series with counters of their own
	othersLimit     = 64   // series that those without share, one for each metric and kind
	idleAfter       = 60   // intervals without a sample after which a series gives its counters up
)

// Conn is how deltas go out: *rpc.Conn is one.
type Conn interface {
	// Tell publishes a body that nobody answers, or fails if that cannot be done now.
	Tell(subject string, body []byte) error
	// InlineLimit is how long a body can be, in bytes.
	InlineLimit() int64
}

// Config describes a meter.
type Config struct {
	Conn Conn
	// Namespace is that of the connection.
	Namespace string
	// Source names who measures, and Incarnation this life of it: both are ids, and together they are the meter's alone.
	Source, Incarnation string
	// Interval is the time between two deltas, at most MaxInterval; DefaultInterval unless given.
	Interval time.Duration
	// Limit is how many series have counters of their own; DefaultLimit unless given.
	Limit int
	Log   zerolog.Logger
}

// Meter counts samples by series and sends what it has counted. A nil Meter does nothing.
type Meter struct {
	cfg     Config
	dropped atomic.Uint64 // samples that were not counted

	mu      sync.Mutex
	table   map[api.Series]*cells
	others  int // in the table
	crowded bool
	hooks   map[int]func()
	nextID  int
	started bool
	quit    chan struct{}
	done    chan struct{}

	sender sender
}

// New returns a meter that counts; Start begins to send.
func New(cfg Config) *Meter {
	if cfg.Interval <= 0 {
		cfg.Interval = DefaultInterval
	}
	cfg.Interval = min(cfg.Interval, MaxInterval)
	if cfg.Limit <= 0 {
		cfg.Limit = DefaultLimit
	}
	m := &Meter{cfg: cfg, table: map[api.Series]*cells{}, hooks: map[int]func(){}, quit: make(chan struct{}), done: make(chan struct{})}
	m.sender = newSender(m)
	return m
}

// Incarnation returns the id of this life of the meter's source; "" of a nil Meter.
func (m *Meter) Incarnation() string {
	if m == nil {
		return ""
	}
	return m.cfg.Incarnation
}

// Source returns the id of who measures; "" of a nil Meter.
func (m *Meter) Source() string {
	if m == nil {
		return ""
	}
	return m.cfg.Source
}

// Recorder counts the samples of one series. A nil Recorder does nothing. Keep it: to make one is cheap, to use a new one is not.
type Recorder struct {
	meter  *Meter
	series api.Series
	cells  atomic.Pointer[cells]
}

// Series returns a recorder for a series. Recorders of equal series count together. Of a series that does not validate the samples are
// counted as dropped.
func (m *Meter) Series(series api.Series) *Recorder {
	if m == nil {
		return nil
	}
	if err := series.Validate(); err != nil {
		m.cfg.Log.Warn().Err(err).Stringer("series", series).Msg("a series that is none is not measured")
		series = api.Series{}
	}
	return &Recorder{meter: m, series: series}
}

// Record counts a sample: a duration in seconds, a size in bytes, a share, a number. What is negative or no finite number is counted as
// dropped. Any number of goroutines may record at once.
func (r *Recorder) Record(v float64) { r.RecordMany(v, 1) }

// RecordMany is Record, n times.
func (r *Recorder) RecordMany(v float64, n uint32) {
	if r == nil || n == 0 {
		return
	}
	if !(v >= 0 && v <= math.MaxFloat64) {
		r.meter.dropped.Add(uint64(n))
		return
	}
	c := r.cells.Load()
	if c == nil || c.state.Load()&left != 0 {
		if c = r.meter.attach(r); c == nil {
			r.meter.dropped.Add(uint64(n))
			return
		}
	}
	c.add(min(v, sketch.Largest), n)
}

// Since records the seconds since begin.
func (r *Recorder) Since(begin time.Time) {
	if r != nil {
		r.Record(max(time.Since(begin), 0).Seconds())
	}
}

// attach gives the recorder the cells of its series or, where there is no room for them, those of the others; nil when there are none either.
func (m *Meter) attach(r *Recorder) *cells {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.table[r.series]
	switch {
	case r.series.Metric == "":
		return nil
	case c != nil:
		c.state.And(^uint32(left))
	case len(m.table)-m.others < m.cfg.Limit:
		c = newCells(r.series)
		m.table[r.series] = c
	default:
		if c = m.otherCells(r.series); c == nil {
			return nil
		}
	}
	r.cells.Store(c)
	return c
}

// otherCells returns what series like this one share. The caller holds the lock.
func (m *Meter) otherCells(s api.Series) *cells {
	if !m.crowded {
		m.crowded = true
		m.cfg.Log.Warn().Int("series", m.cfg.Limit).Msg("more series are measured than a meter has room for: the others are measured together, as " + api.SeriesOther)
	}
	key := api.Series{Metric: s.Metric, Kind: s.Kind, ID: api.SeriesOther, Host: s.Host}
	c := m.table[key]
	if c == nil {
		if m.others >= othersLimit {
			return nil
		}
		c = newCells(key)
		c.other = true
		m.table[key] = c
		m.others++
	}
	c.state.And(^uint32(left))
	return c
}

// OnCollect has f called once an interval, just before the counters are taken, for what is looked at rather than counted. F must be quick
// and must not stop the meter. Remove ends it; f may be under way a last time when it returns.
func (m *Meter) OnCollect(f func()) (remove func()) {
	if m == nil {
		return func() {}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	id := m.nextID
	m.nextID++
	m.hooks[id] = f
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.hooks, id)
	}
}

// Gauge records what f returns once an interval, unless it returns false. Remove ends it.
func (m *Meter) Gauge(series api.Series, f func() (float64, bool)) (remove func()) {
	r := m.Series(series)
	return m.OnCollect(func() {
		if v, ok := f(); ok {
			r.Record(v)
		}
	})
}

// Start begins to send deltas, until Stop.
func (m *Meter) Start() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.started {
		m.started = true
		go m.run()
	}
}

func (m *Meter) run() {
	defer close(m.done)
	tick := time.NewTicker(m.cfg.Interval)
	defer tick.Stop()
	for {
		select {
		case <-m.quit:
			return
		case <-tick.C:
		}
		m.sender.send()
	}
}

// Stop sends a last delta and ends the meter. What is recorded from now on is lost, and so is what cannot be sent now: unavailable.
func (m *Meter) Stop(ctx context.Context) error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	started := m.started
	select {
	case <-m.quit:
		started = false
	default:
		close(m.quit)
	}
	m.mu.Unlock()
	if !started {
		return nil
	}
	select {
	case <-m.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if !m.sender.send() {
		return api.Errorf(api.Unavailable, "what was measured last could not be sent")
	}
	return nil
}
