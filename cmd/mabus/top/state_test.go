package top_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/cmd/mabus/top"
)

// begun is a state of which every page is known, an instant after they were read.
func begun(tab top.Tab) top.State {
	s := top.NewState("mabus", tab, time.Second)
	s, _ = s.Next(top.Tick{Now: noon, Linked: true})
	for _, t := range top.Tabs {
		s, _ = s.Next(top.Answer{Query: top.Query{Tab: t}, Snapshot: sample(t)})
	}
	return s
}

// press presses the keys of a line, with spaces between, and returns what was wanted of the last.
func press(s top.State, keys string) (top.State, top.Want) {
	var w top.Want
	for k := range strings.FieldsSeq(keys) {
		s, w = s.Next(top.Key(k))
	}
	return s, w
}

func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		tab      top.Tab
		keys     string
		on       top.Tab
		selected string
		paused   bool
		want     string // what the last key asks for
	}{
		{top.TabFleet, "", top.TabFleet, "registry", false, ""},
		{top.TabFleet, "q", top.TabFleet, "registry", false, "quit"},
		{top.TabFleet, "ctrl+c", top.TabFleet, "registry", false, "quit"},
		{top.TabFleet, "/ q", top.TabFleet, "", false, ""},
		{top.TabFleet, "/ ctrl+c", top.TabFleet, "registry", false, "quit"},
		{top.TabFleet, "? q", top.TabFleet, "registry", false, "quit"},
		{top.TabFleet, "? 3", top.TabFleet, "registry", false, ""}, // the key ends the help and does no more
		{top.TabFleet, "3", top.TabAgents, "writer-32", false, "agents CALLS/S down"},
		{top.TabFleet, "shift+tab", top.TabAuctions, "gpu-1", false, "auctions ENDS IN up"},
		{top.TabAuctions, "tab", top.TabFleet, "registry", false, "fleet CALLS/S down"},
		{top.TabFleet, "9", top.TabFleet, "registry", false, ""},
		{top.TabFleet, "0", top.TabFleet, "registry", false, ""},
		{top.TabHosts, "down down down", top.TabHosts, "h3", false, ""},
		{top.TabHosts, "j j k", top.TabHosts, "h2", false, ""},
		{top.TabHosts, "up", top.TabHosts, "h1", false, ""},
		{top.TabAgents, "end", top.TabAgents, "writer-21", false, ""}, // without figures, so last whichever way
		{top.TabAgents, "pgdown pgdown pgup home", top.TabAgents, "writer-32", false, ""},
		{top.TabAgents, "r", top.TabAgents, "writer-00", false, ""},
		{top.TabAgents, "r r", top.TabAgents, "writer-32", false, ""},
		{top.TabAgents, "<", top.TabAgents, "writer-00", false, ""}, // the type: all alike, so by name
		{top.TabAgents, "left left left right right right right", top.TabAgents, "writer-32", false, ""},
		{top.TabAgents, "down down r", top.TabAgents, "writer-30", false, ""}, // the selected line stays selected
		{top.TabAgents, "/ - 0 enter", top.TabAgents, "writer-09", false, ""},
		{top.TabAgents, "/ x x backspace backspace backspace", top.TabAgents, "writer-32", false, ""},
		{top.TabAgents, "/ x esc", top.TabAgents, "writer-32", false, ""},
		{top.TabAgents, "/ f a i l enter esc", top.TabAgents, "writer-32", false, ""},
		{top.TabAgents, "/ F A I L", top.TabAgents, "writer-05", false, ""},
		{top.TabAgents, "/ x ctrl+u", top.TabAgents, "writer-32", false, ""},
		{top.TabAgents, "space", top.TabAgents, "writer-32", true, ""},
		{top.TabAgents, "space 2", top.TabHosts, "h1", true, ""},
		{top.TabAgents, "space space", top.TabAgents, "writer-32", false, "agents CALLS/S down"},
		{top.TabAgents, "down enter", top.TabAgents, "writer-31", false, "agents CALLS/S down writer-31"},
		{top.TabAgents, "enter esc", top.TabAgents, "writer-32", false, "agents CALLS/S down"},
		{top.TabAgents, "enter 2", top.TabHosts, "h1", false, "hosts CPU down"},
		{top.TabTasks, "> r", top.TabTasks, "page-0", false, "tasks NAME down"}, // there are more tasks than were read
		{top.TabAgents, "F5 ctrl+x alt+enter", top.TabAgents, "writer-32", false, ""},
	} {
		t.Run(string(tt.tab)+" "+tt.keys, func(t *testing.T) {
			s := begun(tt.tab)
			first, _, _ := s.Selected()
			keys := strings.Fields(tt.keys)
			for _, k := range keys[:max(0, len(keys)-1)] {
				var w top.Want
				if s, w = press(s, k); w.Read != nil { // it comes at once
					s, _ = s.Next(top.Answer{Query: *w.Read, Err: errors.New("not now")})
				}
			}
			var w top.Want
			if len(keys) > 0 {
				s, w = press(s, keys[len(keys)-1])
			}
			if id, _, _ := s.Selected(); id != tt.selected || s.Tab() != tt.on || s.Paused() != tt.paused {
				t.Errorf("on %s at %q, paused %t; began at %q", s.Tab(), id, s.Paused(), first)
			}
			if got := said(w); got != tt.want {
				t.Errorf("asks for %q, want %q", got, tt.want)
			}
		})
	}
}

