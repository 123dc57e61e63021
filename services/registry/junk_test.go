package registry_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
)

var junk = []string{
	"", " ", "{}", "[]", "null", "true", "0", `""`, "{", "}", `{"id":`, "\x00\xff\xfe", `{"id":"\ud800"}`, `{"id":null}`, `{"id":7}`, `{"id":{}}`,
	`{"id":"a b"}`, `{"id":"` + strings.Repeat("a", 65) + `"}`, `{"id":"a.>"}`, `{"id":"a1","id":"a2"}`, `{"unknown":1}`, `{"id":"a1"} {"id":"a1"}`,
	`{"id":"a1","metadata":[]}`, `{"id":"a1","capabilities":["x",""]}`, `{"id":"a1","tags":["\u0000"]}`, `{"id":"a1","max_restarts":-1}`,
	`{"id":"a1","max_seconds":0}`, `{"id":"a1","concurrency":1e99}`, `{"id":"a1","runtime":"wasm"}`, `{"id":"a1","status":"dancing"}`,
	`{"id":"a1","status":"running","epoch":-1}`, `{"id":"a1","status":"starting"}`, `{"id":"a1","lease":"*"}`, `{"id":"a1","min_revision":"junk"}`,
	`{"id":"a1","min_revision":"` + strings.Repeat("x", 9000) + `"}`, `{"cursor":">"}`, `{"limit":-1}`, `{"limit":1001}`, `{"limit":"many"}`,
	`{"agents":[]}`, `{"agents":[null]}`, `{"agents":[{}]}`, `{"agents":{}}`, `{"name":"n","timeout":"soon"}`, `{"name":"n","timeout":"-1s"}`,
	`{"id":"a1","token":""}`, `{"id":"a1","token":"\u0000"}`, `{"id":"a1","token":"99999999999999999999"}`, `{"id":"h1","lease":"l1","modules":"m"}`,
	`{"id":"h1","lease":"l1","status":"live"}`, `{"id":"s1","name":"n","registered_at":"yesterday"}`, `{"status":"starting","id":"a1","host":"h","host_lease":"l"}`,
	strings.Repeat("[", 20_000), `{"metadata":` + strings.Repeat(`{"a":`, 20_000), `{"id":"a1","revision":"%00"}`, `{"id":"a1","restart_policy":"sometimes"}`,
}

// Whatever comes, on every subject, somebody answers: with what was asked or with an error of the closed set that says why.
func TestJunkIsAnswered(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1, registry.Config{})
	codes := map[string]bool{}
	for _, code := range api.Codes {
		codes[string(code)] = true
	}
	for _, m := range api.Methods {
		if m.Service != "registry" {
			continue
		}
		t.Run(m.Noun+"."+m.Verb, func(t *testing.T) {
			for _, body := range junk {
				msg := nats.NewMsg(api.MethodSubject("mabus", m.Service, m.Noun, m.Verb))
				msg.Data = []byte(body)
				msg.Header.Set(api.HeaderTimeout, "300ms") // for wait_for
				answer, err := c.NC.RequestMsg(msg, patience)
				if err != nil {
					t.Fatalf("%.60q: %v", body, err)
				}
				code := answer.Header.Get(api.HeaderErrorCode)
				if code != "" && (!codes[code] || answer.Header.Get(api.HeaderError) == "") || code == string(api.Internal) {
					t.Errorf("%.60q: error %q, %q", body, code, answer.Header.Get(api.HeaderError))
				}
			}
		})
	}
	for _, h := range []nats.Header{{api.HeaderTimeout: {"soon"}}, {api.HeaderTimeout: {"-1s"}}, {api.HeaderRequestID: {"a b"}}, {api.HeaderBlob: {"nowhere"}}} {
		answer, err := c.NC.RequestMsg(&nats.Msg{Subject: "mabus.registry.agents.register", Header: h, Data: []byte(`{"id":"h"}`)}, patience)
		if err != nil || answer.Header.Get(api.HeaderErrorCode) == "" {
			t.Errorf("headers %v: %v, %v", h, answer, err)
		}
	}
	if _, err := call(t, c, api.AgentsRegister, api.AgentSpec{ID: "sane"}); err != nil {
		t.Errorf("after all the junk: %v", err)
	}
}

// Junk that somebody put straight into the bucket hides only itself.
func TestJunkInTheBucket(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1, registry.Config{})
	must(t, c, api.AgentsRegister, api.AgentSpec{ID: "a1"})
	for n, value := range []string{"", "{", `{"id":7}`, "null", `[]`} {
		if _, err := c.JS.Publish(t.Context(), "$KV.mabus_agents.junk", []byte(value)); err != nil {
			t.Fatal(err)
		}
		a := must(t, c, api.AgentsRegister, api.AgentSpec{ID: fmt.Sprintf("after%d", n)})
		must(t, c, api.AgentsList, api.AgentsListRequest{MinRevision: a.Revision})
	}
	if got := must(t, c, api.AgentsGet, api.GetRequest{ID: "a1"}); got.ID != "a1" {
		t.Errorf("got %+v", got)
	}
}
