package exec_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
)

// reader notes the parts that it gets. With a gate it takes none before that is closed.
type reader struct {
	gate   <-chan struct{}
	broken error // what it answers to chunks
	answer func(ctx context.Context, question string) (string, error)

	mu   sync.Mutex
	seen []string
}

func (r *reader) take(ctx context.Context, kind string, payload json.RawMessage) error {
	if r.gate != nil {
		select {
		case <-r.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, kind+" "+string(payload))
	return r.broken
}

func (r *reader) Chunk(ctx context.Context, payload json.RawMessage) error {
	return r.take(ctx, "chunk", payload)
}

func (r *reader) Progress(ctx context.Context, payload json.RawMessage) error {
	return r.take(ctx, "progress", payload)
}

func (r *reader) Checkpoint(ctx context.Context, payload json.RawMessage) error {
	return r.take(ctx, "checkpoint", payload)
}

func (r *reader) Ask(ctx context.Context, question json.RawMessage) (json.RawMessage, error) {
	if err := r.take(ctx, "ask", question); err != nil {
		return nil, err
	}
	got, err := r.answer(ctx, string(question))
	return json.RawMessage(got), err
}

func (r *reader) parts() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

// streamers are workers that answer in parts.
var streamers = map[string]func(in *bufio.Reader, out *bufio.Writer){
	// interleave collects four messages, writes 500 chunks and progress frames of each in turn, and answers last to first.
	"interleave": func(in *bufio.Reader, out *bufio.Writer) {
		var have []line
		for l, ok := nextLine(in); ok; l, ok = nextLine(in) {
			if l.Type != "message" {
				continue
			}
			if have = append(have, l); len(have) < 4 {
				continue
			}
			for i := range 500 {
				for _, m := range have {
					fmt.Fprintf(out, `{"type":"chunk","id":%q,"payload":[%s,%d]}`+"\n", m.ID, m.Payload, i)
					fmt.Fprintf(out, `{"type":"progress","id":%q,"payload":%d}`+"\n", m.ID, i)
				}
			}
			slices.Reverse(have)
			for _, m := range have {
				result(out, m.ID, m.Payload)
			}
			have = nil
		}
	},
	// brief answers with one chunk and the result, in one write.
	"brief": func(in *bufio.Reader, out *bufio.Writer) {
		for l, ok := nextLine(in); ok; l, ok = nextLine(in) {
			if l.Type == "message" {
				fmt.Fprintf(out, `{"type":"chunk","id":%q}`+"\n", l.ID)
				result(out, l.ID, l.Payload)
			}
		}
	},
	// gush answers a number with as many chunks of 1 KiB, and any other message with its payload.
	"gush": func(in *bufio.Reader, out *bufio.Writer) {
		pad := strings.Repeat("x", 1000)
		var mu sync.Mutex
		var wg sync.WaitGroup
		defer wg.Wait()
		write := func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(out, format+"\n", args...)
			_ = out.Flush()
		}
		for l, ok := nextLine(in); ok; l, ok = nextLine(in) {
			switch l.Type {
			case "message":
				wg.Go(func() {
					n := 0
					_, _ = fmt.Sscan(string(l.Payload), &n)
					for i := range n {
						write(`{"type":"chunk","id":%q,"payload":"%d %s"}`, l.ID, i, pad)
					}
					write(`{"type":"result","id":%q,"payload":%s}`, l.ID, l.Payload)
				})
			case "cancel":
				fmt.Fprintf(os.Stderr, "cancel %s\n", l.ID)
			}
		}
	},
}

func read(t testing.TB, p *exec.Process, payload string, r agent.Parts) string {
	t.Helper()
	got, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(payload), Parts: r})
	if err != nil {
		t.Fatalf("handle %.100s: %v", payload, err)
	}
	return string(got)
}

func TestPartsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	spec := self(t, "interleave")
	spec.Concurrency = 4
	p := start(t, spec, exec.Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			r := &reader{}
			if got := read(t, p, fmt.Sprint(i), r); got != fmt.Sprint(i) {
				t.Errorf("got %s, want %d", got, i)
			}
			var want []string
			for n := range 500 {
				want = append(want, fmt.Sprintf("chunk [%d,%d]", i, n), fmt.Sprintf("progress %d", n))
			}
			if !slices.Equal(r.seen, want) { // when Handle returns all of it is there
				t.Errorf("message %d: %d parts, or out of order", i, len(r.seen))
			}
		})
	}
	wg.Wait()
}