func said(w top.Want) string {
	switch {
	case w.Quit:
		return "quit"
	case w.Read == nil:
		return ""
	}
	way := "up"
	if w.Read.Down {
		way = "down"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", w.Read.Tab, w.Read.By, way, w.Read.Detail))
}

// A page is read once an interval, one at a time, and not while it is paused or the connection is lost.
func TestPace(t *testing.T) {
	s := top.NewState("mabus", top.TabHosts, time.Second)
	at := func(ms int, linked bool) string {
		var w top.Want
		s, w = s.Next(top.Tick{Now: noon.Add(time.Duration(ms) * time.Millisecond), Linked: linked})
		return said(w)
	}
	answer := func(err error) string {
		var w top.Want
		s, w = s.Next(top.Answer{Query: top.Query{Tab: top.TabHosts}, Snapshot: sample(top.TabHosts), Err: err})
		return said(w)
	}
	key := func(k top.Key) string {
		var w top.Want
		s, w = s.Next(k)
		return said(w)
	}
	title := func() string { return strings.SplitN(s.Page(top.Ink{}), "\n", 2)[0] }
	for i, step := range []struct {
		got, want string
	}{
		{at(0, true), "hosts CPU down"},
		{at(1000, true), ""}, // it has not come
		{answer(nil), ""},
		{at(1200, true), "hosts CPU down"},
		{key("3"), ""},
		{answer(nil), "agents CALLS/S down"}, // what is shown has changed meanwhile
		{answer(nil), ""},
		{at(1300, true), ""},
		{at(2200, true), "agents CALLS/S down"},
		{answer(nil), ""},
		{key("space"), ""},
		{at(9000, true), ""},
		{key("2"), ""},
		{key("space"), "hosts CPU down"},
		{answer(context.DeadlineExceeded), ""},
		{at(10_000, false), ""},
		{at(10_500, false), ""},
		{at(11_000, true), "hosts CPU down"}, // as soon as it is back
	} {
		if step.got != step.want {
			t.Errorf("step %d: asks for %q, want %q", i, step.got, step.want)
		}
	}
	if got := title(); !strings.Contains(got, "NOT READ, 11s old") {
		t.Errorf("%q", got)
	}
	answer(nil)
	if got := title(); !strings.Contains(got, "STALE, 11s old") {
		t.Errorf("%q", got)
	}
	at(12_000, false)
	if got := title(); !strings.Contains(got, "NO CONNECTION, trying again, 12s old") {
		t.Errorf("%q", got)
	}
}

// What is old stays, and what could not be read is said.
func TestFailures(t *testing.T) {
	s := begun(top.TabHosts)
	s, _ = s.Next(top.Answer{Query: top.Query{Tab: top.TabHosts}, Err: errors.New("nobody \x1b[2J answers")})
	page := s.Page(top.Ink{})
	if !strings.Contains(page, ">h1") || !strings.Contains(page, "not read: nobody  [2J answers") {
		t.Errorf("%s", page)
	}
	missing := sample(top.TabHosts)
	missing.Problems = []top.Problem{{Part: "metrics", Code: "unavailable", Error: "nobody answers"}}
	missing.Metrics.LostIntervals = 3
	s, _ = s.Next(top.Answer{Query: top.Query{Tab: top.TabHosts}, Snapshot: missing})
	page = s.Page(top.Ink{})
	if !strings.Contains(page, "not read: metrics: nobody answers (unavailable)") || !strings.Contains(page, "3 deltas") {
		t.Errorf("%s", page)
	}
	if got := top.NewState("n", "moon", time.Second).Tab(); got != top.TabFleet {
		t.Errorf("on %s", got)
	}
	for _, odd := range []any{nil, 7, top.Answer{}, top.Answer{Query: top.Query{Tab: "moon"}}, top.Answer{Query: top.Query{Tab: top.TabHosts}}, top.Size{}, top.Size{Width: -3, Height: 1}} {
		s, _ = s.Next(odd)
		_ = s.Page(top.Colours())
	}
}

// Whatever is pressed and read, nothing panics, the selection is one of the rows, no line is too wide, and nothing is read twice at a time
// or while it is paused.
func TestAnythingGoes(t *testing.T) {
	keys := append(strings.Fields("up down pgup pgdown home end enter esc backspace tab shift+tab space left right < > r / ? j k g G q ctrl+c ctrl+u a w 世 é 1 2 3 4 5 6 7"), "\x1b")
	rapid.Check(t, func(t *rapid.T) {
		s := top.NewState("mabus", rapid.SampledFrom(top.Tabs).Draw(t, "tab"), time.Second)
		now, asked := noon, (*top.Query)(nil)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			before, paused := asked, s.Paused()
			var message any
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				message = top.Size{Width: rapid.IntRange(-1, 130).Draw(t, "width"), Height: rapid.IntRange(-1, 50).Draw(t, "height")}
			case 1, 2:
				now = now.Add(time.Duration(rapid.IntRange(-100, 3000).Draw(t, "ms")) * time.Millisecond)
				message = top.Tick{Now: now, Linked: rapid.IntRange(0, 5).Draw(t, "link") > 0}
			case 3, 4:
				if asked == nil {
					continue
				}
				a := top.Answer{Query: *asked, Snapshot: anySnapshot(t, *asked)}
				if rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
					a.Snapshot, a.Err = nil, errors.New("no\nanswer")
				}
				message, before, asked = a, nil, nil
			default:
				message = top.Key(rapid.SampledFrom(keys).Draw(t, "key"))
			}
			old := s.Page(top.Ink{})
			next, w := s.Next(message)
			if s.Page(top.Ink{}) != old {
				t.Fatal("a state has changed")
			}
			s = next
			if w.Read != nil {
				if before != nil || paused && s.Paused() {
					t.Fatalf("%v asks for %v, paused %t, while %v is read", message, *w.Read, paused, before)
				}
				asked = w.Read
			}
			if id, at, of := s.Selected(); at < 0 || of > 0 && (at >= of || id == "") || of == 0 && id != "" {
				t.Fatalf("%q at %d of %d", id, at, of)
			}
			sized(t, s, top.Ink{})
			sized(t, s, top.Colours())
		}
	})
}

