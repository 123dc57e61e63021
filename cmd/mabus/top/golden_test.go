package top_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/cmd/mabus/top"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a text with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (write it with -update):\n%s", path, diff)
	}
}

// Every page at the size of a small and of a large terminal.
func TestFrames(t *testing.T) {
	for _, size := range []top.Size{{Width: 80, Height: 24}, {Width: 120, Height: 40}} {
		for _, tab := range top.Tabs {
			t.Run(fmt.Sprintf("%s-%dx%d", tab, size.Width, size.Height), func(t *testing.T) {
				s, _ := begun(tab).Next(size)
				s, _ = s.Next(top.Tick{Now: noon.Add(300 * time.Millisecond), Linked: true})
				golden(t, strings.ReplaceAll(t.Name(), "/", "-"), s.Page(top.Ink{})+"\n")
			})
		}
	}
}

// What else a page may be.
func TestOtherFrames(t *testing.T) {
	detail := func(s top.State) top.State {
		s, w := press(s, "enter")
		answer := sample(top.TabAgents)
		answer.Detail = []top.Fact{{Name: "module", Text: "echo"}, {}, {Name: "", Text: "latency_seconds: 320/s, mean 13ms, p50 13ms, p99 92ms, max 264ms, errors 4%"}, {Name: "log", Text: "one\ttwo\x07"}}
		s, _ = s.Next(top.Answer{Query: *w.Read, Snapshot: answer})
		return s
	}
	for name, of := range map[string]func() top.State{
		"help":    func() top.State { s, _ := press(begun(top.TabFleet), "?"); return s },
		"detail":  func() top.State { return detail(begun(top.TabAgents)) },
		"filter":  func() top.State { s, _ := press(begun(top.TabAgents), "/ f a i l e d"); return s },
		"nothing": func() top.State { return top.NewState("mabus", top.TabSessions, time.Second) },
		"paused":  func() top.State { s, _ := press(begun(top.TabHosts), "space"); return s },
		"narrow":  func() top.State { s, _ := begun(top.TabAgents).Next(top.Size{Width: 42, Height: 9}); return s },
		"stale": func() top.State {
			s, _ := begun(top.TabHosts).Next(top.Tick{Now: noon.Add(90 * time.Second), Linked: true})
			return s
		},
		"lost": func() top.State {
			s, _ := begun(top.TabHosts).Next(top.Tick{Now: noon.Add(7 * time.Second)})
			return s
		},
	} {
		t.Run(name, func(t *testing.T) { golden(t, "TestOtherFrames-"+name, of().Page(top.Ink{})+"\n") })
	}
}

// Colour says nothing that is not said without it, and without it there is no escape in a page.
func TestColourTellsNothing(t *testing.T) {
	for _, tab := range top.Tabs {
		s, _ := press(begun(tab), "down")
		plain, lit := s.Page(top.Ink{}), s.Page(top.Colours())
		if strings.Contains(plain, "\x1b") {
			t.Errorf("%s: an escape in %q", tab, plain)
		}
		if !strings.Contains(lit, "\x1b[") {
			t.Errorf("%s: no colour", tab)
		}
		if got := strings.ReplaceAll(unlit(lit), " ", ""); got != strings.NewReplacer(" ", "", "[", "", "]", "").Replace(plain) {
			t.Errorf("%s:\n%s\n%s", tab, got, plain)
		}
	}
}

// unlit removes colours from a text that has nothing else of the kind.
func unlit(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "\x1b[")
		b.WriteString(before)
		if !found {
			return strings.NewReplacer("[", "", "]", "").Replace(b.String())
		}
		_, s, _ = strings.Cut(after, "m")
	}
}

// A page as text has every row, and says what is missing.
func TestText(t *testing.T) {
	for _, tab := range top.Tabs {
		golden(t, "TestText-"+string(tab), sample(tab).Text())
	}
	empty := &top.Snapshot{Tab: top.TabAgents, Namespace: "n", Agents: &top.Agents{Of: 900}, Problems: []top.Problem{{Part: "metrics", Code: "unavailable", Error: "nobody answers"}}}
	if got := empty.Text(); !strings.Contains(got, "not read: metrics: nobody answers (unavailable)") || !strings.Contains(got, "the first 0 of 900") {
		t.Errorf("%s", got)
	}
}
