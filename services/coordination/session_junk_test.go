package coordination_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// bare sends a body as any NATS client can, and returns what comes back.
func (h *hall) bare(t testing.TB, method, body string) (code, reason, answer string) {
	t.Helper()
	msg := nats.NewMsg("mabus.coordination." + method)
	msg.Data = []byte(body)
	msg.Header.Set(api.HeaderTimeout, "5s")
	resp, err := h.conn.NC.RequestMsg(msg, patience)
	if err != nil {
		t.Fatalf("%s %.80q: %v", method, body, err)
	}
	var e api.Error
	if code = resp.Header.Get(api.HeaderErrorCode); code != "" {
		if err := codec.Read(resp.Data, &e); err != nil {
			t.Fatalf("%s %.80q: the error %q: %v", method, body, resp.Data, err)
		}
	}
	return code, e.Details.Reason, string(resp.Data)
}

var sessionJunk = []string{
	"", " ", "[]", "null", "true", "0", `""`, "{", "}", `{"id":`, "\x00\xff\xfe", `{"id":"\ud800"}`, `{"id":null}`, `{"id":7}`, `{"id":{}}`, `{"id":"a b"}`,
	`{"id":"s"} {}`, `{"id":"s","id":"s"}`, `{"unknown":1}`, `{"id":"s","wait":"soon"}`, `{"id":"s","wait":"-1s"}`, `{"id":"s","wait":"99999h"}`, `{"id":"s","after":-1}`,
	`{"id":"s","after":1e99}`, `{"id":"s","min_revision":"junk"}`, `{"id":"none"}`, `{"id":"none","wait":"1s"}`, `{"name":"none"}`, `{"name":"a b"}`, `{"name":7}`,
	`{"name":"v","value":}`, `{"name":"v"}}`, `{"name":"v","value":"` + strings.Repeat("x", api.MaxVariableValue) + `"}`, `{"name":"v","expected_version":-1,"value":2}`,
	`{"name":"v","expected_version":99,"value":2}`, `{"name":"v","value":"text"}`, `{"name":"v","value":2,"wait":"x"}`, `{"name":"v","limit":-1}`, `{"name":"v","after":-1}`,
	`{"name":"p","type":"none"}`, `{"name":"p","params":{}}`, `{"name":null,"type":"voting"}`, `{"limit":-1}`, `{"limit":1001}`,
	`{"state":"done"}`, `{"type":"none"}`, `{"after":"archive/x","all":true}`, `{"after":"archive/-1","all":true}`, `{"session":"s","round":0,"answer":1}`,
	`{"session":"s","round":1}`, `{"session":"s","round":1,"answer":1,"error":"x"}`, `{"session":"s","round":1,"answer":"yes"}`, `{"session":"s","round":999,"answer":1}`,
	`{"session":"s","round":1,"answer":` + strings.Repeat("[", 20_000), `{"type":"voting","members":["none"]}`, `{"type":"voting","members":"a"}`,
	`{"type":"voting","members":["a"],"params":{"options":[]}}`, `{"type":"tool_orchestration","members":["a"],"params":{"steps":[{"id":"x","tool":"t","needs":["x"]}]}}`,
	`{"id":"s","type":"voting","members":[]}`, strings.Repeat("[", 20_000), `{"id":` + strings.Repeat(`{"a":`, 20_000), `{"question":` + strings.Repeat(`[`, 20_000) + `}`,
}

// Junk on every subject of sessions, protocols and variables is answered, and changes nothing.
func TestJunkChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.register(t, "a")
	owner := dial(t, h.url, "owner")
	if _, err := h.Protocols.Register(until(t), api.Protocol{Name: "p", Type: api.SessionVoting}); err != nil {
		t.Fatal(err)
	}
	number := api.VariableConstraints{Type: "number"}
	must(t, owner, api.VariablesRegister, api.VariableSpec{Name: "v", Value: json.RawMessage("1"), Constraints: number, Scope: api.ScopeLocal})
	h.seat(t, "a", always(nil))
	h.open(t, api.SessionStartRequest{ID: "s", Type: api.SessionVoting, Members: []string{"a"}, Timeout: api.Duration(20 * patience), Question: json.RawMessage("1")})

	type view struct {
		Session   *api.Session
		Protocols []api.Protocol
		Variable  *api.Variable
		Variables *api.VariableStatsResponse
		Sessions  *api.SessionsStatsResponse
	}
	look := func() []byte {
		v := view{Session: must(t, h.conn, api.SessionsGet, api.SessionGetRequest{ID: "s"}), Variable: must(t, owner, api.VariablesGet, api.NameRequest{Name: "v"})}
		v.Protocols = must(t, h.conn, api.ProtocolsList, api.PageRequest{}).Protocols
		v.Variables = must(t, owner, api.VariablesStats, api.VariableStatsRequest{})
		v.Sessions = must(t, h.conn, api.SessionsStats, api.Empty{})
		v.Session.Revision, v.Variable.Revision, v.Variables.Revision, v.Sessions.Revision = "", "", "", ""
		body, err := codec.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	h.reached(t, "s", 1)
	before := look()
	codes := map[string]bool{}
	for _, code := range api.Codes {
		codes[string(code)] = true
	}
	for _, m := range api.Methods {
		if m.Service != "coordination" || m.Noun != "sessions" && m.Noun != "protocols" && m.Noun != "variables" {
			continue
		}
		t.Run(m.Noun+"."+m.Verb, func(t *testing.T) {
			for _, body := range sessionJunk {
				code, _, answer := h.bare(t, m.Noun+"."+m.Verb, body)
				if code != "" && !codes[code] || code == string(api.Internal) || code == string(api.Unimplemented) {
					t.Errorf("%.60q: %s %s", body, code, answer)
				}
				if code == "" && !harmless(m.Verb, body) {
					t.Errorf("%.60q is taken: %.200s", body, answer)
				}
			}
		})
	}
	if after := look(); !bytes.Equal(before, after) {
		t.Errorf("before: %s\nafter: %s", before, after)
	}
}

// harmless tells whether a request is good although others of its kind are junk: reads, and removals of what is not there.
func harmless(verb, body string) bool {
	switch verb {
	case "get", "list", "stats", "follow", "history", "coordinate_all":
		return true
	}
	return body == `{"name":"none"}`
}

// reached waits until so many members of a session are known to be asked.
func (h *hall) reached(t testing.TB, id string, asked int) {
	t.Helper()
	x, err := h.Sessions.Get(until(t), id)
	if err != nil || x.Stats.Asked != asked {
		t.Fatalf("%+v, %v", x, err)
	}
}
