package exec_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/client/agent/exec"
	"github.com/mabus-project/mabus/shared/api"
)

// The protocol itself is checked by test/conformance.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const hello = `{"type":"init","protocol":1,"agent":{"id":"a1","concurrency":2},"config":{"x":1}}`

// host is the other end of a worker's pipes.
type host struct {
	t     *testing.T
	in    *io.PipeWriter
	out   *bufio.Scanner
	ended chan error
}

func serve(t *testing.T, newAgent exec.New) *host {
	t.Helper()
	inReader, in := io.Pipe()
	outReader, out := io.Pipe()
	h := &host{t: t, in: in, out: bufio.NewScanner(outReader), ended: make(chan error, 1)}
	go func() {
		err := exec.ServeOn(inReader, out, newAgent)
		_, _ = inReader.Close(), out.Close()
		h.ended <- err
	}()
	return h
}

func handler(f func(ctx context.Context, env agent.Env, m *agent.Message) (json.RawMessage, error)) exec.New {
	return func(_ context.Context, env agent.Env) (agent.Handler, error) {
		return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) { return f(ctx, env, m) }), nil
	}
}

func (h *host) say(line string) {
	h.t.Helper()
	if _, err := io.WriteString(h.in, line+"\n"); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) hear(want string) {
	h.t.Helper()
	if !h.out.Scan() || h.out.Text() != want {
		h.t.Fatalf("have %s, want %s", h.out.Text(), want)
	}
}

// stop ends the worker and returns what Serve does.
func (h *host) stop() error {
	h.say(`{"type":"stop"}`)
	return h.end()
}

func (h *host) end() error {
	_ = h.in.Close()
	for h.out.Scan() {
		continue
	}
	return <-h.ended
}

type closer struct {
	agent.Handler
	closed bool
}

func (c *closer) Close() error {
	c.closed = true
	return errors.New("close")
}

func TestAHandlerIsClosed(t *testing.T) {
	c := &closer{}
	h := serve(t, func(context.Context, agent.Env) (agent.Handler, error) { return c, nil })
	h.say(hello)
	h.hear(`{"type":"ready"}`)
	if err := h.stop(); err == nil || err.Error() != "close" || !c.closed {
		t.Error(err)
	}
}

