package exec_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
)

func TestWorkerThatDoesNotRead(t *testing.T) {
	spec := self(t, "deaf")
	spec.Concurrency, spec.Mailbox = 8, 4
	p := start(t, spec, exec.Options{Grace: 50 * time.Millisecond})
	payload := []byte(`"` + strings.Repeat("x", 100_000) + `"`)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	codes := make(chan api.Code, 20)
	for range 20 {
		go func() {
			_, err := p.Handle(ctx, &agent.Message{Payload: payload})
			codes <- api.CodeOf(err)
		}()
	}
	count := map[api.Code]int{}
	for i := range 20 {
		if i == 8 { // all that are refused have been, however late the last of them came; the others are given up
			cancel()
		}
		count[<-codes]++
	}
	if count[api.Overloaded] != 8 || count[api.Cancelled] != 12 {
		t.Errorf("got %v, want 8 overloaded (20 less 8 with the worker and 4 waiting) and 12 cancelled", count)
	}
	begin := time.Now()
	_ = p.Stop(t.Context())
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("Stop took %s", took)
	}
}

func TestAnsweringWithoutReadingFillsTheQueue(t *testing.T) {
	t.Parallel()
	// The worker guesses the ids and frees the slots, so the frames pile up in the queue until that is full.
	spec := shell(`i=0; while :; do i=$((i+1)); echo "{\"type\":\"result\",\"id\":\"$i\"}"; [ $i -ge 400 ] && i=0; done`)
	p := start(t, spec, exec.Options{Grace: 50 * time.Millisecond})
	payload := []byte(`"` + strings.Repeat("x", 100_000) + `"`)
	for range 400 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := p.Handle(ctx, &agent.Message{Payload: payload})
		cancel()
		if err != nil {
			wantError(t, err, api.Overloaded, api.ReasonMailboxFull, false)
			return
		}
	}
	t.Fatal("nothing was refused")
}

func TestFlood(t *testing.T) {
	opt, log := logged()
	p := start(t, self(t, "flood"), opt)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if got := ask(t, p, `"here"`); got != `"here"` {
		t.Fatal(got)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if lines := strings.Count(log.String(), "\n"); lines > 200 {
		t.Errorf("the flood put %d lines into the log", lines)
	}
	if !log.has("a message that it does not have") {
		t.Error("the flood was not logged at all")
	}
}

func TestJunk(t *testing.T) {
	t.Parallel()
	opt, log := logged()
	p := start(t, shEach(`i=0; while [ $i -lt $payload ]; do echo "debug output $i"; i=$((i+1)); done
echo ''; echo '{"type":"from the future","id":"1"}'; echo '{"no":"type"}'
printf '{"type":"result","id":"%s"}\n' "$id"`), opt)
	if got := ask(t, p, `50`); got != `null` {
		t.Fatal(got)
	}
	for _, want := range []string{"debug output 7", "unknown type", "from the future", `"level":"warn"`} {
		if !log.has(want) {
			t.Errorf("not in the log: %s", want)
		}
	}
	_, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(`50`)})
	wantError(t, err, api.Unavailable, api.ReasonAgentCrashed, true)
	await(t, p)
	if p.Err() == nil || !strings.Contains(p.Err().Error(), "more than 100 lines") {
		t.Fatal(p.Err())
	}
}

func TestBrokenAnswerFailsItsMessageAtOnce(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		`{"type":"result","id":"%s","payload":NaN}`,
		`{"type": "result", "id": "%s", "payload": {"a":1`,
		`{"type":"result","id":"%s","payload":{"a":1,"a":2}}`,
		`{"type":"error","id":"%s","error":"\377"}`,
	} {
		p := start(t, shEach(`printf '`+answer+`\n' "$id"`), exec.Options{})
		_, err := p.Handle(t.Context(), &agent.Message{})
		wantError(t, err, api.FailedPrecondition, api.ReasonAgentError, false)
	}
}

func TestLineTooLong(t *testing.T) {
	t.Parallel()
	p := start(t, shEach(`head -c 2000 /dev/zero | tr '\0' x`), exec.Options{MaxLine: 1000})
	_, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(`"` + strings.Repeat("x", 1000) + `"`)})
	wantError(t, err, api.Invalid, api.ReasonPayloadTooLarge, false)
	_, err = p.Handle(t.Context(), &agent.Message{Payload: []byte(`1`)})
	wantError(t, err, api.Unavailable, api.ReasonAgentCrashed, true)
	await(t, p)
	if p.Err() == nil || !strings.Contains(p.Err().Error(), "line of more than 1000 bytes") {
		t.Fatal(p.Err())
	}
}

func TestLargePayloads(t *testing.T) {
	t.Parallel()
	spec := self(t, "echo")
	spec.Concurrency = 3
	p := start(t, spec, exec.Options{})
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			want := `"` + strings.Repeat(fmt.Sprint(i), 5<<20) + `"`
			if got := ask(t, p, want); got != want {
				t.Errorf("got %d bytes, want %d", len(got), len(want))
			}
		})
	}
	wg.Wait()
}

func TestLogFrames(t *testing.T) {
	t.Parallel()
	opt, log := logged()
	p := start(t, shEach(`echo '{"type":"log","level":"error","message":"it burns"}'
echo '{"type":"log","level":"panic","message":"keep calm"}'; echo '{"type":"log","message":"plain"}'
printf '{"type":"result","id":"%s"}\n' "$id"`), opt)
	_ = ask(t, p, `1`)
	for _, want := range []string{
		`{"level":"error","agent":"a1","message":"it burns"}`, `{"level":"info","agent":"a1","message":"keep calm"}`,
		`{"level":"info","agent":"a1","message":"plain"}`,
	} {
		if !log.has(want) {
			t.Errorf("not in the log: %s\n%s", want, log)
		}
	}
}
