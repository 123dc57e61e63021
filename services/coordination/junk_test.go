package coordination_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
)

var junk = []string{
	"", " ", "{}", "[]", "null", "true", "0", `""`, "{", "}", `{"name":`, "\x00\xff\xfe", `{"name":"\ud800"}`, `{"name":null}`, `{"name":7}`, `{"name":{}}`,
	`{"name":"a b"}`, `{"name":"` + strings.Repeat("a", 65) + `"}`, `{"name":"a.>"}`, `{"name":"*"}`, `{"name":"a","name":"b"}`, `{"unknown":1}`, `{"name":"a"} {}`,
	`{"name":"a","parties":0}`, `{"name":"a","parties":-1}`, `{"name":"a","parties":1e99}`, `{"name":"a","parties":10001}`, `{"name":"a","parties":2,"member":"a b"}`,
	`{"name":"a","parties":2,"wait":"-1s"}`, `{"name":"a","parties":2,"wait":"soon"}`, `{"name":"a","parties":2,"wait":"1ns"}`, `{"name":"a","wait":"99999h"}`,
	`{"name":"a","token":0}`, `{"name":"a","token":-1}`, `{"name":"a","token":18446744073709551616}`, `{"name":"a","token":1,"value":}`, `{"name":"a","token":1}`,
	`{"name":"a","token":1,"value":"` + strings.Repeat("x", 70_000) + `"}`, `{"name":"a","count":0}`, `{"name":"a","count":9223372036854775808}`, `{"name":"a","by":-1}`,
	`{"name":"a","by":9223372036854775807}`, `{"name":"a","by":1.5}`, `{"name":"a","n":-1}`, `{"name":"a","n":1048577}`, `{"id":"a","min_revision":"junk"}`,
	`{"id":"a"}`, `{"id":">"}`, `{"name":"a","lease":"none"}`, `{"name":"a","lease":"none","kind":"door"}`, `{"name":"a","lease":"none","kind":"semaphore"}`,
	`{"name":"a","lease":"none","kind":"semaphore","capacity":1,"permits":2}`, `{"name":"a","lease":"none","kind":"election"}`, `{"name":"a","lease":"none","data":[]}`,
	`{"name":"a","lease":"none","ticket":"a b"}`, `{"name":"a","ticket":"none"}`, `{"name":"a","after":-1}`, `{"cursor":">"}`, `{"limit":-1}`, `{"limit":1001}`,
	`{"kind":"door"}`, `{"owner":"a b"}`, `{"min_revision":"` + strings.Repeat("x", 9000) + `"}`, strings.Repeat("[", 20_000), `{"name":` + strings.Repeat(`{"a":`, 20_000),
}

// Whatever comes, on every subject, somebody answers: with what was asked or with an error of the closed set that says why.
func TestJunkIsAnswered(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1, coordination.Config{})
	codes := map[string]bool{}
	for _, code := range api.Codes {
		codes[string(code)] = true
	}
	for _, m := range api.Methods {
		if m.Service != "coordination" {
			continue
		}
		t.Run(m.Noun+"."+m.Verb, func(t *testing.T) {
			for _, body := range junk {
				msg := nats.NewMsg(api.MethodSubject("mabus", m.Service, m.Noun, m.Verb))
				msg.Data = []byte(body)
				msg.Header.Set(api.HeaderTimeout, "300ms")
				answer, err := c.NC.RequestMsg(msg, patience)
				if err != nil {
					t.Fatalf("%.60q: %v", body, err)
				}
				code := answer.Header.Get(api.HeaderErrorCode)
				if code == string(api.Unimplemented) {
					t.Fatalf("nobody serves %s", m.Verb)
				}
				if code != "" && (!codes[code] || answer.Header.Get(api.HeaderError) == "") || code == string(api.Internal) {
					t.Errorf("%.60q: error %q, %q", body, code, answer.Header.Get(api.HeaderError))
				}
			}
		})
	}
	must(t, c, api.CountersAdd, api.CounterAddRequest{Name: "sane"})
}

// Junk that somebody put straight into the bucket hides only itself.
func TestJunkInTheBucket(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1, coordination.Config{})
	for _, value := range []string{"", "{", `{"generation":-7}`, "null", `[]`} {
		for _, key := range []string{"barriers.junk", "latches.junk", "counters.junk"} {
			if _, err := c.JS.Publish(t.Context(), "$KV.mabus_primitives."+key, []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
		must(t, c, api.BarriersArrive, api.BarrierArriveRequest{Name: "b", Parties: 1})
		must(t, c, api.LatchesCreate, api.LatchCreateRequest{Name: "l", Count: 1})
		must(t, c, api.CountersAdd, api.CounterAddRequest{Name: "c"})
	}
}
