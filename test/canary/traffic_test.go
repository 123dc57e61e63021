package canary_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/client/job/input"
	"github.com/mabus-project/mabus/client/job/run"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// heard has the search look at what a caller heard.
func (w *world) heard(place string, answer any, err error) {
	text := fmt.Sprintf("%v %+v", err, api.AsError(err))
	if raw, merr := codec.Marshal(answer); merr == nil {
		text += string(raw)
	}
	w.in("what a caller hears of "+place, text)
}

// stream hears an answer in parts to its end, and looks at the text of all of them together.
func (w *world) stream(s *client.Stream) {
	defer s.Close()
	text := ""
	for {
		part, err := s.Next()
		w.heard("a stream", part, err)
		if err != nil {
			break
		}
		var in struct {
			Text string `json:"text"`
		}
		if codec.Read(part.Body, &in) == nil {
			text += in.Text
		}
	}
	w.in("what a caller hears of a stream", text)
}

// worker is an exec agent that has every canary.
func (w *world) worker(t *testing.T, id string) api.AgentSpec {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return api.AgentSpec{
		ID: id, Capabilities: []string{"tell"}, Command: []string{exe}, Env: map[string]string{asEnv: "worker"}, Secrets: map[string]api.SecretRef{
			"FROM_ENV": "env:MABUS_SECRET_CANARY", "FROM_DIR": api.SecretRef("file:" + w.dir + "/key"), "FROM_STORE": "secret:canary", "BY_FILE": "secret:canary",
		},
	}
}

func (w *world) startAgent(t *testing.T, spec api.AgentSpec) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := w.c.Agents.Start(ctx, api.AgentStartRequest{Agent: &spec}); err != nil {
		t.Fatal(err)
	}
}

// programs has exec agents tell what they know in every way, crash with it, and fail at their start.
func (w *world) programs(t *testing.T) {
	t.Helper()
	w.startAgent(t, api.AgentSpec{ID: "echo", Module: "echo"})
	w.startAgent(t, w.worker(t, "w1"))
	w.balanced(t)
	for _, do := range []string{"answer", "error", "parts", "save", "call", "log", "panic", "answer"} {
		answer, err := w.c.Call(t.Context(), "w1", order{do})
		w.heard(do, answer, err)
		if do == "answer" && (err != nil || strings.Count(string(answer), "FROM_ENV=***") != 1 || !strings.Contains(string(answer), "BY_FILE holds ***")) {
			t.Errorf("the worker answered %s, %v: it was not given what it needs", answer, err)
		}
	}
	for _, do := range []string{"parts", "pieces"} {
		s, err := w.c.Stream(t.Context(), "w1", order{do})
		if err != nil {
			t.Fatal(err)
		}
		w.stream(s)
	}
	w.processes()
	for id, env := range map[string]map[string]string{"dies": {asEnv: "worker", dieEnv: "1"}, "nothing": {asEnv: "worker"}} {
		spec := w.worker(t, id)
		spec.Env, spec.Config, spec.MaxRestarts = env, []byte(`{"wait_ready":true}`), new(0)
		if id == "nothing" {
			spec.Secrets["MISSING"] = "secret:nothing"
		}
		a, err := w.c.Agents.Start(t.Context(), api.AgentStartRequest{Agent: &spec})
		if err == nil {
			t.Errorf("%s started", id)
		}
		w.heard("a start", a, err)
		natstest.Eventually(t, patience, func() bool { // the host tells why by itself
			state, err := w.c.Agents.Get(t.Context(), api.GetRequest{ID: id})
			w.heard("a record", state, err)
			return err == nil && state.Status == api.AgentFailed && state.Reason != ""
		}, "%s has failed", id)
	}
	state, err := w.c.Agents.Status(t.Context(), "w1")
	w.heard("a status", state, err)
}

// endpoints has http agents ask endpoints that repeat the key in every way.
func (w *world) endpoints(t *testing.T) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(repeat))
	t.Cleanup(srv.Close)
	got := 0
	n := 0
	for _, path := range []string{"/answer", "/refuse", "/redirect", "/junk", "/header", "/v1", "/cut"} {
		for _, ref := range []api.SecretRef{"env:MABUS_SECRET_CANARY", api.SecretRef("file:" + w.dir + "/key"), "secret:canary"} {
			n++
			id := fmt.Sprintf("http%d", n)
			spec := api.HTTPSpec{URL: srv.URL + path, Key: ref}
			if path == "/v1" {
				spec.Format, spec.Model = api.HTTPChat, "m"
			}
			w.startAgent(t, api.AgentSpec{ID: id, HTTP: &spec})
			answer, err := w.c.Call(t.Context(), id, map[string]string{"prompt": "p"})
			w.heard(path, answer, err)
			if strings.Contains(string(answer), "***") || err != nil && strings.Contains(err.Error(), "[key]") {
				got++
			}
			if path != "/v1" {
				continue
			}
			s, err := w.c.Stream(t.Context(), id, map[string]string{"prompt": "p"})
			if err != nil {
				t.Fatal(err)
			}
			w.stream(s)
		}
	}
	if got < 12 {
		t.Errorf("only %d of the answers had the key to be hidden: the endpoints do not get it", got)
	}
	for id, spec := range map[string]api.HTTPSpec{
		"away": {URL: "http://127.0.0.1:1/", Key: "secret:canary"}, "keyed": {URL: srv.URL + "/answer", KeyEnv: "MABUS_SECRET_CANARY"},
		"refused": {URL: srv.URL + "/answer", Key: "env:" + natsEnv}, "outside": {URL: srv.URL + "/answer", Key: "file:/etc/passwd"},
	} {
		w.startAgent(t, api.AgentSpec{ID: id, HTTP: &spec})
		answer, err := w.c.Call(t.Context(), id, 1)
		w.heard(id, answer, err)
	}
}

