package view

import (
	"time"

	"github.com/mabus-project/mabus/services/perfmon/history"
	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/sketch"
)

// Defaults of a Config.
const (
	DefaultBytes  = 256 << 20
	DefaultSeries = 200_000
)

// Config bounds a view.
type Config struct {
	// MaxBytes of all that was measured; DefaultBytes unless given. Names take some 500 bytes a series beside it.
	MaxBytes int64
	// MaxSeries that there are names for, aggregates included; DefaultSeries unless given.
	MaxSeries int
	// Replica is who answers.
	Replica string
}

// The tiers: series of sources take most of the memory, and aggregates should last longer than they.
const (
	ofSources = iota
	ofAggregates
	tiers
)

// View is what a replica knows. It is not safe for use by several goroutines at once, but what Select returns is its own.
type View struct {
	cfg      Config
	table    *table
	tiers    [tiers]*history.Tier
	sources  *sources
	replicas *replicas
	overruns losses
	asOf     time.Time
	deltas   uint64
	records  uint64
	entries  [tiers][]history.Entry // of Apply
	key      []byte                 // of Apply
	lastTidy int64
}

// New returns an empty view.
func New(cfg Config) *View {
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = DefaultBytes
	}
	if cfg.MaxSeries <= 0 {
		cfg.MaxSeries = DefaultSeries
	}
	v := &View{cfg: cfg, table: newTable(cfg.MaxSeries), sources: newSources(), replicas: newReplicas()}
	// Of each 8 parts, 4 are the seconds of sources and 2 their minutes, and one each those of aggregates.
	part := cfg.MaxBytes / 8
	for i, shares := range [tiers][2]int64{{4, 2}, {1, 1}} {
		v.tiers[i] = history.NewTier(history.Bounds{SecondBytes: shares[0] * part, MinuteBytes: shares[1] * part, SecondAge: 3600, MinuteAge: 24 * 3600})
	}
	return v
}

// Begin says from when on the log is read, and whether it has lost what came before that.
func (v *View) Begin(at time.Time, truncated bool) {
	from := at.Unix()
	if truncated {
		from++ // the second in which it begins may not be whole
	}
	for _, t := range v.tiers {
		t.Begin(from)
	}
	v.sources.begun, v.asOf = at, at
}

// Apply takes a batch of a replica, which the log has at a time. It tells whether it was a new one.
func (v *View) Apply(replica string, at time.Time, b *journal.Batch) bool {
	if at.Before(v.asOf) {
		at = v.asOf
	}
	if !v.replicas.heard(replica, at, b) {
		return false
	}
	v.asOf = at
	now := at.Unix()
	v.read(b, now)
	for i, t := range v.tiers {
		if len(v.entries[i]) > 0 {
			t.Add(now, history.NewBlock(now, now+1, v.entries[i]))
		} else {
			t.Advance(now)
		}
		clear(v.entries[i])
	}
	for i := range b.Deltas {
		v.sources.heard(&b.Deltas[i], at)
	}
	v.sources.settle(at)
	v.deltas += uint64(len(b.Deltas))
	v.records += b.Records
	if b.Overrun > 0 {
		v.overruns.add(loss{at, b.Overrun})
	}
	if now >= v.lastTidy+60 {
		v.lastTidy = now
		v.table.forget(now - oblivion)
		v.sources.tidy(at)
		v.replicas.tidy(at)
		v.overruns.tidy(at)
	}
	return true
}

// read takes the sketches out of a batch.
func (v *View) read(b *journal.Batch, now int64) {
	for i := range v.entries {
		v.entries[i] = v.entries[i][:0]
	}
	for i := range b.Groups {
		g := &b.Groups[i]
		tier := ofAggregates
		if g.Scope == journal.Source {
			tier = ofSources
		}
		prefix := appendGroup(v.key[:0], g.Scope, g.Kind, g.ID, g.Type, g.Host)
		for _, item := range g.Series {
			if n, err := sketch.Check(item.Sketch); err != nil || n == 0 {
				continue
			}
			key := append(prefix, item.Metric...)
			v.key = key
			if e := v.table.ensure(key, g, item.Metric, now); e != nil {
				v.entries[tier] = append(v.entries[tier], history.Entry{ID: e.index, Sketch: item.Sketch})
			}
		}
	}
}

// AsOf returns the time of the newest batch.
func (v *View) AsOf() time.Time { return v.asOf }

// Room tells whether a source's series has a place in the view, or there is one for it.
func (v *View) Room(s *api.Series) bool {
	return len(v.table.byKey) < v.table.max || v.table.canMakeRoom(v.asOf.Unix()) || v.Placed(s)
}

// Placed tells whether a series of a source has a place.
func (v *View) Placed(s *api.Series) bool {
	return v.table.byKey[string(append(appendGroup(nil, journal.Source, s.Kind, s.ID, s.Type, s.Host), s.Metric...))] != nil
}
