package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mabus-project/mabus/shared/codec"
)

// says is an agent that answers every question with its argument.
const says = `while IFS= read -r line; do
  case $line in '{"type":"message",'*) ;; *) continue ;; esac
  id=${line#*\"id\":\"}
  printf '{"type":"result","id":"%s","payload":%s}\n' "${id%%\"*}" "$1"
done
`

// council runs everything in a process of its own, with agents that answer a session's questions by yes, but for the last, which says no.
func council(t *testing.T, agents ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write(t, filepath.Join(dir, "says.sh"), says)
	start(t, dir, "up", "--port", "0")
	found(t, filepath.Join(dir, ".mabus"))
	done(t, dir, "services", "wait", "agenthost", "--for", "1m40s")
	for i, id := range agents {
		answer := `"yes"`
		if i == len(agents)-1 {
			answer = `"no"`
		}
		done(t, dir, "agents", "start", id, "--", "sh", filepath.Join(dir, "says.sh"), answer)
	}
	return dir
}

// done runs a command that has to succeed, and returns what it prints.
func done(t *testing.T, dir string, args ...string) string {
	t.Helper()
	p := start(t, dir, args...)
	if code := p.status(t); code != 0 {
		t.Fatalf("mabus %s: exit status %d", strings.Join(args, " "), code)
	}
	return p.stdout.String()
}

// exempt are the places in an export that no chain covers, as the help says: tags, priority, limits of time, counts. The revision is
// the store's.
var exempt = regexp.MustCompile(`^/session/(tags|priority|timeout|deadline|revision|rounds/\d+/deadline|stats/.*)`)

func TestVerify(t *testing.T) {
	t.Parallel()
	dir := council(t, "a", "b", "c", "d")
	t.Run("notices every change", func(t *testing.T) { noticesChanges(t, dir) })
	t.Run("notices what is added", func(t *testing.T) { noticesAdditions(t, dir) })
}

// noticesChanges changes one place of an export after the other.
func noticesChanges(t *testing.T, dir string) {
	sessions := map[string][]string{
		"vote": {"--type", "voting", "--algorithm", "plurality", "--question", `{"deploy": [1.50, null]}`, "--tag", "x", "--within", "1m"},
		"pay":  {"--type", "byzantine_consensus", "--question", `{"pay": 5}`},
		"sole": {"--type", "announcement", "--question", `"done"`},
	}
	for id, flags := range sessions {
		done(t, dir, append([]string{"sessions", "start", "--members", "a,b,c,d", "--wait", "20s", "--id", id}, flags...)...)
		data := []byte(done(t, dir, "sessions", "export", id))
		if v, err := verify(data, "", nil); err != nil || v.Session != id || v.Answers == 0 || (v.Certificate != nil) != (id == "pay") {
			t.Fatalf("%s as it was exported: %+v, %v", id, v, err)
		}
		tried := 0
		for at, changed := range changes(t, data) {
			tried++
			if _, err := verify(changed, "", nil); (err == nil) != exempt.MatchString(at) {
				t.Errorf("%s with another %s: %v", id, at, err)
			}
		}
		if tried < 50 {
			t.Errorf("%s: only %d places were changed", id, tried)
		}
	}
}

// changes yields the JSON with another text, number or truth value in one place after the other, and nothing else changed.
func changes(t *testing.T, data []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		dec := jsontext.NewDecoder(bytes.NewReader(data))
		for {
			parent, n := dec.StackIndex(dec.StackDepth())
			name := parent == '{' && n%2 == 0
			switch dec.PeekKind() {
			case '{', '}', '[', ']', 0:
				if _, err := dec.ReadToken(); errors.Is(err, io.EOF) {
					return
				} else if err != nil {
					t.Fatal(err)
				}
				continue
			}
			value, err := dec.ReadValue()
			if err != nil {
				t.Fatal(err)
			}
			if name {
				continue
			}
			end := int(dec.InputOffset())
			changed := slices.Concat(data[:end-len(value)], another(string(value)), data[end:])
			if !yield(string(dec.StackPointer()), changed) {
				return
			}
		}
	}
}

