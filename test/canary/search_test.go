package canary_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// canary is a value that must not be seen, and the forms in which it would be one all the same.
type canary struct {
	name  string
	forms []string
}

// newCanary makes a canary of letters and digits, which stand for themselves in JSON and URLs.
func newCanary(name, value string) canary {
	c := canary{name, []string{value, strings.ToUpper(hex.EncodeToString([]byte(value))), hex.EncodeToString([]byte(value))}}
	for skip := range 3 { // base64 has three, by where in it the value begins
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, skip), value...))
		c.forms = append(c.forms, text[4:len(text)-4]) // without what its neighbours change
	}
	return c
}

// mark is what the workers' tales say where a canary was taken out.
const mark = "FROM_ENV=***"

// search looks for canaries, and notes where it has seen one.
type search struct {
	canaries []canary
	mu       sync.Mutex
	found    map[string]string // by place and canary: what stands around it
	hidden   map[string]bool   // places where a canary would have been, had it not been taken out
	looked   int               // bytes
}

// in looks at a text from a place.
func (s *search) in(place, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked += len(text)
	if strings.Contains(text, mark) {
		s.hidden[place] = true
	}
	for _, c := range s.canaries {
		for _, form := range c.forms {
			if at := strings.Index(text, form); at >= 0 {
				s.found[place+": "+c.name] = text[max(0, at-200):min(len(text), at+len(form)+20)]
			}
		}
	}
}

// seen returns what stands around the canaries that were found, by place and canary.
func (s *search) seen() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.found)
}

// bytes returns how much was looked at.
func (s *search) bytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looked
}

// hid tells whether a canary was taken out at a place.
func (s *search) hid(place string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hidden[place]
}

func newSearch(canaries ...canary) *search {
	return &search{canaries: canaries, found: map[string]string{}, hidden: map[string]bool{}}
}

// streams reads every message of every stream, bucket and object store of the server, also what is there of older revisions.
func (s *search) streams(t *testing.T, js jetstream.JetStream) (messages int) {
	t.Helper()
	names := js.StreamNames(t.Context())
	for name := range names.Name() {
		stream, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		last := map[string]string{} // the end of the message before, by subject: a value may be cut in two
		state := stream.CachedInfo().State
		for seq := state.FirstSeq; seq <= state.LastSeq && state.Msgs > 0; seq++ {
			m, err := stream.GetMsg(t.Context(), seq)
			if err != nil { // it was removed
				continue
			}
			messages++
			s.in("stream "+name, fmt.Sprint(m.Subject, m.Header)+last[m.Subject]+string(m.Data))
			last[m.Subject] = string(m.Data[max(0, len(m.Data)-256):])
		}
	}
	if err := names.Err(); err != nil {
		t.Fatal(err)
	}
	return messages
}

// files looks into every file of a directory.
func (s *search) files(t *testing.T, place, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		s.in(place, path+" "+string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// processes looks at the command lines of all processes, as ps does.
func (s *search) processes() (seen int) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline") // there are none on other systems
	for _, path := range lines {
		if data, err := os.ReadFile(path); err == nil { // it may have ended
			s.in("command line", string(data))
			seen++
		}
	}
	return seen
}
