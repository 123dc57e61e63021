package variable

import (
	"maps"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// State is all that is known of variables. The zero State is not usable: see New. Its JSON form is written and read by codec, and
// equal states give equal bytes.
type State struct {
	records map[string]*record
	names   []string // of the records, in their order
	gone    []tombstone
	counts  counts
	size    int // of all records
	room    int // for all records
}

// tombstone remembers a removed variable.
type tombstone struct {
	Name string `json:"name"`
	// Version is the last that it had.
	Version uint64    `json:"version"`
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"at"`
}

// counts are what was done since the log began.
type counts struct {
	Updates       int          `json:"updates,omitempty"`
	Rejected      int          `json:"rejected,omitempty"`
	Refused       int          `json:"refused,omitempty"`
	Coordinations int          `json:"coordinations,omitempty"`
	Completed     int          `json:"completed,omitempty"`
	Took          api.Duration `json:"took,omitzero"` // all coordinations that have ended
}

// plus returns the sum of c and what has come from one count to another.
func (c counts) plus(from, to counts) counts {
	c.Updates += to.Updates - from.Updates
	c.Rejected += to.Rejected - from.Rejected
	c.Refused += to.Refused - from.Refused
	c.Coordinations += to.Coordinations - from.Coordinations
	c.Completed += to.Completed - from.Completed
	if sum := c.Took + (to.Took - from.Took); sum >= c.Took { // it stays where it is rather than overflow
		c.Took = sum
	}
	return c
}

// New returns the state before the first variable.
func New() *State { return &State{records: map[string]*record{}, room: MaxBytes} }

// Events. Each is complete by itself, so that applying one cannot fail.
type (
	put     struct{ record *record }
	removed struct{ tombstone tombstone }
)

// Apply changes the state by an event of a Plan. Events of others are not its matter.
func (s *State) Apply(event any) {
	switch e := event.(type) {
	case put:
		s.put(e.record)
	case removed:
		s.remove(e.tombstone)
	}
}

// Changed returns the name of the variable that an event is about, or "".
func Changed(event any) string {
	switch e := event.(type) {
	case put:
		return e.record.Variable.Name
	case removed:
		return e.tombstone.Name
	}
	return ""
}

func (s *State) put(r *record) {
	name := r.Variable.Name
	var before counts
	if old := s.records[name]; old != nil {
		before = old.Counts
		s.size -= old.size
	} else if i, found := slices.BinarySearch(s.names, name); !found {
		s.names = slices.Insert(s.names, i, name)
	}
	s.records[name] = r
	s.size += r.size
	s.counts = s.counts.plus(before, r.Counts)
}

func (s *State) remove(t tombstone) {
	old := s.records[t.Name]
	if old == nil {
		return
	}
	s.size -= old.size
	delete(s.records, t.Name)
	if i, found := slices.BinarySearch(s.names, t.Name); found {
		s.names = slices.Delete(s.names, i, i+1)
	}
	s.gone = slices.DeleteFunc(s.gone, func(g tombstone) bool { return g.Name == t.Name })
	if over := len(s.gone) - MaxGone + 1; over > 0 {
		s.gone = slices.Delete(s.gone, 0, over)
	}
	s.gone = append(s.gone, t)
}

// roomFor tells whether there is room for a record in the place of that of the same name. Where there is none, all of the record's
// history but the last change is forgotten first.
func (s *State) roomFor(r *record) bool {
	if s.fits(r) || len(r.History) < 2 {
		return s.fits(r)
	}
	r.History = slices.Clone(r.History[len(r.History)-1:])
	return s.fits(r)
}

func (s *State) fits(r *record) bool {
	r.size = r.measure()
	size := s.size + r.size
	if old := s.records[r.Variable.Name]; old != nil {
		size -= old.size
	}
	return size <= s.room || size <= s.size
}

// form is a State in JSON.
type form struct {
	Variables map[string]*record `json:"variables"`
	Gone      []tombstone        `json:"gone,omitempty"`
	Counts    counts             `json:"counts"`
}

// MarshalJSON implements json.Marshaler.
func (s *State) MarshalJSON() ([]byte, error) {
	return codec.Marshal(form{s.records, s.gone, s.counts})
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *State) UnmarshalJSON(data []byte) error {
	var f form
	if err := codec.Read(data, &f); err != nil {
		return err
	}
	*s = *New()
	for name, r := range f.Variables {
		if r == nil || r.Variable.Name != name || !api.ValidID(name) {
			continue
		}
		r.size = r.measure()
		s.size += r.size
		s.records[name] = r
	}
	s.names = slices.Sorted(maps.Keys(s.records))
	s.gone, s.counts = f.Gone, f.Counts
	return nil
}
