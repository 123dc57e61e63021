package top

import (
	"strings"

	"charm.land/lipgloss/v2"
)

const (
	maxFirst  = 40 // columns that the first cell of a row may take
	maxCell   = 24 // columns that another may take
	minFirst  = 8
	between   = 2 // spaces between cells
	leastRows = 3 // that are shown before the lines above them
)

// placed is a column that is shown.
type placed struct {
	Column
	at    int // in the table
	width int
	mark  string
}

// place says which columns are shown and how wide they are. The first and the one that is sorted by always are; 0 is any width.
func place(t *Table, rows []Row, by int, down bool, width int) []placed {
	list := make([]placed, len(t.Columns))
	for i, c := range t.Columns {
		p := placed{Column: c, at: i}
		if i == by {
			if p.mark = "▲"; down {
				p.mark = "▼"
			}
		}
		p.width = lipgloss.Width(c.Title + p.mark)
		for _, r := range rows {
			if i < len(r.Cells) {
				p.width = max(p.width, lipgloss.Width(r.Cells[i].Text))
			}
		}
		most := maxCell
		if i == 0 {
			most = maxFirst
		}
		if width > 0 {
			p.width = min(p.width, most)
		}
		list[i] = p
	}
	if width <= 0 {
		return list
	}
	for total(list) > width {
		out := -1
		for i, p := range list {
			if i > 0 && p.at != by && (out < 0 || p.Rank >= list[out].Rank) {
				out = i
			}
		}
		if out < 0 {
			break
		}
		list = append(list[:out:out], list[out+1:]...)
	}
	if over := total(list) - width; over > 0 {
		list[0].width = max(minFirst, list[0].width-over)
	}
	return list
}

func total(list []placed) int {
	sum := 1 // the mark of the selected row
	for i, p := range list {
		if sum += p.width; i > 0 {
			sum += between
		}
	}
	return sum
}

// titles is the line above the rows.
func titles(list []placed) string {
	var b strings.Builder
	for i, p := range list {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", between))
		}
		b.WriteString(fit(p.Title+p.mark, p.width, p.Right))
	}
	return b.String()
}

// cells is the line of a row.
func cells(list []placed, r Row, ink Ink) string {
	var b strings.Builder
	for i, p := range list {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", between))
		}
		if p.at < len(r.Cells) {
			c := r.Cells[p.at]
			b.WriteString(ink.tone(c.Tone, fit(c.Text, p.width, p.Right)))
		}
	}
	return b.String()
}

// head are the lines above the table: what the page says, and what could not be read of it.
func (v *view) head() []Note {
	notes := v.table.Head
	if v.snapshot == nil {
		return notes
	}
	notes = append(notes[:len(notes):len(notes)], problems(v.snapshot)...)
	return notes
}

// room is how many rows are in sight.
func (s State) room() int {
	v := s.view()
	return max(1, s.body()-s.heads(&v))
}

// body is how many lines there are between the tabs and the last line, less the titles of the columns.
func (s State) body() int { return max(1, s.height-4) }

// heads is how many of the lines above the table are shown.
func (s State) heads(v *view) int { return max(0, min(len(v.head()), s.body()-leastRows)) }