// repeat is an endpoint that does with the key what no endpoint should.
func repeat(rw http.ResponseWriter, r *http.Request) {
	auth := r.Header.Get("Authorization")
	key := strings.TrimPrefix(auth, "Bearer ")
	switch r.URL.Path {
	case "/refuse":
		rw.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(rw, `{"error":{"message":"incorrect key %s"}}`, auth)
	case "/redirect":
		http.Redirect(rw, r, "http://elsewhere/"+key+"?k="+key, http.StatusTemporaryRedirect)
	case "/junk":
		fmt.Fprintf(rw, "no JSON but %s", auth)
	case "/header":
		rw.Header().Set("Content-Encoding", key)
		rw.Header().Set("Mabus-Usage", `{"model":"`+key+`"}`)
		fmt.Fprint(rw, "1")
	case "/v1/chat/completions":
		if body, _ := io.ReadAll(r.Body); !strings.Contains(string(body), `"stream":true`) {
			fmt.Fprintf(rw, `{"choices":[{"message":{"content":"the key is %s"}}]}`, key)
			return
		}
		rw.Header().Set("Content-Type", "text/event-stream")
		for _, piece := range []string{"the key is " + key[:5], key[5:9], key[9:]} {
			fmt.Fprintf(rw, "data: {\"choices\":[{\"delta\":{\"content\":%q}}]}\n\n", piece)
		}
		fmt.Fprint(rw, "data: [DONE]\n\n")
	case "/cut":
		rw.Header().Set("Content-Length", "1000")
		fmt.Fprintf(rw, `{"auth":%q,`, auth)
	default:
		fmt.Fprintf(rw, `{"auth":%q,"list":[%q]}`, auth, key)
	}
}

// budget is what a job in a market may pay.
const budget = 1_000_000

// job runs one with agents of both kinds, whose tasks succeed, fail and crash; in a market they are paid for.
func (w *world) job(t *testing.T, id string, market *run.Market) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(repeat))
	t.Cleanup(srv.Close)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	j, err := job.Parse(fmt.Appendf(nil, `
version: 1
name: leaky
agents:
  - name: program
    capability: program
    command: [%q]
    ask: {price: "100"}
    env: {%s: worker}
    secrets: {FROM_ENV: "env:MABUS_SECRET_CANARY", FROM_DIR: "file:%s/key", FROM_STORE: "secret:canary"}
  - name: endpoint
    capability: endpoint
    ask: {price: "100"}
    http: {url: %q, key: "secret:canary"}
tasks:
  - {capability: program, attempts: 1}
  - {capability: endpoint, attempts: 1}
`, exe, asEnv, w.dir, srv.URL+"/refuse"))
	if err != nil {
		t.Fatal(err)
	}
	r := run.New(run.Config{
		Client: w.c, Job: j, ID: id, Market: market,
		Inputs:  input.Expand([]string{"-"}, input.Options{Stdin: strings.NewReader(`{"do":"answer"}` + "\n" + `{"do":"error"}` + "\n" + `{"do":"panic"}` + "\n")}),
		Outcome: func(o job.Outcome) error { w.heard("a job", o, nil); return nil },
		Warn:    func(format string, args ...any) { w.in("a warning of a job", fmt.Sprintf(format, args...)) },
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = r.Do(ctx)
	w.heard("the end of a job", r.Stats(), err)
	if s := r.Stats(); s.Done != 1 || s.Failed != 5 {
		t.Errorf("the job: %+v, %v", s, err)
	}
}

// balanced sends a message to whom the load balancer chooses.
func (w *world) balanced(t *testing.T) {
	t.Helper()
	answer, err := w.c.Conn().Request(t.Context(), api.BalancedSubject(api.DefaultNamespace, "tell"), []byte(`{"do":"answer"}`), true)
	w.heard("a message by the load balancer", json.RawMessage(answer), err)
	if err != nil {
		t.Error(err)
	}
}

// session has members answer with what they know, and reads its transcript.
func (w *world) session(t *testing.T) {
	t.Helper()
	members := []string{"m1", "m2", "m3"}
	for _, id := range members {
		w.startAgent(t, w.worker(t, id))
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := w.c.Sessions.Run(ctx, api.SessionStartRequest{
		ID: "s1", Type: api.SessionVoting, Question: []byte(`{"do":"answer"}`), Members: members, Timeout: api.Duration(patience),
	})
	w.heard("a session", s, err)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := w.c.Sessions.Steps(ctx, "s1")
	w.heard("a transcript", steps, err)
	if err != nil {
		t.Error(err)
	}
}

// asks reads back what is told of agents, events and secrets.
func (w *world) asks(t *testing.T) {
	t.Helper()
	for a, err := range w.c.Agents.All(t.Context(), api.AgentsListRequest{}) {
		w.heard("a list of agents", a, err)
		if state, err := w.c.Agents.Status(t.Context(), a.ID); err == nil {
			w.heard("a status", state, nil)
		}
	}
	for s, err := range w.c.Secrets.All(t.Context(), api.SecretsListRequest{}) {
		w.heard("a list of secrets", s, err)
	}
	for _, p := range w.running {
		metrics := ""
		natstest.Eventually(t, patience, func() bool { metrics = p.get(t, "/metrics"); return strings.HasPrefix(metrics, "200") }, "metrics")
		w.in("metrics", metrics)
		if !strings.Contains(metrics, "mabus_") {
			t.Errorf("metrics: %.200s", metrics)
		}
	}
}