func TestWhatIsNoHost(t *testing.T) {
	refuse := func(context.Context, agent.Env) (agent.Handler, error) { return nil, errors.New("no key") }
	echo := handler(func(_ context.Context, _ agent.Env, m *agent.Message) (json.RawMessage, error) { return m.Payload, nil })
	for name, c := range map[string]struct {
		newAgent exec.New
		lines    string
		want     string
	}{
		"no JSON":                           {echo, hello + "\njunk\n", "no frame"},
		"a person at a shell":               {echo, `{"type":"message","id":"1"}` + "\n", ""},
		"an agent that fails, and a person": {refuse, `{"type":"message","id":"1"}` + "\n", "make the agent: no key"},
		"two inits":                         {echo, hello + "\n" + hello + "\n", "twice"},
		"an agent that fails":               {refuse, hello + "\n", "make the agent: no key"},
		"the end":                           {echo, hello + "\n", ""},
	} {
		err := exec.ServeOn(strings.NewReader(c.lines), io.Discard, c.newAgent)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestTheDeathOfTheHostEndsHandlers(t *testing.T) {
	begun := make(chan struct{})
	h := serve(t, handler(func(ctx context.Context, _ agent.Env, _ *agent.Message) (json.RawMessage, error) {
		close(begun)
		<-ctx.Done()
		return nil, ctx.Err()
	}))
	h.say(hello)
	h.hear(`{"type":"ready"}`)
	h.say(`{"type":"message","id":"1","payload":1}`)
	<-begun
	if err := h.end(); err != nil {
		t.Error(err)
	}
}

func TestErrorsAndParts(t *testing.T) {
	h := serve(t, handler(func(ctx context.Context, env agent.Env, m *agent.Message) (json.RawMessage, error) {
		switch string(m.Payload) {
		case `"part"`:
			return nil, m.Parts.Chunk(ctx, json.RawMessage(`{`))
		case `"answer"`:
			return json.RawMessage(`NaN`), nil
		case `"call"`:
			_, err := env.Bus.Call(ctx, "other", func() {})
			return nil, err
		case `"gone"`:
			gone, cancel := context.WithCancel(ctx)
			cancel()
			_, err := env.Bus.Call(gone, "other", nil)
			return nil, errors.Join(err, env.Bus.Cast(gone, "other", nil))
		case `"lines"`:
			return json.RawMessage("[1,\n2]"), nil
		}
		return nil, api.Errorf(api.Overloaded, "full \xff").WithReason(api.ReasonMailboxFull)
	}))
	h.say(hello)
	h.hear(`{"type":"ready"}`)
	for payload, want := range map[string]string{
		`"part"`:   `{"type":"error","id":"1","error":{"code":"invalid","message":"a part is one JSON value","details":{"reason":"malformed"}}}`,
		`"answer"`: `{"type":"error","id":"1","error":{"code":"failed_precondition","message":"the answer is no JSON value","details":{"reason":"agent_error"}}}`,
		`"lines"`:  `{"type":"result","id":"1","payload":[1,2]}`,
		`"gone"`:   `{"type":"error","id":"1","error":{"code":"cancelled","message":"nobody waits for the message any more"}}`,
		`7`:        `{"type":"error","id":"1","error":{"code":"overloaded","message":"full ` + "\uFFFD" + `","details":{"reason":"mailbox_full"}}}`,
	} {
		h.say(`{"type":"message","id":"1","payload":` + payload + `}`)
		h.hear(want)
	}
	h.say(`{"type":"message","id":"1","payload":"call"}`)
	if !h.out.Scan() || !strings.Contains(h.out.Text(), `"code":"invalid"`) {
		t.Error(h.out.Text())
	}
	if err := h.stop(); err != nil {
		t.Error(err)
	}
}

// A host may send anything: the worker ends with an error or answers, and never panics.
func FuzzFrames(f *testing.F) {
	for _, s := range []string{
		`{"type":"message","id":"1","payload":1}`, `{"type":"checkpoint","id":"1"}`, `{"type":"cancel","id":"1"}`, `{"type":"input","id":"1"}`,
		`{"type":"reply","id":"c1","error":{"code":"x"}}`, `{"type":"stop"}`, "{}\n[]", `{"type":"message","task":7}`, "\x00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, lines string) {
		_ = exec.ServeOn(strings.NewReader(hello+"\n"+lines), io.Discard, handler(func(_ context.Context, _ agent.Env, m *agent.Message) (json.RawMessage, error) {
			return m.Payload, nil
		}))
	})
}

// keeper is an agent with a state.
type keeper struct {
	agent.Handler
	state func(ctx context.Context) (json.RawMessage, error)
}

func (k keeper) State(ctx context.Context) (json.RawMessage, error) { return k.state(ctx) }

const helloAgain = `{"type":"init","protocol":1,"agent":{"id":"a1","concurrency":2},"config":{},"state":{"version":3,"data":{"n":7}}}`

func TestState(t *testing.T) {
	working, begun := make(chan struct{}), make(chan struct{})
	var early error
	h := serve(t, func(ctx context.Context, env agent.Env) (agent.Handler, error) {
		early = env.Save(ctx, json.RawMessage(`0`))
		return keeper{agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
			switch string(m.Payload) {
			case `"wait"`:
				close(begun)
				<-working
				return nil, nil
			case `"save"`:
				return json.RawMessage(`"saved"`), env.Save(ctx, json.RawMessage(`{"n":8}`))
			case `"junk"`:
				return nil, env.Save(ctx, json.RawMessage(`{`))
			}
			return json.RawMessage(fmt.Sprintf(`[%d,%s]`, env.State.Version, env.State.Data)), nil
		}), func(context.Context) (json.RawMessage, error) { return json.RawMessage(`{"n":9}`), nil }}, nil
	})
	h.say(helloAgain)
	h.hear(`{"type":"ready","stateful":true}`)
	if api.CodeOf(early) != api.FailedPrecondition {
		t.Errorf("a save before the agent is made: %v", early)
	}
	h.say(`{"type":"message","id":"1","payload":0}`)
	h.hear(`{"type":"result","id":"1","payload":[3,{"n":7}]}`)
	h.say(`{"type":"message","id":"2","payload":"save"}`)
	h.hear(`{"type":"save","id":"c1","payload":{"n":8}}`)
	h.say(`{"type":"reply","id":"c1","payload":{"version":4}}`)
	h.hear(`{"type":"result","id":"2","payload":"saved"}`)
	h.say(`{"type":"message","id":"3","payload":"save"}`)
	h.hear(`{"type":"save","id":"c2","payload":{"n":8}}`)
	h.say(`{"type":"reply","id":"c2","error":{"code":"fenced","message":"elsewhere","details":{"reason":"stale_state"}}}`)
	h.hear(`{"type":"error","id":"3","error":{"code":"fenced","message":"elsewhere","details":{"reason":"stale_state"}}}`)
	h.say(`{"type":"message","id":"4","payload":"junk"}`)
	h.hear(`{"type":"error","id":"4","error":{"code":"invalid","message":"a state is one JSON value","details":{"reason":"malformed"}}}`)
	h.say(`{"type":"message","id":"5","payload":"wait"}`)
	<-begun
	h.say(`{"type":"state"}`)
	h.say(`{"type":"state"}`) // twice is once
	close(working)
	h.hear(`{"type":"result","id":"5","payload":null}`)
	h.hear(`{"type":"state","payload":{"n":9}}`)
	if err := h.stop(); err != nil {
		t.Error(err)
	}
}

