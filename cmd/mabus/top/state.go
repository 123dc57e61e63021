package top

import (
	"slices"
	"time"
)

// State is what is shown and how. It is a value: Next makes another of it and leaves it as it is.
type State struct {
	namespace string
	interval  time.Duration
	tab       Tab
	views     map[Tab]view // never changed, but replaced
	width     int
	height    int
	now       time.Time

	paused   bool
	help     bool
	typing   bool // a filter
	detail   bool // of the line that is selected in the tab
	detailed string
	facts    []Fact
	factsAt  time.Time
	scroll   int // of the detail

	linked  bool
	reading bool
	asked   time.Time // when the last batch began
	again   bool      // what is shown has changed since then
}

// view is what is known of a tab, and how it is looked at.
type view struct {
	snapshot *Snapshot
	table    Table
	rows     []Row // as they are shown
	failed   string
	by       int
	down     bool
	filter   string
	selected string
	held     bool // selected by a key, and so followed wherever it goes
	at       int  // of the selected row
	top      int  // the first row that is in sight
}

// Want is what Next asks for.
type Want struct {
	// Read is what to read.
	Read *Query
	// Quit says that it is over.
	Quit bool
}

// The messages that change a state, besides keys.
type (
	// Size is that of the terminal.
	Size struct{ Width, Height int }
	// Tick tells the time, and whether there is a connection.
	Tick struct {
		Now    time.Time
		Linked bool
	}
	// Answer is what was read, or why nothing was.
	Answer struct {
		Query    Query
		Snapshot *Snapshot
		Err      error
	}
	// Key is a key that was pressed, by the name that bubbletea has for it.
	Key string
)

// NewState returns a state that shows a tab of a namespace, of which nothing is known yet; the first tab if there is no such one.
func NewState(namespace string, tab Tab, interval time.Duration) State {
	s := State{namespace: namespace, interval: interval, tab: Begin(tab).Tab, views: map[Tab]view{}, width: 80, height: 24, linked: true}
	for _, t := range Tabs {
		p := pages[t]
		s.views[t] = view{by: p.by, down: p.down, table: Table{Columns: p.columns}}
	}
	return s
}

// Next returns the state after a message, which is a Size, a Tick, an Answer or a Key; others change nothing.
func (s State) Next(message any) (State, Want) {
	var w Want
	switch m := message.(type) {
	case Size:
		s.width, s.height = max(m.Width, 1), max(m.Height, 1)
	case Tick:
		back := m.Linked && !s.linked
		s.now, s.linked = m.Now, m.Linked
		if back || !s.reading && s.now.Sub(s.asked) >= s.interval-s.interval/4 {
			s, w = s.read()
		}
	case Answer:
		s = s.take(m)
		if s.again {
			s, w = s.read()
		}
	case Key:
		s, w = s.press(string(m))
	}
	return s.settled(), w
}

// read asks for what is shown, unless that is not to be.
func (s State) read() (State, Want) {
	if s.paused || !s.linked {
		return s, Want{}
	}
	if s.reading {
		s.again = true
		return s, Want{}
	}
	v := s.views[s.tab]
	q := Query{Tab: s.tab, By: s.column(v.by).Title, Down: v.down}
	if s.detail {
		q.Detail = s.detailed
	}
	s.reading, s.again, s.asked = true, false, s.now
	return s, Want{Read: &q}
}

// take takes in an answer. One that failed leaves what is known as it was.
func (s State) take(a Answer) State {
	s.reading = false
	v, ok := s.views[a.Query.Tab]
	if !ok {
		return s
	}
	v.failed = ""
	switch {
	case a.Err != nil:
		v.failed = clean(a.Err.Error())
	case a.Snapshot == nil:
	case a.Query.Detail != "":
		if s.detail && s.tab == a.Query.Tab && s.detailed == a.Query.Detail {
			s.facts, s.factsAt = a.Snapshot.Detail, a.Snapshot.At
		}
	default:
		v.snapshot = a.Snapshot
		v.table = pages[a.Query.Tab].table(a.Snapshot)
		v.rows = v.table.arranged(v.filter, v.by, v.down)
	}
	return s.with(a.Query.Tab, v)
}

// with replaces what is known of a tab.
func (s State) with(t Tab, v view) State {
	views := make(map[Tab]view, len(s.views))
	for k, old := range s.views {
		views[k] = old
	}
	views[t] = v
	s.views = views
	return s
}

func (s State) view() view { return s.views[s.tab] }

func (s State) column(i int) Column {
	c := pages[s.tab].columns
	return c[min(max(i, 0), len(c)-1)]
}

// settled keeps the selection on its row, wherever that went, and in sight.
func (s State) settled() State {
	v := s.view()
	if i := slices.IndexFunc(v.rows, func(r Row) bool { return r.ID == v.selected }); i >= 0 && v.held {
		v.at = i
	}
	v.at = max(0, min(v.at, len(v.rows)-1))
	if v.selected = ""; len(v.rows) > 0 {
		v.selected = v.rows[v.at].ID
	}
	room := s.room()
	v.top = max(min(v.top, v.at, len(v.rows)-room), v.at-room+1, 0)
	if s.detail {
		s.scroll = max(0, min(s.scroll, len(s.detailLines())-s.detailRoom()))
	}
	return s.with(s.tab, v)
}

// age is how old what is shown is; false if there is nothing.
func (s State) age() (time.Duration, bool) {
	at := s.factsAt
	if v := s.view(); !s.detail {
		if v.snapshot == nil {
			return 0, false
		}
		at = v.snapshot.At
	}
	return max(s.now.Sub(at), 0), !at.IsZero()
}

// stale tells whether what is shown is older than it would be if all were well.
func (s State) stale() bool {
	age, ok := s.age()
	return ok && age > 2*s.interval+time.Second
}

// Tab is the tab that is shown.
func (s State) Tab() Tab { return s.tab }

// Size is that of the terminal.
func (s State) Size() (width, height int) { return s.width, s.height }

// Paused tells whether nothing is read.
func (s State) Paused() bool { return s.paused }

// Selected is the id of the selected row and its place among those that are shown, which are so many.
func (s State) Selected() (id string, at, of int) {
	v := s.view()
	return v.selected, v.at, len(v.rows)
}
