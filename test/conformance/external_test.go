package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// program is a process of an agent that speaks NATS itself.
type program struct {
	cmd *exec.Cmd
	mu  sync.Mutex
	out bytes.Buffer
}

func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *program) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// external starts examples/typescript/external.ts, and returns when it serves.
func external(t *testing.T, command []string, url, id string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(command[0], command[1:]...)}
	p.cmd.Env = append(os.Environ(), "NATS_URL="+url, "AGENT_ID="+id)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = p.cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Log(p.said())
		}
	})
	natstest.Eventually(t, eventually, func() bool { return strings.Contains(p.said(), "serving") }, "%s serves", id)
	return p
}

func TestExternalAgent(t *testing.T) {
	t.Parallel()
	command := typescript(t, "external.js")
	url, c := cluster(t)
	p := external(t, command, url, "desk")
	for name, check := range map[string]func(t *testing.T, c *client.Client){
		"calls": externalCalls, "streams": externalStreams, "credit": externalCredit, "questions": externalQuestions,
		"cancels": externalCancels, "gives up": externalGivesUp, "large bodies": externalLarge, "bad requests": externalBadRequests, "nested calls": externalNested,
	} {
		t.Run(name, func(t *testing.T) { check(t, c) })
	}
	t.Run("overload", func(t *testing.T) { externalOverload(t, c) })
	t.Run("stop", func(t *testing.T) { externalStop(t, c, p, command, url) })
	t.Run("leases", func(t *testing.T) { externalLeases(t, c, command, url) })
}

func wantError(t testing.TB, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Errorf("got %v, want %s (%s)", err, code, reason)
	}
}

func externalCalls(t *testing.T, c *client.Client) {
	ctx := within(t, eventually)
	natstest.Eventually(t, eventually, func() bool { // what a process said before this one asked, a replica may have yet to hear
		a, err := c.Agents.Get(ctx, api.GetRequest{ID: "desk"})
		return err == nil && a.Runtime == api.RuntimeExternal && a.Status == api.AgentRunning && a.Lease != ""
	}, "it runs, as an agent of its own")
	for _, ask := range []func() (json.RawMessage, error){
		func() (json.RawMessage, error) { return c.Call(ctx, "desk", map[string]string{"text": "hi ä"}) },
		func() (json.RawMessage, error) {
			return c.CallCapability(ctx, "desk", map[string]string{"text": "hi ä"})
		},
		func() (json.RawMessage, error) {
			var answers []client.Answer
			natstest.Eventually(t, eventually, func() bool { // how many there are the registry's index tells, which may be a moment behind
				all, want, err := c.CallAll(ctx, "desk", map[string]string{"text": "hi ä"})
				answers = all
				return err == nil && want == 1 && len(all) == 1
			}, "the one that there is answers")
			return answers[0].Payload, answers[0].Err
		},
	} {
		got, err := ask()
		if err != nil || string(got) != `{"text":"hi ä","principal":"ann","job":null}` {
			t.Errorf("%s, %v", got, err)
		}
	}
	_, err := c.Call(ctx, "desk", 7)
	wantError(t, err, api.Invalid, "no_text")
	if err := c.Cast(ctx, "desk", map[string]string{"text": "cast"}); err != nil {
		t.Error(err)
	}
	msg := nats.NewMsg("mabus.agent.desk")
	msg.Data, msg.Header = []byte(`{"text":"four"}`), nats.Header{"Mabus-Job": {"j1"}}
	raw, err := c.Conn().NC.RequestMsgWithContext(ctx, msg)
	if err != nil || raw.Header.Get("Mabus-Usage") != `{"tokens_in":4,"cost":"12"}` || string(raw.Data) != `{"text":"four","principal":null,"job":"j1"}` {
		t.Errorf("%+v, %v", raw, err)
	}
}

