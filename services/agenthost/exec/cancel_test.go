package exec_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
)

// giveUp cancels a message as soon as the worker has it; that is, when ready says so.
func giveUp(t *testing.T, p *exec.Process, payload string, ready func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := p.Handle(ctx, &agent.Message{Payload: []byte(payload)})
		ended <- err
	}()
	eventually(t, "the worker has the message", ready)
	cancel()
	wantError(t, <-ended, api.Cancelled, "", true)
}

func TestCancelThatIsObeyed(t *testing.T) {
	t.Parallel()
	const grace = 2 * time.Second // a shell may be late with its answer
	for _, answer := range []string{`{"type":"result","id":"%s"}`, `{"type":"error","id":"%s","error":"given up"}`} {
		p := start(t, shEach(`case $payload in '"slow"') echo got >&2; IFS= read -r cancel; printf '`+answer+`\n' "$id" ;;
*) printf '{"type":"result","id":"%s"}\n' "$id" ;; esac`), exec.Options{CancelGrace: grace})
		giveUp(t, p, `"slow"`, func() bool { return len(p.LogTail()) == 1 })
		for begin := time.Now(); time.Since(begin) < grace+grace/4; {
			if got := ask(t, p, `1`); got != `null` {
				t.Fatal(got)
			}
			<-time.After(20 * time.Millisecond)
		}
	}
}

// inHand starts a worker that keeps two messages, the first of which is then cancelled, and returns what the second gets.
func inHand(t *testing.T, trap string, opt exec.Options) (*exec.Process, <-chan error) {
	spec := shell(trap + `
while IFS= read -r line; do echo "$line" >&2; done
while :; do sleep 0.01; done`)
	spec.Concurrency = 3
	p := start(t, spec, opt)
	has := func(s string) func() bool {
		return func() bool { return strings.Contains(strings.Join(p.LogTail(), "\n"), s) }
	}
	other := make(chan error, 1)
	go func() {
		_, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(`"other"`)})
		other <- err
	}()
	eventually(t, "the worker has the other message", has(`"other"`))
	giveUp(t, p, `"hopeless"`, has(`"hopeless"`))
	return p, other
}

func wantHung(t *testing.T, p *exec.Process) {
	t.Helper()
	await(t, p)
	if p.Err() == nil || !strings.Contains(p.Err().Error(), "did not answer message 2 within") {
		t.Fatalf("Err is %v", p.Err())
	}
}

func TestCancelThatIsIgnored(t *testing.T) {
	t.Parallel()
	t.Run("SIGTERM is enough", func(t *testing.T) {
		opt := exec.Options{CancelGrace: 50 * time.Millisecond, Grace: time.Hour}
		p, other := inHand(t, ``, opt)
		wantHung(t, p)
		wantError(t, <-other, api.Unavailable, api.ReasonAgentCrashed, true)
	})
	t.Run("what it answers at SIGTERM counts", func(t *testing.T) {
		opt := exec.Options{CancelGrace: 50 * time.Millisecond, Grace: time.Hour}
		p, other := inHand(t, `trap 'echo "{\"type\":\"result\",\"id\":\"1\"}"; exit 0' TERM`, opt)
		if err := <-other; err != nil {
			t.Error(err)
		}
		wantHung(t, p)
	})
	t.Run("SIGTERM is ignored", func(t *testing.T) {
		opt := exec.Options{CancelGrace: 50 * time.Millisecond, Grace: 2 * time.Second} // which is the time to see it lost and alive
		begin := time.Now()
		p, other := inHand(t, `trap 'echo TERM >&2' TERM`, opt)
		eventually(t, "SIGTERM has come", func() bool { return slices.Contains(p.LogTail(), "TERM") })
		// The worker is lost, but not dead: a new message waits until another can have it.
		_, err := p.Handle(t.Context(), &agent.Message{})
		wantError(t, err, api.Unavailable, api.ReasonAgentCrashed, false)
		select {
		case <-p.Done():
		default:
			t.Error("a message was refused as if the program had ended")
		}
		wantHung(t, p)
		wantError(t, <-other, api.Unavailable, api.ReasonAgentCrashed, true)
		if took := time.Since(begin); took < opt.CancelGrace+opt.Grace || alive(p.PID()) {
			t.Errorf("killed after %s, alive: %v", took, alive(p.PID()))
		}
	})
	t.Run("never, if told so", func(t *testing.T) {
		p, _ := inHand(t, ``, exec.Options{CancelGrace: -1, Grace: 20 * time.Millisecond})
		select {
		case <-p.Done():
			t.Errorf("it ended: %v", p.Err())
		case <-time.After(300 * time.Millisecond):
		}
	})
}

func TestCallsEndWithTheirMessage(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(p *exec.Process, bus *peers) error{
		"cancelled": func(p *exec.Process, bus *peers) error {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				<-bus.begun
				cancel()
			}()
			_, err := p.Handle(ctx, &agent.Message{Payload: []byte(`"keep"`)})
			return err
		},
		"answered": func(p *exec.Process, _ *peers) error {
			_, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(`"answer"`)})
			return err
		},
		"unread": func(p *exec.Process, _ *peers) error {
			_, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(`"chunk"`), Parts: &reader{broken: context.Canceled}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			bus := &peers{ended: make(chan error, 10), begun: make(chan string, 10)}
			spec := shell(`while IFS= read -r line; do case $line in
'{"type":"message"'*) id=${line#*\"id\":\"}; id=${id%%\"*}
  echo '{"type":"call","id":"c'$id'","agent":"never","for":"'$id'","timeout":"1h"}'
  case $line in *answer*) echo '{"type":"result","id":"'$id'"}' ;; *chunk*) echo '{"type":"chunk","id":"'$id'"}' ;; esac ;;
'{"type":"cancel"'*) echo '{"type":"call","id":"late","agent":"never","for":"1"}' ;;
'{"type":"reply"'*) echo "$line" >&2 ;;
esac; done`)
			spec.Concurrency = 2
			p := start(t, spec, exec.Options{Bus: bus, CancelGrace: -1})
			_ = end(p, bus)
			if err := <-bus.ended; !errors.Is(err, context.Canceled) {
				t.Errorf("the call ended with %v", err)
			}
			want := 2
			if name == "answered" {
				want = 1
			}
			eventually(t, "the worker has its replies", func() bool { return len(p.LogTail()) == want })
			for _, l := range p.LogTail() {
				if !strings.Contains(l, `"error":{"code":"cancelled"`) {
					t.Errorf("the worker got %s", l)
				}
			}
			if len(bus.ended) > 0 {
				t.Error("a call for a message that had ended was made")
			}
		})
	}
}
