package top

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// Tone is how something is shown where there is colour. Nothing is told by colour alone.
type Tone int

// The tones.
const (
	Plain Tone = iota
	Dim
	Good
	Warn
	Bad
	Strong
)

// Column is one of a table.
type Column struct {
	Title string
	// Right puts its cells to the right.
	Right bool
	// Down sorts by the largest first at first.
	Down bool
	// Rank says which columns are left out where there is no room: those of the highest rank first, and of these the last.
	Rank int
	// Metric and Stat are what the column shows, where a service can tell who leads by it.
	Metric string
	Stat   api.Statistic
}

// Cell is what a row has in a column.
type Cell struct {
	Text string
	// Value is what cells of numbers are sorted by. The others are sorted by their text.
	Value float64
	// Number says that it has a value.
	Number bool
	Tone   Tone
}

// Row is one line of a table.
type Row struct {
	ID    string
	Cells []Cell
}

// Note is a line above or below a table.
type Note struct {
	Text string
	Tone Tone
}

// Table is a page: some lines, rows under columns, and some lines that are shown if there is room.
type Table struct {
	Head    []Note
	Columns []Column
	Rows    []Row
	Tail    []Note
	// Of is how many rows there would be if all had been read; the number of rows unless larger.
	Of int
	// More says that there are even more.
	More bool
}

func text(s string) Cell {
	if s = clean(s); s == "" {
		s = none
	}
	return Cell{Text: s}
}

func toned(s string, t Tone) Cell {
	c := text(s)
	c.Tone = t
	return c
}

func number(v float64, show func(float64) string) Cell {
	return Cell{Text: show(v), Value: v, Number: true}
}

func count(n int) Cell { return number(float64(n), whole) }

// measured is a cell of what may not have been measured.
func measured(m *api.Measure, show func(float64) string) Cell {
	if m == nil {
		return Cell{Text: none}
	}
	return number(float64(*m), show)
}

// statistic is a cell of a figure that there may be none of.
func statistic(s *api.MetricSummary, stat api.Statistic, show func(float64) string) Cell {
	if s == nil {
		return Cell{Text: none}
	}
	v, ok := s.Stat(stat)
	if !ok {
		return Cell{Text: none}
	}
	return number(float64(v), show)
}

// faults is a cell of a share of errors.
func faults(s *api.MetricSummary) Cell {
	c := statistic(s, api.StatErrorShare, share)
	switch {
	case c.Value >= 0.05:
		c.Tone = Bad
	case c.Value > 0:
		c.Tone = Warn
	}
	return c
}

// order compares two cells; what is not known comes last, whichever way it goes.
func order(a, b Cell, down bool) int {
	if unknown := cmp.Compare(rank(a), rank(b)); unknown != 0 {
		return unknown
	}
	c := cmp.Compare(a.Value, b.Value)
	if !a.Number && !b.Number {
		c = strings.Compare(a.Text, b.Text)
	}
	if down {
		return -c
	}
	return c
}

func rank(c Cell) int {
	if !c.Number && c.Text == none {
		return 1
	}
	return 0
}

// arranged returns the rows that have the text of the filter in any cell, in the order of a column; those that are equal by their ids.
func (t *Table) arranged(filter string, by int, down bool) []Row {
	filter = strings.ToLower(filter)
	rows := make([]Row, 0, len(t.Rows))
	for _, r := range t.Rows {
		if filter == "" || slices.ContainsFunc(r.Cells, func(c Cell) bool { return strings.Contains(strings.ToLower(c.Text), filter) }) {
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		if by < len(a.Cells) && by < len(b.Cells) {
			if c := order(a.Cells[by], b.Cells[by], down); c != 0 {
				return c
			}
		}
		return strings.Compare(a.ID, b.ID)
	})
	return rows
}
