package codec_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// What is empty but given must arrive: it clears a list, or is an agent's whole answer.
func TestEmptyIsNotAbsent(t *testing.T) {
	none := []string{}
	for name, v := range map[string]any{
		`{"id":"a","metadata":{},"tags":[],"capabilities":[]}`: &api.AgentUpdateRequest{ID: "a", Metadata: json.RawMessage(`{}`), Tags: &none, Capabilities: &none},
		`{"id":"a"}`:                        &api.AgentUpdateRequest{ID: "a"},
		`{"capability":"c","payload":{}}`:   &api.TaskSpec{Capability: "c", Payload: json.RawMessage(`{}`)},
		`{"capability":"c","payload":[]}`:   &api.TaskSpec{Capability: "c", Payload: json.RawMessage(`[]`)},
		`{"capability":"c","payload":""}`:   &api.TaskSpec{Capability: "c", Payload: json.RawMessage(`""`)},
		`{"capability":"c","payload":null}`: &api.TaskSpec{Capability: "c", Payload: json.RawMessage(`null`)},
		`{"code":"invalid","message":"m"}`:  &api.Error{Code: api.Invalid, Message: "m"},
	} {
		got, err := codec.Marshal(v)
		if err != nil || string(got) != name {
			t.Errorf("got %s, %v, want %s", got, err, name)
			continue
		}
		back := reflect.New(reflect.TypeOf(v).Elem()).Interface()
		if err := codec.Decode(got, back); err != nil {
			t.Errorf("%s: %v", got, err)
		}
		if diff := cmp.Diff(v, back); diff != "" {
			t.Errorf("%s came back changed:\n%s", got, diff)
		}
	}
}

func TestMarshalIsStable(t *testing.T) {
	m := map[string]int{}
	for _, k := range strings.Split("q w e r t y u i o p", " ") {
		m[k] = len(m)
	}
	first, err := codec.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := codec.Marshal(m)
		if err != nil || string(again) != string(first) {
			t.Fatalf("%s, then %s, %v", first, again, err)
		}
	}
}

func TestReadForgivesWhatDecodeRefuses(t *testing.T) {
	newer := []byte(`{"id":"a","since_version_9":true}`)
	var r api.DeregisterRequest
	if err := codec.Read(newer, &r); err != nil || r.ID != "a" {
		t.Errorf("Read: %v, %+v", err, r)
	}
	if err := codec.Decode(newer, &r); api.ReasonOf(err) != api.ReasonUnknownField {
		t.Errorf("Decode: %v", err)
	}
	if err := codec.Read([]byte(`{"id":`), &r); err == nil {
		t.Error("Read takes half a document")
	}
}

func TestValid(t *testing.T) {
	for body, want := range map[string]bool{`{}`: true, `[1, "a"]`: true, ` null `: true, ``: false, `{`: false, `{} {}`: false, "\"\xff\"": false, `{"a":1,"a":2}`: false} {
		if got := codec.Valid([]byte(body)); got != want {
			t.Errorf("Valid(%q) is %v", body, got)
		}
	}
}

// FuzzDecode feeds any bytes to every request of the method table: the answer is a value that can be checked, or an
// invalid error that can be sent.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `null`, `[]`, `{"id":"a1"}`, `{"id":"a1","metadata":{"a":[1,2]},"tags":["x"]}`, `{"agents":[{"id":"a"},{"id":""}]}`,
		`{"capability":"c","payload":[1],"timeout":"1.5s","deadline":"2026-01-02T03:04:05Z"}`, `{"agent":{"id":"a","command":["sh"],"env":{"A":"b"}}}`,
		"{\"id\":\"\xff\"}", `{"id":"a","id":"b"}`, `{"id":` + strings.Repeat(`[`, 200), `{"max_restarts":-1,"id":"a"}`, `{"agent":null}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, d := range api.Methods {
			req := reflect.New(d.Request).Interface()
			err := codec.Decode(body, req)
			if v, ok := req.(api.Validator); err == nil && ok {
				err = v.Validate()
			}
			if err == nil {
				if _, err := codec.Marshal(req); err != nil {
					t.Errorf("%s took %q and cannot write it: %v", d.Name(), body, err)
				}
				continue
			}
			e := api.AsError(err)
			if e == nil || e.Code != api.Invalid || e.Message == "" {
				t.Fatalf("%s on %q: %v", d.Name(), body, err)
			}
			if _, err := codec.Marshal(e); err != nil {
				t.Errorf("%s on %q: the error cannot be sent: %v", d.Name(), body, err)
			}
		}
	})
}