// another is a value of the same form.
func another(value string) []byte {
	inner := strings.Trim(value, `"`)
	switch {
	case inner == value: // a number, null, true or false: all forms take the number 7, or it is refused
		return []byte("7" + strings.Trim(value, "aeflnrstu"))
	case len(inner) > 20 && inner[10] == 'T' && strings.HasSuffix(inner, "Z"):
		return []byte(`"2001` + inner[4:] + `"`)
	case strings.HasSuffix(inner, "s") && strings.Trim(inner, "0123456789.msµnh") == "":
		return []byte(`"1h"`)
	}
	return []byte(`"` + inner + `x"`)
}

// noticesAdditions: what no step speaks of is no part of the session.
func noticesAdditions(t *testing.T, dir string) {
	done(t, dir, "sessions", "start", "--type", "announcement", "--members", "a,b,c", "--wait", "20s", "--id", "added")
	data := []byte(done(t, dir, "sessions", "export", "added"))
	var e exported
	decode(t, data, &e)
	if v, err := verify(data, e.Session.Head, nil); err != nil || v.Known != len(e.Steps) {
		t.Errorf("its own head: %+v, %v", v, err)
	}
	if v, err := verify(data, strings.Repeat("0", len(e.Session.Head)), nil); err == nil {
		t.Errorf("another head: %+v", v)
	}
	for name, change := range map[string]func(e *exported){
		"a round":   func(e *exported) { e.Session.Rounds = append(e.Session.Rounds, e.Session.Rounds[0]) },
		"no rounds": func(e *exported) { e.Session.Rounds = nil },
		"an answer": func(e *exported) { e.Session.Rounds[0].Asks[1].Answer = json.RawMessage(`"no"`) },
		"an error":  func(e *exported) { e.Session.Rounds[0].Asks[1].Error = "x" },
		"a question": func(e *exported) {
			e.Session.Rounds[0].Asks = append(e.Session.Rounds[0].Asks, e.Session.Rounds[0].Asks[0])
		},
		"a step":          func(e *exported) { e.Steps = append(e.Steps, e.Steps[len(e.Steps)-1]) },
		"no last step":    func(e *exported) { e.Steps = e.Steps[:len(e.Steps)-1] },
		"no first step":   func(e *exported) { e.Steps = e.Steps[1:] },
		"no step":         func(e *exported) { e.Steps = e.Steps[:0] },
		"two in a row":    func(e *exported) { e.Steps[2], e.Steps[3] = e.Steps[3], e.Steps[2] },
		"a negative step": func(e *exported) { e.Steps[1].Round = -1 },
		"a far round":     func(e *exported) { e.Steps[1].Round = 1 << 40 },
	} {
		var e exported
		decode(t, data, &e)
		change(&e)
		changed, err := codec.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := verify(changed, "", nil); err == nil {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// TestVerifyTakesAnything: whatever is in the file, it is an error.
func TestVerifyTakesAnything(t *testing.T) {
	errKeys := errors.New("no keys")
	for _, text := range []string{
		``, `{}`, `[]`, `null`, `1`, `{"session":1,"steps":2}`, `{"session":{},"steps":[]}`, `{"session":null,"steps":null}`, `{"signatures":[]}`,
		`{"session":{"type":"byzantine_consensus","state":"completed"},"steps":[]}`,
		`{"session":{"id":"a","type":"byzantine_consensus","state":"completed","rounds":[{},{}]},"steps":[{"number":1,"what":"started"}]}`,
		`{"session":{"rounds":[{"asks":null}]},"steps":[{"number":1,"what":"asked","round":1},{"number":2,"what":"answered","round":1,"member":"a"}]}`,
	} {
		if v, err := verify([]byte(text), "", func() ([]byte, error) { return nil, errKeys }); err == nil {
			t.Errorf("%s: %+v", text, v)
		}
	}
	for _, keys := range []string{``, `{}`, `[]`, `[{"id":"a","key":"U"}]`, `[1]`, `null`} {
		if v, err := verify([]byte(`{"session":"s","view":0,"seq":1,"digest":"","value":"","signatures":[]}`), "", func() ([]byte, error) { return []byte(keys), nil }); err == nil {
			t.Errorf("%s: %+v", keys, v)
		}
	}
}
