package exec_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
)

// peers is a bus with three agents: twice answers with its payload in a list, twice; never does not answer; broken fails.
type peers struct {
	mu    sync.Mutex
	casts []string
	begun chan string // unless nil, a note of each call of never
	ended chan error  // what ended its context
}

func (b *peers) Call(ctx context.Context, id string, payload any) (json.RawMessage, error) {
	raw := string(payload.(json.RawMessage))
	switch id {
	case "twice":
		return json.RawMessage("[" + raw + ",\n" + raw + "]"), nil
	case "never":
		if b.begun != nil {
			b.begun <- raw
		}
		<-ctx.Done()
		b.ended <- ctx.Err()
		return nil, ctx.Err()
	case "broken":
		return nil, errors.New("secret detail")
	}
	return nil, api.Errorf(api.NotFound, "no agent %q", id).WithReason(api.ReasonAgentNotFound)
}

func (b *peers) CallCapability(ctx context.Context, capability string, payload any) (json.RawMessage, error) {
	return b.Call(ctx, strings.TrimPrefix(capability, "can-"), payload)
}

func (b *peers) Cast(_ context.Context, id string, payload any) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.casts = append(b.casts, id+string(payload.(json.RawMessage)))
	return nil
}

// relay is a worker that sends its payload on as the fields of a call and answers with the reply frame.
func relay() api.AgentSpec {
	return shEach(`fields=${payload#\{}
printf '{"type":"call","id":"c-%s",%s\n' "$id" "$fields"
IFS= read -r reply
printf '{"type":"result","id":"%s","payload":%s}\n' "$id" "$reply"`)
}

func TestCallsOfTheWorker(t *testing.T) {
	t.Parallel()
	opt, log := logged()
	opt.Bus = &peers{ended: make(chan error, 10)}
	p := start(t, relay(), opt)
	for i, c := range []struct{ call, want string }{
		{`{"agent":"twice","payload":{"a":1}}`, `"payload":[{"a":1}, {"a":1}]}`},
		{`{"capability":"can-twice","payload":7}`, `"payload":[7, 7]}`},
		{`{"agent":"twice"}`, `"payload":[null, null]}`},
		{`{"agent":"gone","payload":1}`, `"error":{"code":"not_found","message":"no agent \"gone\"","details":{"reason":"agent_not_found"}}}`},
		{`{"agent":"never","timeout":"10ms"}`, `"error":{"code":"deadline_exceeded",`},
		{`{"agent":"broken"}`, `"error":{"code":"internal","message":"the call failed; the log of the agent's host says why"}}`},
		{`{"agent":"a","capability":"b"}`, `"error":{"code":"invalid",`},
		{`{"agent":"bad id"}`, `"error":{"code":"invalid",`},
		{`{"agent":"twice","timeout":"soon"}`, `"error":{"code":"invalid",`},
		{`{"agent":"twice","timeout":"-1s"}`, `"error":{"code":"invalid",`},
		{`{"agent":"twice","for":"999"}`, `"error":{"code":"cancelled",`},
		{`{"agent":"twice","for":"12","payload":1}`, `"payload":[1, 1]}`},
	} {
		got := ask(t, p, c.call)
		prefix := `{"type":"reply","id":"c-` + strconv.Itoa(i+1) + `",`
		if !strings.HasPrefix(got, prefix+c.want) {
			t.Errorf("%s: got %s, want %s", c.call, got, prefix+c.want)
		}
	}
	if !log.has("secret detail") {
		t.Error("the cause of an internal error is not in the log")
	}
}

func TestCallsInheritTheirMessagesContext(t *testing.T) {
	t.Parallel()
	bus := &peers{ended: make(chan error, 10)}
	p := start(t, shEach(`echo '{"type":"call","id":"c1","agent":"never"}'`), exec.Options{Bus: bus})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // in which the shell has to begin its call
	defer cancel()
	_, err := p.Handle(ctx, &agent.Message{})
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout, true)
	if err := <-bus.ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestCallsEndWithTheWorker(t *testing.T) {
	t.Parallel()
	bus := &peers{ended: make(chan error, 10)}
	p := start(t, shell(`echo '{"type":"call","id":"c1","agent":"never","timeout":"1h"}'; read -r a; exit 1`), exec.Options{Bus: bus})
	await(t, p)
	if err := <-bus.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	// One that is made for a message, too.
	p = start(t, shEach(`echo '{"type":"call","id":"c1","agent":"never","timeout":"1h"}'; exit 1`), exec.Options{Bus: bus})
	_, err := p.Handle(t.Context(), &agent.Message{})
	wantError(t, err, api.Unavailable, api.ReasonAgentCrashed, true)
	if err := <-bus.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestNoBus(t *testing.T) {
	t.Parallel()
	p := start(t, relay(), exec.Options{})
	if got := ask(t, p, `{"agent":"twice"}`); !strings.Contains(got, `"code":"unimplemented"`) {
		t.Fatal(got)
	}
}

func TestCastsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	bus := &peers{}
	opt, log := logged()
	opt.Bus = bus
	p := start(t, shEach(`for i in 1 2 3 4 5 6 7 8 9; do echo "{\"type\":\"cast\",\"agent\":\"b\",\"payload\":$i}"; done
echo '{"type":"cast","capability":"c","payload":1}'
printf '{"type":"result","id":"%s"}\n' "$id"`), opt)
	_ = ask(t, p, `1`)
	if got := strings.Join(bus.casts, ""); got != "b1b2b3b4b5b6b7b8b9" {
		t.Fatal(got)
	}
	if !log.has("a cast goes to an agent") {
		t.Error("the refused cast was not logged")
	}
}

func TestTooManyCalls(t *testing.T) {
	t.Parallel()
	bus := &peers{ended: make(chan error, 1000)}
	// Reads all replies: those refused come at once.
	p := start(t, shell(`i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo "{\"type\":\"call\",\"id\":\"c$i\",\"agent\":\"never\",\"timeout\":\"1h\"}"; done
while IFS= read -r line; do case $line in *overloaded*) echo refused >&2 ;; esac; done`), exec.Options{Bus: bus})
	eventually(t, "the calls above the bound are refused", func() bool { return len(p.LogTail()) == 20 })
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(bus.ended); n != 256 {
		t.Errorf("%d calls were made, want 256", n)
	}
	// One that only calls and never reads cannot be helped.
	deaf := start(t, shell(`while :; do echo '{"type":"call","id":"c1","agent":"no id"}'; done`), exec.Options{Bus: bus})
	await(t, deaf)
	if deaf.Err() == nil || !strings.Contains(deaf.Err().Error(), "without reading the replies") {
		t.Fatal(deaf.Err())
	}
}
