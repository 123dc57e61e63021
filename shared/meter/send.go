package meter

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/sketch"
)

// sender takes the counters and sends them. It is for one goroutine at a time.
type sender struct {
	m       *Meter
	subject string
	last    time.Time
	seq     uint64
	dropped uint64 // that have been told of
	sweeps  int
	failing bool

	tally  *tally
	sketch *sketch.Sketch
	all    []*cells
	// What goes into the next delta: its series, whose they are, and the encoded sketches.
	series []api.DeltaSeries
	of     []*cells
	bytes  []byte
	size   int
}

func newSender(m *Meter) sender {
	return sender{
		m: m, subject: api.DeltasAdd.Subject(m.cfg.Namespace), last: time.Now(), tally: newTally(), sketch: sketch.New(),
	}
}

// room is what a body has beyond its series, and one series beyond its names and sketch, in bytes.
const (
	bodyRoom   = 512
	seriesRoom = 96
)

// send takes all counters and sends them; false when some of it had to be kept.
func (s *sender) send() bool {
	s.m.mu.Lock()
	hooks := make([]func(), 0, len(s.m.hooks))
	for _, f := range s.m.hooks {
		hooks = append(hooks, f)
	}
	s.m.mu.Unlock()
	for _, f := range hooks {
		f()
	}
	s.m.mu.Lock()
	s.all = s.all[:0]
	for _, c := range s.m.table {
		s.all = append(s.all, c)
	}
	s.m.mu.Unlock()
	now := time.Now()
	interval := min(max(now.Sub(s.last), time.Microsecond), api.MaxInterval*time.Second)
	limit := int(min(api.MaxDeltaBytes, s.m.cfg.Conn.InlineLimit()))
	sent := true
	for _, c := range s.all {
		s.take(c)
		if len(s.of) > 0 && s.size > limit-bodyRoom-api.MaxSketchBytes*4/3 || len(s.of) >= api.MaxDeltaSeries {
			sent = s.flush(interval) && sent
		}
	}
	if len(s.of) > 0 || s.m.dropped.Load() > s.dropped {
		sent = s.flush(interval) && sent
	}
	if sent {
		s.last = now
	}
	s.sweep()
	return sent
}

// take adds what the cells have counted to the delta.
func (s *sender) take(c *cells) {
	c.take(s.tally, s.sketch)
	if s.sketch.Count() == 0 && c.kept == nil {
		c.idle++
		return
	}
	c.idle = 0
	if c.kept != nil {
		if err := s.sketch.MergeBinary(c.kept); err != nil { // more than a sketch can hold
			s.m.cfg.Log.Error().Err(err).Stringer("series", c.series).Msg("samples that could not be sent are lost")
		}
		c.kept = nil
	}
	from := len(s.bytes)
	s.bytes = s.sketch.AppendBinary(s.bytes)
	data := s.bytes[from:len(s.bytes):len(s.bytes)]
	s.series = append(s.series, api.DeltaSeries{Series: c.series, Sketch: data})
	s.of = append(s.of, c)
	s.size += seriesRoom + len(c.series.Metric) + len(c.series.ID) + len(c.series.Type) + len(c.series.Host) + len(data)*4/3
}

// flush sends the delta. What cannot be sent is kept with its cells.
func (s *sender) flush(interval time.Duration) bool {
	dropped := s.m.dropped.Load()
	body, err := codec.Marshal(&api.DeltaAddRequest{
		Source: s.m.cfg.Source, Incarnation: s.m.cfg.Incarnation, Seq: s.seq + 1, Interval: api.Duration(interval), Dropped: dropped - s.dropped, Series: s.series,
	})
	if err == nil {
		err = s.m.cfg.Conn.Tell(s.subject, body)
	}
	if err != nil {
		for i, c := range s.of {
			c.kept = append([]byte(nil), s.series[i].Sketch...)
		}
		if !s.failing {
			s.m.cfg.Log.Debug().Err(err).Msg("what was measured cannot be sent now and is kept")
		}
	} else {
		s.seq++
		s.dropped = dropped
	}
	s.failing = err != nil
	clear(s.series)
	clear(s.of)
	s.series, s.of, s.bytes, s.size = s.series[:0], s.of[:0], s.bytes[:0], 0
	return err == nil
}

// sweep takes their cells from series that have been idle for long. First their recorders are told to ask again before they count: one that is
// counting just then is still heard for as long again. When there is room for them, series that share cells get their own.
func (s *sender) sweep() {
	m := s.m
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range s.all {
		switch {
		case c.idle < idleAfter || c.kept != nil:
		case c.state.Load()&left == 0:
			c.state.Or(left)
			c.idle = 0
		default:
			delete(m.table, c.series)
			if c.other {
				m.others--
			}
		}
	}
	if s.sweeps++; s.sweeps%idleAfter != 0 || !m.crowded || len(m.table)-m.others >= m.cfg.Limit {
		return
	}
	m.crowded = m.others > 0
	for _, c := range m.table {
		if c.other {
			c.state.Or(left)
		}
	}
}