func TestNoPartComesAfterTheAnswer(t *testing.T) {
	t.Parallel()
	p := start(t, self(t, "brief"), exec.Options{})
	for range 500 {
		r := &reader{}
		read(t, p, `1`, r)
		if len(r.seen) != 1 {
			t.Fatalf("the reader had %d parts when the answer came", len(r.seen))
		}
	}
}

func TestPartsNobodyReads(t *testing.T) {
	t.Parallel()
	p := start(t, self(t, "gush"), exec.Options{})
	for _, r := range []agent.Parts{nil, agent.NoParts{}, &agent.NoParts{}} {
		if got := read(t, p, `1000`, r); got != `1000` {
			t.Fatal(got)
		}
	}
}

func TestWorkerIsToldWhoReads(t *testing.T) {
	t.Parallel()
	p := start(t, self(t, "frames"), exec.Options{})
	if got := read(t, p, `"report"`, agent.NoParts{}); strings.Contains(got, "stream") {
		t.Errorf("nobody reads, but the worker saw %s", got)
	}
	if got := read(t, p, `"report"`, &reader{}); !strings.Contains(got, `{\"type\":\"message\",\"id\":\"2\",\"stream\":true,\"payload\":`) {
		t.Errorf("the worker saw %s", got)
	}
}

func TestStrayParts(t *testing.T) {
	t.Parallel()
	opt, log := logged()
	p := start(t, shEach(`printf '{"type":"chunk","id":"%s","payload":1}\n{"type":"progress","id":"%s"}\n' "$id" "$id"
for kind in chunk progress need_input; do echo '{"type":"'$kind'","id":"99"}'; echo '{"type":"'$kind'"}'; done
printf '{"type":"result","id":"%s"}\n{"type":"chunk","id":"%s","payload":2}\n' "$id" "$id"`), opt)
	for range 2 {
		r := &reader{}
		if got := read(t, p, `1`, r); got != `null` || !slices.Equal(r.seen, []string{"chunk 1", "progress null"}) {
			t.Fatalf("got %s after %q", got, r.seen)
		}
	}
	eventually(t, "both chunks after the answer are in the log", func() bool {
		return strings.Count(log.String(), "a part of an answer of the worker to a message that it does not have") == 14
	})
}

func TestBrokenChunkFailsItsMessageAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t, shEach(`case $payload in 1)
printf '{"type":"chunk","id":"%s","payload":1}\n{"type":"chunk","id":"%s","payload":NaN}\n{"type":"chunk","id":"%s","payload":3}\n' "$id" "$id" "$id"
IFS= read -r cancel; echo "$cancel" >&2 ;; esac
printf '{"type":"result","id":"%s"}\n' "$id"`), exec.Options{})
	r := &reader{}
	_, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(`1`), Parts: r})
	wantError(t, err, api.FailedPrecondition, api.ReasonAgentError, false)
	if got := r.parts(); !slices.Equal(got, []string{"chunk 1"}) {
		t.Errorf("the reader got %q", got)
	}
	if got := ask(t, p, `2`); got != `null` {
		t.Error(got)
	}
	if err := p.Stop(t.Context()); err != nil { // when all of its standard error has been read, too
		t.Error(err)
	}
	if got := p.LogTail(); !slices.Equal(got, []string{`{"type":"cancel","id":"1"}`}) {
		t.Errorf("the worker saw %q", got)
	}
}

func TestReaderThatFails(t *testing.T) {
	t.Parallel()
	opt := exec.Options{}
	p := start(t, self(t, "gush"), opt)
	r := &reader{broken: errors.New("the line is dead")}
	_, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(`100`), Parts: r})
	if !errors.Is(err, r.broken) {
		t.Fatalf("got %v", err)
	}
	if n := len(r.parts()); n != 1 {
		t.Errorf("it was handed %d parts", n)
	}
	eventually(t, "the worker has the cancel frame", func() bool { return slices.Contains(p.LogTail(), "cancel 1") })
	if got := ask(t, p, `"on"`); got != `"on"` || p.Held() != 0 {
		t.Fatalf("got %s, %d bytes are held", got, p.Held())
	}
}