func externalStreams(t *testing.T, c *client.Client) {
	s, err := c.Stream(within(t, eventually), "desk", map[string]string{"text": "to be or"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got []string
	for {
		part, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(part.Kind)+" "+string(part.Body))
	}
	if want := `chunk "to",chunk "be",chunk "or",result {"text":"to be or","principal":"ann","job":null}`; strings.Join(got, ",") != want {
		t.Errorf("%q", got)
	}
}

// The agent sends no further ahead than the reader has room, and all of it in the end.
func externalCredit(t *testing.T, c *client.Client) {
	const n = 1000
	s, err := c.Stream(within(t, eventually), "desk", map[string]any{"text": "end", "n": n})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	chunks := 0
	for {
		part, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if part.Kind == api.PartChunk {
			chunks++
		}
	}
	if chunks != n+1 {
		t.Errorf("%d chunks", chunks)
	}
}

func externalQuestions(t *testing.T, c *client.Client) {
	ctx := within(t, eventually)
	_, err := c.Call(ctx, "desk", map[string]any{"ask": "which?"})
	wantError(t, err, api.FailedPrecondition, api.ReasonNoReader)
	s, err := c.Stream(ctx, "desk", map[string]any{"ask": "which?"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	part, err := s.Next()
	if err != nil || part.Kind != api.PartNeedInput || string(part.Body) != `"which?"` {
		t.Fatalf("%+v, %v", part, err)
	}
	if err := s.Answer(part, []byte(`"blue"`)); err != nil {
		t.Fatal(err)
	}
	if part, err = s.Next(); err != nil || part.Kind != api.PartResult || string(part.Body) != `{"answer":"blue"}` {
		t.Errorf("%+v, %v", part, err)
	}
}

func externalLarge(t *testing.T, c *client.Client) {
	text := strings.Repeat("x", 3<<20)
	var got json.RawMessage
	natstest.Eventually(t, eventually, func() (over bool) { // the object store is made at its first use
		var err error
		got, err = c.Call(within(t, eventually), "desk", map[string]string{"text": text})
		if err != nil && api.CodeOf(err) != api.Unavailable {
			t.Fatal(err)
		}
		return err == nil
	}, "a large body comes back")
	if string(got) != `{"text":"`+text+`","principal":"ann","job":null}` {
		t.Errorf("%d bytes", len(got))
	}
}

func externalBadRequests(t *testing.T, c *client.Client) {
	for name, m := range map[string]*nats.Msg{
		"no JSON":          {Data: []byte("junk")},
		"no duration":      {Header: nats.Header{api.HeaderTimeout: {"soon"}}},
		"too long":         {Header: nats.Header{api.HeaderTimeout: {"25h"}}},
		"a bad request id": {Header: nats.Header{api.HeaderRequestID: {"a b"}}},
		"too much credit":  {Header: nats.Header{api.HeaderStream: {"5000"}}},
		"a bad reference":  {Header: nats.Header{api.HeaderBlob: {"x:y:z"}}},
		"no such body":     {Header: nats.Header{api.HeaderBlob: {"x:" + strings.Repeat("0", 64) + ":1"}}},
	} {
		m.Subject = "mabus.agent.desk"
		answer, err := c.Conn().NC.RequestMsgWithContext(within(t, eventually), m)
		if err != nil || answer.Header.Get(api.HeaderErrorCode) != string(api.Invalid) {
			t.Errorf("%s: %+v, %v", name, answer, err)
		}
	}
}

func externalNested(t *testing.T, c *client.Client) {
	ctx := within(t, eventually)
	inner := map[string]any{"text": "inner"}
	got, err := c.Call(ctx, "desk", map[string]any{"relay": map[string]any{"agent": "desk", "payload": inner}})
	if err != nil || string(got) != `{"text":"inner","principal":null,"job":null}` {
		t.Errorf("%s, %v", got, err)
	}
	_, err = c.Call(ctx, "desk", map[string]any{"relay": map[string]any{"agent": "nobody", "payload": inner}})
	wantError(t, err, api.NotFound, api.ReasonAgentNotFound)
}

// The example takes four messages at once, and 64 more wait.
func externalOverload(t *testing.T, c *client.Client) {
	const calls = 4 + 64 + 5
	ctx := within(t, eventually)
	if _, err := c.Call(ctx, "desk", map[string]string{"text": "free?"}); err != nil { // behind a cancellation before: its message has left its place by now
		t.Fatal(err)
	}
	ended := make(chan error, calls)
	for n := range calls {
		go func() {
			_, err := c.Call(client.WithRequestID(ctx, fmt.Sprintf("over%d", n)), "desk", map[string]any{"slow": true})
			ended <- err
		}()
	}
	for range 5 {
		wantError(t, <-ended, api.Overloaded, api.ReasonMailboxFull)
	}
	for n := range calls {
		if err := c.Cancel(fmt.Sprintf("over%d", n)); err != nil {
			t.Fatal(err)
		}
	}
	for range calls - 5 {
		wantError(t, <-ended, api.Cancelled, "")
	}
}

// One that is told to stop deregisters, and another may take its place at once.
func externalStop(t *testing.T, c *client.Client, p *program, command []string, url string) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, eventually, func() bool {
		_, err := c.Agents.Get(within(t, time.Second), api.GetRequest{ID: "desk"})
		return api.ReasonOf(err) == api.ReasonAgentNotFound
	}, "the agent is deregistered")
	external(t, command, url, "desk")
	if _, err := c.Call(within(t, eventually), "desk", map[string]string{"text": "again"}); err != nil {
		t.Error(err)
	}
}

// Three agents at once, because each needs its time: one that is killed, one that stands still, and one that says nothing.
func externalLeases(t *testing.T, c *client.Client, command []string, url string) {
	if testing.Short() {
		t.Skip("waits for leases to run out")
	}
	doomed, sleeper := external(t, command, url, "doomed"), external(t, command, url, "sleeper")
	external(t, command, url, "quiet")
	before, err := c.Agents.Get(within(t, eventually), api.GetRequest{ID: "sleeper"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(doomed.cmd.Process.Kill(), sleeper.cmd.Process.Signal(syscall.SIGSTOP)); err != nil {
		t.Fatal(err)
	}
	quiet, err := c.Stream(within(t, 3*rpc.Heartbeat+2*time.Second), "quiet", map[string]any{"slow": true})
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()
	heard := make(chan error, 1)
	go func() {
		_, err := quiet.Next()
		heard <- err
	}()

	// One that is killed is given up when its lease has not been renewed for some time, and then its id is free.
	lost(t, c, "doomed")
	external(t, command, url, "doomed")
	lost(t, c, "sleeper")
	wakes(t, c, sleeper, before.Lease)
	// One that says nothing for a while lives all the same: its heartbeats tell the reader so.
	if err := <-heard; api.CodeOf(err) != api.DeadlineExceeded {
		t.Errorf("the quiet one: %v", err)
	}
}

// An agent that stood still until its lease was dead does not act when it wakes: it takes a new lease first, and then goes on.
func wakes(t *testing.T, c *client.Client, p *program, lease string) {
	t.Helper()
	nc := c.Conn().NC
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(nc.PublishRequest("mabus.agent.sleeper", inbox, []byte(`{"text":"sleeping?"}`)), nc.Flush(), p.cmd.Process.Signal(syscall.SIGCONT)); err != nil {
		t.Fatal(err)
	}
	answer, err := sub.NextMsgWithContext(within(t, eventually))
	if err != nil || answer.Header.Get(api.HeaderErrorCode) != string(api.Unavailable) && answer.Header.Get("Status") != "503" {
		t.Errorf("the agent acted without a lease: %+v, %v", answer, err)
	}
	natstest.Eventually(t, eventually, func() bool {
		a, err := c.Agents.Get(within(t, time.Second), api.GetRequest{ID: "sleeper"})
		return err == nil && a.Status == api.AgentRunning && a.Lease != lease
	}, "the agent is back under a new lease")
	if _, err := c.Call(within(t, eventually), "sleeper", map[string]string{"text": "awake"}); err != nil {
		t.Error(err)
	}
}

func lost(t *testing.T, c *client.Client, id string) {
	t.Helper()
	natstest.Eventually(t, 2*eventually, func() bool {
		a, err := c.Agents.Get(within(t, time.Second), api.GetRequest{ID: id})
		return err == nil && a.Status == api.AgentFailed
	}, "the agent is given up")
}

// The client in TypeScript, with a worker in Go to talk to.
func TestClientInTypeScript(t *testing.T) {
	t.Parallel()
	command := typescript(t, "client.js")
	url, c := cluster(t)
	if _, err := c.Agents.Start(within(t, eventually), api.AgentStartRequest{Agent: &api.AgentSpec{
		ID: "peer", Capabilities: []string{"peer"}, Command: worker(t, "go"), Concurrency: 8,
	}}); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, eventually, func() bool { // the object store is made at its first use
		_, err := c.Call(within(t, eventually), "peer", json.RawMessage(`{"do":"echo","value":"`+strings.Repeat("x", 3<<20)+`"}`))
		return err == nil
	}, "a large body comes back")
	cmd := exec.CommandContext(within(t, 2*eventually), command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "NATS_URL="+url)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "all of it") {
		t.Errorf("%v\n%s", err, out)
	}
}
