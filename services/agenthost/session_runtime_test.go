package agenthost_test

import (
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A program knows nothing of sessions: it answers a line.
func TestProgramsAnswerSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assembly(t)
	h := w.host(t, agenthost.Config{ID: "h1"})
	w.start(t, api.AgentSpec{ID: "echo", Command: []string{"sh", "../../examples/exec/echo.sh"}})
	q := question("s1", 1, "x")
	a.ask("echo", q)
	got := a.want(1)
	var back api.SessionQuestion
	if err := codec.Decode(got.Answer, &back); err != nil || back.Session != "s1" || back.Round != 1 || string(back.Ask) != `"x"` || got.principal != "echo" {
		t.Errorf("%+v, %v", got, err)
	}
	w.start(t, api.AgentSpec{ID: "frail", Command: []string{"sh", "-c", `while read -r line; do case $line in *'"type":"message"'*) exit 3;; esac; done`}})
	a.ask("frail", question("s1", 2, "x"))
	if got := a.want(2); got.text() != "error agent_crashed" || got.principal != "frail" {
		t.Errorf("%+v", got)
	}
	if err := h.svc.AnswersSent(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	a.ask("frail", question("s1", 2, "x")) // asked again, it is not run again
	if got := a.want(3); got.text() != "error agent_crashed" {
		t.Errorf("%+v", got)
	}
	w.eventually(t, "frail", restarts(1), "it crashed once")
	w.start(t, api.AgentSpec{ID: "named", Command: []string{"sh", "-c", `while read -r line; do case $line in *'"session":"s2"'*'"payload":'*) printf '{"type":"result","id":"1","payload":"a vote"}\n';; esac; done`}})
	a.ask("named", question("s2", 1, "x")) // the frame says that it is a session's
	if got := a.want(4); got.text() != `"a vote"` {
		t.Errorf("%+v", got)
	}
}

func TestEndpointsAnswerSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assembly(t)
	w.host(t, agenthost.Config{ID: "h1"})
	s := httptest.NewServer(nethttp.HandlerFunc(func(rw nethttp.ResponseWriter, r *nethttp.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !strings.Contains(string(body), `"phase":"vote"`) {
			rw.WriteHeader(nethttp.StatusBadRequest)
			return
		}
		_, _ = rw.Write([]byte(`{"vote":"yes"}`))
	}))
	t.Cleanup(s.Close)
	w.start(t, api.AgentSpec{ID: "e", HTTP: &api.HTTPSpec{URL: s.URL, Format: api.HTTPJSON}})
	a.ask("e", question("s1", 1, "x"))
	if got := a.want(1); got.text() != `{"vote":"yes"}` || got.principal != "e" {
		t.Errorf("%+v", got)
	}
	q := question("s1", 2, "x")
	q.Phase = "other"
	a.ask("e", q)
	if got := a.want(2); !strings.HasPrefix(got.text(), "error endpoint_error: ") {
		t.Errorf("%+v", got)
	}
}

// Questions that wait when the host ends are answered by the agent on its next host, each once.
func TestQuestionsMoveWithTheirAgent(t *testing.T) {
	t.Parallel()
	const n = 20
	w := newWorld(t)
	a := w.assembly(t)
	old, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "voter"})
	w.standard(t, "h2")
	a.ask("a", question("s1", 1, order{Do: "wait"}))
	<-p.entered
	for round := 2; round <= n; round++ {
		a.ask("a", question("s1", round, echoed("7")))
	}
	stopped := make(chan struct{})
	go func() { defer close(stopped); old.stop() }()
	natstest.Eventually(t, patience, func() bool {
		h, err := w.Hosts.Get(within(t, patience), api.GetRequest{ID: "h1"})
		return err == nil && h.Draining
	}, "the host has begun to end")
	p.release <- struct{}{}
	<-stopped
	a.want(n)
	seen := map[int]string{}
	for _, g := range a.got() {
		seen[g.Round] += g.text()
	}
	for round := 1; round <= n; round++ {
		if want := map[bool]string{true: "null", false: "7"}[round == 1]; seen[round] != want {
			t.Errorf("round %d: %q, want %s", round, seen[round], want)
		}
	}
	w.eventually(t, "a", func(rec *api.Agent) bool { return rec.Host == "h2" && rec.Status == api.AgentRunning }, "the agent has moved")
}
