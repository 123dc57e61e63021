package canary_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client/job/run"
)

// Nothing that agents do with a secret in plain text shows it to anybody but themselves: it is not in what is stored, sent, logged, traced
// or measured, nor on a command line, nor in what callers hear.
func TestSecretsAreNotSeen(t *testing.T) {
	for mode, build := range map[string]func(*testing.T) *world{"open": newOpen, "strict": newStrict} {
		t.Run(mode, func(t *testing.T) { notSeen(t, build(t)) })
	}
}

func notSeen(t *testing.T, w *world) {
	t.Helper()
	w.programs(t)
	w.endpoints(t)
	w.job(t, "run1", nil)
	w.job(t, "run2", &run.Market{Budget: budget})
	w.session(t)
	w.asks(t)
	w.processes()
	w.stop(t)
	for _, p := range w.running {
		w.in("log", p.said.String())
	}
	js, err := jetstream.New(w.c.Conn().NC)
	if err != nil {
		t.Fatal(err)
	}
	messages := w.streams(t, js)
	w.srv.Stop()
	w.files(t, "files of the server", w.srv.DataDir())
	for place, text := range w.seen() {
		t.Errorf("a secret was seen in %s: %q", place, text)
	}
	// It proves something only if secrets would have been there.
	for _, place := range append([]string{
		"what a caller hears of answer", "what a caller hears of error", "what a caller hears of a job", "what a caller hears of a start", "what a caller hears of a record",
		"what a caller hears of a stream", "log", "stream mabus_log_coordination", "stream mabus_results", "stream KV_mabus_state", "stream KV_mabus_agents", "stream mabus_events", "files of the server",
		"what a caller hears of a message by the load balancer",
	}, w.heardOn...) {
		if !w.hid(place) {
			t.Errorf("no secret had to be taken out of: %s", place)
		}
	}
	if looked := w.bytes(); messages < 100 || looked < 1<<20 {
		t.Errorf("only %d messages and %d bytes were looked at", messages, looked)
	}
}
