package top

import (
	"strings"

	"charm.land/lipgloss/v2"
)

const nameWidth = 16 // of what a line of a detail is about

// detailPage is what is known of one line.
func (s State) detailPage(ink Ink) []string {
	lines := []string{ink.tone(Strong, cut(s.subject(), s.width))}
	all := s.detailLines()
	from := min(s.scroll, len(all))
	for _, n := range all[from:min(from+s.detailRoom(), len(all))] {
		lines = append(lines, ink.tone(n.Tone, n.Text))
	}
	return lines
}

func (s State) subject() string { return strings.ToLower(s.column(0).Title) + " " + s.detailed }

// detailRoom is how many lines of a detail are in sight.
func (s State) detailRoom() int { return max(1, s.height-4) }

// detailLines are the cells of the line, with those that the table had no room for, and then what was read of it besides.
func (s State) detailLines() []Note {
	var facts []Fact
	v := s.view()
	for _, r := range v.table.Rows {
		if r.ID != s.detailed {
			continue
		}
		for i, c := range v.table.Columns {
			if i > 0 && i < len(r.Cells) {
				facts = append(facts, Fact{strings.ToLower(c.Title), r.Cells[i].Text})
			}
		}
		facts = append(facts, Fact{})
	}
	if len(facts) == 0 {
		facts = append(facts, Fact{"", "it is not in the list any more"}, Fact{})
	}
	switch {
	case s.facts != nil:
		facts = append(facts, s.facts...)
	case s.paused:
		facts = append(facts, Fact{"", "paused: no more is read; space goes on"})
	case v.failed != "":
		facts = append(facts, Fact{"", v.failed})
	default:
		facts = append(facts, Fact{"", "reading ..."})
	}
	var notes []Note
	room := max(1, s.width-nameWidth-2)
	for _, f := range facts {
		name := clean(f.Name)
		for line := range strings.SplitSeq(lipgloss.Wrap(clean(f.Text), room, " /,"), "\n") {
			notes = append(notes, Note{Text: cut(fit(name, nameWidth, false)+"  "+line, s.width)})
			name = ""
		}
	}
	return notes
}