// Nobody waits for the state any more when the stop frame comes, nor for what is saved then.
func TestStateInVain(t *testing.T) {
	asked := make(chan struct{})
	h := serve(t, func(_ context.Context, env agent.Env) (agent.Handler, error) {
		return keeper{agent.HandlerFunc(func(ctx context.Context, _ *agent.Message) (json.RawMessage, error) {
			return nil, env.Save(ctx, json.RawMessage(`1`))
		}), func(ctx context.Context) (json.RawMessage, error) {
			close(asked)
			<-ctx.Done()
			return nil, ctx.Err()
		}}, nil
	})
	h.say(helloAgain)
	h.hear(`{"type":"ready","stateful":true}`)
	h.say(`{"type":"state"}`)
	<-asked
	h.say(`{"type":"message","id":"1","payload":1}`)
	h.hear(`{"type":"save","id":"c1","payload":1}`)
	h.say(`{"type":"stop"}`)
	for range 2 {
		if !h.out.Scan() || !strings.Contains(h.out.Text(), `"code":"cancelled"`) && !strings.Contains(h.out.Text(), `"maybe_executed":true`) {
			t.Errorf("have %s", h.out.Text())
		}
	}
	if err := h.end(); err != nil {
		t.Error(err)
	}
}

// A host that keeps no states is asked for nothing that it does not know.
func TestNoStates(t *testing.T) {
	h := serve(t, func(_ context.Context, env agent.Env) (agent.Handler, error) {
		return keeper{agent.HandlerFunc(func(ctx context.Context, _ *agent.Message) (json.RawMessage, error) {
			return nil, env.Save(ctx, json.RawMessage(`1`))
		}), nil}, nil
	})
	h.say(hello)
	h.hear(`{"type":"ready"}`)
	h.say(`{"type":"message","id":"1","payload":1}`)
	h.hear(`{"type":"error","id":"1","error":{"code":"unimplemented","message":"this host keeps no state of its agents"}}`)
	if err := h.stop(); err != nil {
		t.Error(err)
	}
}
