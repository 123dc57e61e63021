package gather

import (
	"time"

	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/sketch"
)

const (
	// pending samples of a series wait to be counted together: a sketch for each would take more time and memory.
	pending = 32
	// idle cells go after so many batches: those of sources that send once a second are used again and again.
	idle = 64
	// turn is for how many batches deltas are remembered at least.
	turn = 32
	// maxDeltas of one batch: the log is away when there are as many.
	maxDeltas = 100_000
	// MaxBytes of the sketches of one batch: what the log takes in an interval, and more than all series of a fleet have while it is away.
	MaxBytes = 16 << 20
	// keep is how large the memory of a cell may be that waits for its next sketch.
	keep = 1 << 10
)

// Gatherer gathers. It is not safe for use by several goroutines at once.
type Gatherer struct {
	max    int
	room   func(*api.Series) bool
	placed func(*api.Series) bool
	cells  map[string]*cell
	used   []*source // in this batch, in the order of their coming
	byID   map[string]*source
	batch  uint64 // that is gathered now
	swept  uint64

	deltas  []journal.Delta
	records uint64
	bytes   int // of the sketches that deltas have brought
	// taken are the deltas of this batch and some before it, which the view may not have read yet: those that were taken since the last
	// turn, and those between that and the one before.
	taken, before map[deltaID]bool

	key  []byte
	sums map[string]*aggregate
	w    journal.Writer
}

// source is one source, type and host, with the cells that have something.
type source struct {
	group journal.Group
	batch uint64 // in which it was used last
	cells []*cell
}

// cell is one series of a source.
type cell struct {
	source  *source
	metric  string
	batch   uint64 // in which it was used last
	sketch  []byte // of what was counted in this batch; empty for nothing
	samples []sample
}

type sample struct {
	value float64
	count uint64
}

type deltaID struct {
	source, incarnation string
	seq                 uint64
}

// Config bounds a gatherer.
type Config struct {
	// MaxSeries of one batch, beside those that the fleet has already.
	MaxSeries int
	// PartBytes is that of journal.Writer.
	PartBytes int
	// Room tells whether there is a place for a series in the fleet.
	Room func(*api.Series) bool
	// Placed tells whether a series has one: new ones that are too many do not keep it out. None has unless given.
	Placed func(*api.Series) bool
}

// New returns a gatherer that has nothing.
func New(cfg Config) *Gatherer {
	return &Gatherer{
		max: cfg.MaxSeries, room: cfg.Room, placed: cfg.Placed, cells: map[string]*cell{}, byID: map[string]*source{}, batch: 1, taken: map[deltaID]bool{},
		sums: map[string]*aggregate{}, w: journal.Writer{Limit: cfg.PartBytes},
	}
}

// Empty tells whether nothing was gathered.
func (g *Gatherer) Empty() bool { return len(g.used) == 0 && len(g.deltas) == 0 }

// AddDelta takes a delta that has been validated. An invalid sketch, or a series that there is no room for, refuses all of it. It returns
// false for a delta that this batch, or one shortly before it, has already.
func (g *Gatherer) AddDelta(r *api.DeltaAddRequest) (bool, error) {
	id := deltaID{r.Source, r.Incarnation, r.Seq}
	if g.taken[id] || g.before[id] {
		return false, nil
	}
	if len(g.deltas) >= maxDeltas {
		return false, api.Errorf(api.Overloaded, "%d deltas wait for the log: it does not take them now", maxDeltas)
	}
	cells, size := make([]*cell, len(r.Series)), 0
	for i := range r.Series {
		size += len(r.Series[i].Sketch)
	}
	if g.bytes+size > MaxBytes {
		return false, api.Errorf(api.Overloaded, "%d bytes wait for the log: more than it takes now", g.bytes).WithReason(api.ReasonServerFull)
	}
	for i := range r.Series {
		s := &r.Series[i]
		n, err := sketch.Check(s.Sketch)
		if err == nil && n > api.MaxSketchCount {
			err = api.Errorf(api.Invalid, "it has %d samples, at most %d are taken", n, api.MaxSketchCount)
		}
		if err != nil {
			return false, api.Errorf(api.Invalid, "the sketch of %s cannot be read: %v", s.Series, err).WithReason(api.ReasonInvalidSketch).WithFields("series")
		}
		if cells[i], err = g.find(&s.Series); err != nil {
			return false, err
		}
	}
	for i, c := range cells {
		g.use(c)
		before := len(c.sketch)
		c.add(r.Series[i].Sketch)
		g.bytes += len(c.sketch) - before
	}
	g.taken[id] = true
	g.deltas = append(g.deltas, journal.Delta{
		Source: r.Source, Incarnation: r.Incarnation, Seq: r.Seq, Interval: r.Interval.Std().Round(time.Millisecond), Dropped: r.Dropped,
	})
	return true, nil
}

