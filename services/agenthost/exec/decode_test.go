package exec_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`{"type":"result","id":"7","payload":{"a":1}}`: "result",
		` { "later" : [1] , "type" : "chunk" } `:       "chunk",
		`{"type":"error","error":{"message":"m"}}`:     "error",
		``:                                      "",
		`null`:                                  "",
		`[]`:                                    "",
		`"result"`:                              "",
		`{}`:                                    "",
		`{"type":""}`:                           "",
		`{"type":7}`:                            "",
		`{"type":"result","id":7}`:              "",
		`{"type":"result"`:                      "",
		`{"type":"result"} {"type":"result"}`:   "",
		`{"type":"result","type":"error"}`:      "",
		`{"type":"result","payload":NaN}`:       "",
		"{\"type\":\"result\",\"id\":\"\xff\"}": "",
		`{"type":"r","x":` + strings.Repeat("[", 100_000):           "",
		strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000): "",
	} {
		got, _, err := exec.Decode([]byte(line))
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%.60s: got %q, %v", line, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"type":"result","id":"7","payload":1}`, `{"type":"error","id":"7","error":{"code":"invalid","details":{"retry_after":"1s"}}}`,
		`{"type":"call","id":"c1","agent":"a","timeout":"2s"}`, `{"type":`, `{"type":"log","level":7}`, "\x00", strings.Repeat(`{"a":`, 1000),
		`{"type":"chunk","id":"7","payload":"to be"}`, `{"type":"progress","id":"7","payload":{"done":3}}`, `{"type":"need_input","id":"7","payload":null}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		kind, e, err := exec.Decode(line)
		if err != nil {
			return
		}
		if !codec.Valid(line) || kind == "" {
			t.Fatalf("took %q as %q", line, kind)
		}
		if e == nil || e.Message == "" || e.Details.Reason == "" || !utf8.ValidString(e.Message) {
			t.Fatalf("an unusable error %+v from %q", e, line)
		}
	})
}

func FuzzOneLine(f *testing.F) {
	f.Add([]byte("{\n\"a\":\r\n1}"))
	f.Add([]byte("1}\n{"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := exec.OneLine(raw)
		if err != nil {
			return
		}
		if bytes.ContainsAny(got, "\r\n") || !codec.Valid(got) {
			t.Fatalf("%q became %q", raw, got)
		}
	})
}
