package top

import (
	"fmt"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
)

// Page is the state as text: at most as many lines as the terminal has, none of them wider.
func (s State) Page(ink Ink) string {
	lines := []string{s.title(ink), s.tabs(ink)}
	switch {
	case s.help:
		lines = append(lines, helpLines(ink)...)
	case s.detail:
		lines = append(lines, s.detailPage(ink)...)
	default:
		lines = append(lines, s.listPage(ink)...)
	}
	rest := max(0, s.height-1)
	lines = lines[:min(len(lines), rest)]
	for len(lines) < rest {
		lines = append(lines, "")
	}
	lines = append(lines, s.footer(ink))
	for i, l := range lines {
		lines[i] = strings.TrimRight(cut(l, s.width), " ")
	}
	return strings.Join(lines, "\n")
}

// title says what is shown, and whether it is true now.
func (s State) title(ink Ink) string {
	left := "mabus top  " + s.namespace
	age, known := s.age()
	right, tone := fmt.Sprintf("every %s", s.interval), Dim
	switch {
	case !s.linked:
		right, tone = "NO CONNECTION, trying again", Bad
	case s.paused:
		right, tone = "PAUSED", Warn
	case s.view().failed != "":
		right, tone = "NOT READ", Bad
	case s.stale():
		right, tone = "STALE", Bad
	}
	if known {
		right += fmt.Sprintf(", %s old", span(age.Truncate(100_000_000)))
	} else {
		right += ", nothing read yet"
	}
	gap := s.width - lipgloss.Width(left) - lipgloss.Width(right)
	if gap < 1 {
		return ink.tone(tone, cut(right, s.width))
	}
	return ink.tone(Strong, left) + strings.Repeat(" ", gap) + ink.tone(tone, right)
}

func (s State) tabs(ink Ink) string {
	narrow := s.width < 68
	parts := make([]string, len(Tabs))
	for i, t := range Tabs {
		name := fmt.Sprintf(" %d %s ", i+1, t)
		if narrow {
			name = fmt.Sprintf("%d%s ", i+1, string(t)[:2])
		}
		if parts[i] = ink.tone(Dim, name); t == s.tab {
			if parts[i] = ink.line(name); !ink.lit {
				parts[i] = "[" + strings.TrimSpace(name) + "]"
			}
		}
	}
	return strings.Join(parts, "")
}

func (s State) listPage(ink Ink) (lines []string) {
	v := s.view()
	for _, n := range v.head()[:s.heads(&v)] {
		lines = append(lines, ink.tone(n.Tone, cut(n.Text, s.width)))
	}
	list := place(&v.table, v.rows, v.by, v.down, s.width)
	lines = append(lines, ink.tone(Strong, " "+cut(titles(list), s.width-1)))
	room := s.room()
	end := min(v.top+room, len(v.rows))
	for i := v.top; i < end; i++ {
		if i == v.at {
			lines = append(lines, ink.line(">"+fit(cells(list, v.rows[i], Ink{}), s.width-1, false)))
			continue
		}
		lines = append(lines, " "+cells(list, v.rows[i], ink))
	}
	if len(v.rows) == 0 {
		lines = append(lines, ink.tone(Dim, " "+s.nothing()))
	}
	if spare := room - max(end-v.top, 1); spare > 2 && len(v.table.Tail) > 0 {
		lines = append(lines, "")
		for _, n := range v.table.Tail[:min(len(v.table.Tail), spare-1)] {
			lines = append(lines, ink.tone(n.Tone, cut(n.Text, s.width)))
		}
	}
	return lines
}

// nothing says why there are no rows.
func (s State) nothing() string {
	v := s.view()
	switch {
	case v.snapshot == nil && s.paused:
		return "nothing was read before the pause; space goes on"
	case v.snapshot == nil && v.failed != "":
		return v.failed
	case v.snapshot == nil:
		return "reading ..."
	case v.filter != "" && len(v.table.Rows) > 0:
		return "no line has this text; esc shows all"
	}
	return "there are none"
}

// problems says what could not be read, and what is missing from the figures.
func problems(s *Snapshot) (notes []Note) {
	for _, p := range s.Problems {
		notes = append(notes, Note{Text: clean(fmt.Sprintf("not read: %s: %s (%s)", p.Part, p.Error, p.Code)), Tone: Bad})
	}
	m := s.Metrics
	if m == nil {
		return notes
	}
	if lost := m.LostIntervals; lost > 0 || m.LostMessages > 0 || m.LostReplicas > 0 {
		notes = append(notes, Note{Tone: Warn, Text: fmt.Sprintf("figures lack, within the hour: %d deltas, %d messages, the last words of %d replicas", lost, m.LostMessages, m.LostReplicas)})
	}
	if age := m.Age.Std(); age > 5_000_000_000 {
		notes = append(notes, Note{Text: fmt.Sprintf("figures are %s old", span(age)), Tone: Bad})
	}
	return notes
}

// footer has the filter, where one is in the list, and the keys.
func (s State) footer(ink Ink) string {
	v := s.view()
	if s.typing {
		return "/" + v.filter + ink.line("_") + "  enter keeps it, esc drops it"
	}
	left := ""
	if !s.detail && !s.help {
		left = s.place(&v)
	}
	if v.failed != "" {
		left = "not read: " + v.failed
	}
	hints := []string{"enter detail  <> sort  r reverse  / filter  space pause  ? help  q quit", "enter detail  <> sort  / filter  space pause  ? help  q quit"}
	switch {
	case s.help:
		hints = []string{"any key goes back"}
	case s.detail:
		hints = []string{"up, down scroll  esc back  ? help  q quit"}
	}
	keys := "? help  q quit"
	for _, h := range slices.Backward(hints) {
		if lipgloss.Width(left)+2+lipgloss.Width(h) <= s.width {
			keys = h
		}
	}
	if left == "" {
		return ink.tone(Dim, keys)
	}
	tone := Plain
	if v.failed != "" {
		tone = Bad
	}
	room := max(0, s.width-lipgloss.Width(keys)-2)
	return ink.tone(tone, fit(left, room, false)) + "  " + ink.tone(Dim, keys)
}

// place says which rows are in sight, of how many.
func (s State) place(v *view) string {
	if v.snapshot == nil {
		return ""
	}
	n := len(v.rows)
	first, last := min(v.top+1, n), min(v.top+s.room(), n)
	text := fmt.Sprintf("%d-%d of %d", first, last, n)
	if all := max(v.table.Of, len(v.table.Rows)); all > n {
		text += fmt.Sprintf(" (%d)", all)
	}
	if v.table.More {
		text += " and more"
	}
	if v.filter != "" {
		text = fmt.Sprintf("/%s  %s", v.filter, text)
	}
	return text
}

func helpLines(ink Ink) []string {
	lines := []string{"", ink.tone(Strong, "Keys"), ""}
	for _, k := range keyHelp {
		lines = append(lines, fmt.Sprintf("  %-24s %s", k[0], k[1]))
	}
	return slices.Concat(lines, []string{"", ink.tone(Dim, "Figures are of the last 5 seconds. A dash is what nobody has measured or told.")})
}