// AddRecords takes the samples of a request that has been validated, all of them or none.
func (g *Gatherer) AddRecords(r *api.RecordRequest) (samples int, err error) {
	list := r.Records
	if len(list) == 0 {
		list = []api.MetricRecord{r.MetricRecord}
	}
	cells := make([]*cell, len(list))
	for i := range list {
		s := list[i].Series()
		if cells[i], err = g.find(&s); err != nil {
			return 0, err
		}
	}
	for i, c := range cells {
		n := max(list[i].Count, 1)
		g.record(c, float64(*list[i].Value), n)
		samples += n
	}
	return samples, nil
}

func (g *Gatherer) record(c *cell, value float64, count int) {
	g.use(c)
	c.samples = append(c.samples, sample{value, uint64(count)})
	if len(c.samples) >= pending {
		c.settle()
	}
	g.records += uint64(count)
}

// find returns the cell of a valid series, which is made anew if there is none and there is room for it.
func (g *Gatherer) find(s *api.Series) (*cell, error) {
	g.key = appendKey(g.key[:0], string(s.Kind), s.ID, s.Type, s.Host, s.Metric)
	if c := g.cells[string(g.key)]; c != nil {
		return c, nil
	}
	if len(g.cells) >= g.max {
		g.sweep()
	}
	if len(g.cells) >= g.max && (g.placed == nil || !g.placed(s)) || !g.room(s) {
		return nil, api.Errorf(api.Overloaded, "there is no room for the series %s: the fleet has %d series or more that said something within the hour", *s, g.max).
			WithReason(api.ReasonTooManySeries)
	}
	id := string(appendKey(nil, string(s.Kind), s.ID, s.Type, s.Host))
	o := g.byID[id]
	if o == nil {
		o = &source{group: journal.Group{Scope: journal.Source, Kind: s.Kind, ID: s.ID, Type: s.Type, Host: s.Host}, batch: g.batch}
		g.byID[id] = o
	}
	c := &cell{source: o, metric: s.Metric, batch: g.batch - 1}
	g.cells[string(g.key)] = c
	return c, nil
}

// use makes a cell one of this batch.
func (g *Gatherer) use(c *cell) {
	if c.batch == g.batch {
		return
	}
	c.batch = g.batch
	c.sketch, c.samples = c.sketch[:0], c.samples[:0]
	if c.source.batch != g.batch || len(c.source.cells) == 0 {
		c.source.batch, c.source.cells = g.batch, c.source.cells[:0]
		g.used = append(g.used, c.source)
	}
	c.source.cells = append(c.source.cells, c)
}

// add counts a sketch.
func (c *cell) add(b []byte) {
	if len(c.sketch) == 0 {
		c.sketch = append(c.sketch, b...)
		return
	}
	var sum sketch.Sketch
	_ = sum.MergeBinary(c.sketch)
	_ = sum.MergeBinary(b) // more than 2^53 samples in an interval are not counted
	c.sketch = sum.AppendBinary(c.sketch[:0])
}

// settle counts the samples that wait.
func (c *cell) settle() {
	if len(c.samples) == 0 {
		return
	}
	var sum sketch.Sketch
	if len(c.sketch) > 0 {
		_ = sum.MergeBinary(c.sketch)
	}
	for _, s := range c.samples {
		_ = sum.Add(s.value, s.count)
	}
	c.sketch, c.samples = sum.AppendBinary(c.sketch[:0]), c.samples[:0]
}

// sweep forgets cells that were not used for a while.
func (g *Gatherer) sweep() {
	if g.batch < g.swept+idle/4 {
		return
	}
	g.swept = g.batch
	for key, c := range g.cells {
		if c.batch+idle < g.batch {
			delete(g.cells, key)
		}
	}
	for key, o := range g.byID {
		if o.batch+idle < g.batch {
			delete(g.byID, key)
		}
	}
}

// appendKey appends the parts of a key, of which none has a slash.
func appendKey(b []byte, parts ...string) []byte {
	for _, p := range parts {
		b = append(b, p...)
		b = append(b, '/')
	}
	return b
}