// sized checks that a page fits the terminal.
func sized(t *rapid.T, s top.State, ink top.Ink) {
	width, height := s.Size()
	lines := strings.Split(s.Page(ink), "\n")
	if len(lines) != height {
		t.Fatalf("%d lines of %d", len(lines), height)
	}
	for _, l := range lines {
		if lipgloss.Width(l) > width {
			t.Fatalf("%q is wider than %d", l, width)
		}
	}
}

// anySnapshot is a page of which some is missing.
func anySnapshot(t *rapid.T, q top.Query) *top.Snapshot {
	s := sample(q.Tab)
	if q.Detail != "" {
		s.Detail = []top.Fact{{Name: "a name that is longer than there is room for", Text: strings.Repeat("long text ", rapid.IntRange(0, 60).Draw(t, "text"))}, {}}
	}
	switch keep := rapid.IntRange(0, 40).Draw(t, "keep"); {
	case keep == 0:
		s.Fleet, s.Hosts, s.Agents, s.Tasks, s.Sessions, s.Auctions, s.Metrics = nil, nil, nil, nil, nil, nil, nil
	case s.Agents != nil:
		s.Agents.List = s.Agents.List[:min(keep, len(s.Agents.List))]
	case s.Hosts != nil:
		s.Hosts.List = s.Hosts.List[:min(keep, len(s.Hosts.List))]
		s.Hosts.List[0].ID = strings.Repeat("世界", keep)
	case s.Fleet != nil && keep < 5:
		s.Fleet = &top.Fleet{}
	case s.Tasks != nil:
		s.Tasks.Stats, s.Tasks.List = nil, s.Tasks.List[:min(keep, len(s.Tasks.List))]
	}
	return s
}
