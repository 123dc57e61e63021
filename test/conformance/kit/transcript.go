package kit

import (
	"embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/codec"
)

//go:embed transcripts/*.txt
var files embed.FS

// Transcript is a conversation between a host and a worker.
type Transcript struct {
	// Name is that of its file, Title what it shows.
	Name, Title string
	steps       []step
	bare        bool // no init frame comes by itself
}

// step is a line of a transcript.
type step struct {
	line    int
	verb    string // >, <, silent, stop, eof, exit, stderr
	frame   frame  // of > and <
	raw     string // the same as it was written
	text    string // of stderr
	within  time.Duration
	status  string // of exit: a number, "not 0" or "any"
	group   int    // consecutive < have the same
	ignored []string
}

type frame map[string]any

// All returns the transcripts, in the order of their names.
func All() ([]*Transcript, error) {
	entries, err := files.ReadDir("transcripts")
	if err != nil {
		return nil, err
	}
	var all []*Transcript
	for _, e := range entries {
		text, err := files.ReadFile(path.Join("transcripts", e.Name()))
		if err != nil {
			return nil, err
		}
		t, err := Parse(strings.TrimSuffix(e.Name(), ".txt"), string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// patience is how long the worker has for a frame, unless the transcript says otherwise.
const patience = 10 * time.Second

// Parse reads a transcript.
func Parse(name, text string) (*Transcript, error) {
	t := &Transcript{Name: name}
	within, group := patience, 0
	var ignored []string
	for n, line := range strings.Split(text, "\n") {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		s := step{line: n + 1, verb: verb, within: within, ignored: ignored}
		fail := func(why any) (*Transcript, error) { return nil, fmt.Errorf("%s:%d: %v", name, n+1, why) }
		var err error
		switch verb {
		case "":
			continue
		case "#":
			if t.Title == "" {
				t.Title = rest
			}
			continue
		case "bare":
			t.bare = true
			continue
		case "ignore":
			ignored = strings.Fields(rest)
			continue
		case "within":
			within, err = time.ParseDuration(rest)
			if err != nil {
				return fail(err)
			}
			continue
		case ">", "<":
			s.raw = fill(rest)
			if err := codec.Read([]byte(s.raw), &s.frame); err != nil {
				return fail(err)
			}
		case "silent":
			s.within, err = time.ParseDuration(rest)
		case "stop", "eof":
		case "exit":
			s.status = rest
		case "stderr":
			s.text = rest
		default:
			return fail(fmt.Sprintf("%q is no step", verb))
		}
		if err != nil {
			return fail(err)
		}
		if len(t.steps) == 0 || t.steps[len(t.steps)-1].verb != verb || verb != "<" {
			group++
		}
		s.group = group
		t.steps = append(t.steps, s)
	}
	if t.Title == "" || len(t.steps) == 0 {
		return nil, fmt.Errorf("%s: a transcript has a title, in a line that begins with #, and steps", name)
	}
	return t, nil
}

var filler = regexp.MustCompile(`\$fill:(\d+)`)

// fill writes long texts out.
func fill(s string) string {
	return filler.ReplaceAllStringFunc(s, func(m string) string {
		n, err := strconv.Atoi(strings.TrimPrefix(m, "$fill:"))
		if err != nil {
			return m
		}
		return strings.Repeat("x", n)
	})
}

// key tells which frames must keep their order: those that are about one message, and those of one kind besides.
func (f frame) key() string {
	kind, _ := f["type"].(string)
	if id, ok := f["id"].(string); ok && kind != "call" && kind != "save" { // whose ids are the worker's
		return "message " + id
	}
	return kind
}

// tolerated tells whether a frame may come at any time.
func tolerated(f frame, ignored []string) bool {
	kind, _ := f["type"].(string)
	return kind == "ready" || kind == "log" || slices.Contains(ignored, kind)
}

// show writes a frame for people.
func show(f frame) string {
	line, err := codec.Marshal(f)
	if err != nil {
		return fmt.Sprint(map[string]any(f))
	}
	if len(line) > 300 {
		return fmt.Sprintf("%s... (%d bytes)", line[:300], len(line))
	}
	return string(line)
}

// read reads a line of the worker.
func read(line []byte) (frame, error) {
	var f frame
	if err := codec.Read(line, &f); err != nil {
		return nil, fmt.Errorf("standard output holds a line that is no frame: %.200q", line)
	}
	if kind, ok := f["type"].(string); !ok || kind == "" {
		return nil, fmt.Errorf("standard output holds a frame without a type: %.200q", line)
	}
	return f, nil
}
