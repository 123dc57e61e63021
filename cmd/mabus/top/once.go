package top

import (
	"fmt"
	"strings"
)

// Text is a page with every row that was read, without colour and as wide as it has to be.
func (s *Snapshot) Text() string {
	p := pages[Begin(s.Tab).Tab]
	t := p.table(s)
	v := view{snapshot: s, table: t, rows: t.arranged("", p.by, p.down), by: p.by, down: p.down}
	lines := []string{"mabus top  " + s.Namespace + "  " + string(s.Tab), ""}
	for _, n := range v.head() {
		lines = append(lines, n.Text)
	}
	lines = append(lines, "")
	list := place(&t, v.rows, v.by, v.down, 0)
	if len(v.rows) > 0 {
		lines = append(lines, titles(list))
	} else {
		lines = append(lines, State{tab: s.Tab, views: map[Tab]view{s.Tab: v}}.nothing())
	}
	for _, r := range v.rows {
		lines = append(lines, cells(list, r, Ink{}))
	}
	switch {
	case t.Of > len(t.Rows):
		lines = append(lines, fmt.Sprintf("the first %d of %d", len(t.Rows), t.Of))
	case t.More:
		lines = append(lines, fmt.Sprintf("the first %d, and there are more", len(t.Rows)))
	}
	if len(t.Tail) > 0 {
		lines = append(lines, "")
	}
	for _, n := range t.Tail {
		lines = append(lines, n.Text)
	}
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}
