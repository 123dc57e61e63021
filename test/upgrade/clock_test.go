package upgrade_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// spared are clocks that no story can have run out, by the beginning of what is said of them, and why they change no answer.
var spared = map[string]string{
	"the log of economics has the timer reputation/report/": "what is asked of a report is remembered for an hour after its end: no reading asks for it",
	"stream tasks has Nats-Schedule":                        "a task that waits for an answer is looked at again every ten minutes, and waits on",
}

// Nothing in a golden directory depends on the day on which it is read.
func TestFrozenClocksHaveRunOut(t *testing.T) {
	for _, dir := range frozen(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			runOut(t, dir)
		})
	}
}

// runOut demands that what ends by a clock has ended in the log, and that no record or answer names a time that was to come when the
// directory was written.
func runOut(t *testing.T, dir string) {
	t.Helper()
	wrong := func(format string, args ...any) {
		t.Helper()
		what := fmt.Sprintf(format, args...)
		for begin := range spared {
			if strings.HasPrefix(what, begin) {
				return
			}
		}
		t.Errorf("%s: it would change with the day on which it is read: let it end before the stores are copied, or have no end at all", what)
	}
	conn, m := restored(t, dir)
	_, late, left := logs(t, conn)
	for log, timers := range late {
		for _, h := range timers {
			wrong("the log of %s has the timer %s, due at %s", log, h.Key, h.Time)
		}
	}
	for _, p := range left {
		wrong("the effect %s has no outcome yet", p.ID)
	}
	for _, s := range api.Stores {
		messages(t, conn, s.Stream(api.DefaultNamespace), func(msg *jetstream.RawStreamMsg) {
			for _, h := range []string{"Nats-Schedule", "Nats-TTL", "Nats-Schedule-TTL"} {
				if v := msg.Header.Get(h); v != "" {
					wrong("%s %s has %s %s on %s", s.Kind, s.Name, h, v, msg.Subject)
				}
			}
			for _, at := range ahead(msg.Data, m.Ended) {
				wrong("%s %s names %s on %s", s.Kind, s.Name, at, msg.Subject)
			}
		})
	}
	for _, line := range lines(t, filepath.Join(dir, "answers.jsonl")) {
		var r reading
		if err := codec.Read(line, &r); err != nil {
			t.Fatal(err)
		}
		for _, at := range ahead(r.Answer, m.Ended) {
			wrong("%s %s answers with %s", r.Method, r.Request, at)
		}
	}
}

// ended are fields that say when something was over: what it says of later is what would have been.
var ended = []string{"ended_at", "finished_at", "closed_at"}

// ahead returns the times in a JSON value that come after one, each with the name of its field.
func ahead(data []byte, after time.Time) (found []string) {
	var v any
	if json.Unmarshal(data, &v) != nil {
		return nil // of a form of its own: the machines' logs are replayed
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, name := range ended {
				if s, ok := v[name].(string); ok && s != "" {
					return
				}
			}
			for name, inner := range v {
				walk(path+"/"+name, inner)
			}
		case []any:
			for _, inner := range v {
				walk(path+"/-", inner)
			}
		case string:
			if at, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(v)); err == nil && at.After(after) {
				found = append(found, fmt.Sprintf("%s %s", path, v))
			}
		}
	}
	walk("", v)
	return found
}
