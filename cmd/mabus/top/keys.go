package top

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxFilter is how many characters a filter has at most.
const maxFilter = 64

// keyHelp are the keys and what they do.
var keyHelp = [][2]string{
	{"1 to 6, tab, shift+tab", "go to a page"},
	{"up, down, k, j", "select a line; pgup, pgdown, home and end go further"},
	{"enter", "show all of the selected line; esc goes back"},
	{"<, >, left, right", "sort by the column to the left or right"},
	{"r", "sort the other way round"},
	{"/", "show only lines with a text; enter keeps it, esc drops it"},
	{"space", "pause: nothing is read until it is pressed again"},
	{"?", "this help"},
	{"q, ctrl+c", "quit"},
}

// press is what a key does.
func (s State) press(key string) (State, Want) {
	if key == "ctrl+c" {
		return s, Want{Quit: true}
	}
	switch {
	case s.typing:
		return s.edit(key), Want{}
	case s.help:
		if key == "q" {
			return s, Want{Quit: true}
		}
		s.help = false // any key ends it
		return s, Want{}
	}
	switch key {
	case "q":
		return s, Want{Quit: true}
	case "?":
		s.help = true
		return s, Want{}
	case "space":
		s.paused = !s.paused
		if s.paused {
			return s, Want{}
		}
		return s.read()
	case "tab":
		return s.turn(1)
	case "shift+tab":
		return s.turn(-1)
	}
	if n, err := strconv.Atoi(key); err == nil && n >= 1 && n <= len(Tabs) {
		return s.turn(n - 1 - slices.Index(Tabs, s.tab))
	}
	if s.detail {
		return s.look(key)
	}
	return s.list(key)
}

// turn goes to another tab.
func (s State) turn(by int) (State, Want) {
	to := Tabs[(slices.Index(Tabs, s.tab)+by+len(Tabs))%len(Tabs)]
	if to == s.tab && !s.detail {
		return s, Want{}
	}
	s.tab, s.detail = to, false
	return s.read()
}

// look is what a key does while the detail of a line is shown.
func (s State) look(key string) (State, Want) {
	switch key {
	case "esc", "enter", "backspace":
		s.detail = false
		return s.read()
	case "up", "k":
		s.scroll--
	case "down", "j":
		s.scroll++
	case "pgup":
		s.scroll -= s.detailRoom()
	case "pgdown":
		s.scroll += s.detailRoom()
	case "home", "g":
		s.scroll = 0
	case "end", "G":
		s.scroll = len(s.detailLines())
	}
	return s, Want{}
}

// list is what a key does while a table is shown.
func (s State) list(key string) (State, Want) {
	v := s.view()
	to := v.at
	switch key {
	case "up", "k":
		to--
	case "down", "j":
		to++
	case "pgup":
		to -= s.room()
	case "pgdown":
		to += s.room()
	case "home", "g":
		to = 0
	case "end", "G":
		to = len(v.rows) - 1
	case "<", "left", ",":
		return s.sorted(v.by-1, nil)
	case ">", "right", ".":
		return s.sorted(v.by+1, nil)
	case "r":
		down := !v.down
		return s.sorted(v.by, &down)
	case "/":
		s.typing = true
	case "esc":
		return s.filtered(""), Want{}
	case "enter":
		if v.selected == "" {
			break
		}
		v.held = true
		s = s.with(s.tab, v)
		s.detail, s.detailed, s.facts, s.factsAt, s.scroll = true, v.selected, nil, v.snapshot.At, 0
		return s.read()
	}
	if to = max(0, min(to, len(v.rows)-1)); to < len(v.rows) && to != v.at {
		v.at, v.selected = to, v.rows[to].ID
		v.held = to > 0 // the first line stays the first
	}
	return s.with(s.tab, v), Want{}
}

// sorted sorts by a column, and asks anew where that is not only another order of the same rows.
func (s State) sorted(by int, down *bool) (State, Want) {
	n := len(pages[s.tab].columns)
	v := s.view()
	v.by = (by + n) % n
	if v.down = s.column(v.by).Down; down != nil {
		v.down = *down
	}
	v.rows = v.table.arranged(v.filter, v.by, v.down)
	s = s.with(s.tab, v)
	if v.table.Of > len(v.table.Rows) || v.table.More {
		return s.read()
	}
	return s, Want{}
}

func (s State) filtered(filter string) State {
	v := s.view()
	v.filter = filter
	v.rows = v.table.arranged(v.filter, v.by, v.down)
	return s.with(s.tab, v)
}

// typed adds a character to a filter, if one is typed.
func (s State) typed(c rune) State {
	if !s.typing {
		return s
	}
	return s.edit(string(c)).settled()
}

// edit is what a key does while a filter is typed.
func (s State) edit(key string) State {
	filter := s.view().filter
	switch key {
	case "enter":
		s.typing = false
		return s
	case "esc":
		s.typing = false
		filter = ""
	case "backspace":
		_, last := utf8.DecodeLastRuneInString(filter)
		filter = filter[:len(filter)-last]
	case "ctrl+u":
		filter = ""
	case "space":
		filter += " "
	default:
		if utf8.RuneCountInString(key) != 1 || clean(key) != key || utf8.RuneCountInString(filter) >= maxFilter {
			return s
		}
		filter += key
	}
	return s.filtered(filter)
}
