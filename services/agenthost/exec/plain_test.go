package exec_test

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/codec"
)

// sameAsDecoded fails unless a line that is taken in the short way would be taken to be the same in the long way.
func sameAsDecoded(t interface{ Fatalf(string, ...any) }, line []byte) (short bool) {
	line = bytes.TrimSpace(line) // as they are read
	id, payload, short := exec.PlainResult(line)
	if !short {
		return false
	}
	wantID, want, ok := exec.Result(line)
	if !ok || wantID != string(id) || !bytes.Equal(want, payload) || !codec.Valid(payload) {
		t.Fatalf("%q: the short way finds %q in %q, the long way %q in %q, %v", line, payload, id, want, wantID, ok)
	}
	return true
}

func TestPlainResults(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for line, want := range map[string]bool{
		`{"type":"result","id":"7","payload":{"a":1}}`:                      true,
		`{"type": "result", "id": "7", "payload": {"a": 1}}`:                true,
		`{"type":"result","id":"7","payload": "}" }`:                        true,
		`{"type":"result","id":"7","payload":null}`:                         true,
		`{"type":"result","id":"18446744073709551616","payload":1}`:         true,
		`{"type":"result","id":"7","payload":` + deep(1000) + `}`:           true,
		`{"type":"result","id":"7","payload":` + deep(9999) + `}`:           false,
		`{"type":"result","id":"7","payload":` + deep(10000) + `}`:          false,
		`{"type":"result","id":"7"}`:                                        false,
		`{"type":"result","id":"7","payload":}`:                             false,
		`{"type":"result","id":"7","payload":1`:                             false,
		`{"type":"result","id":"7","payload":1}}`:                           false,
		`{"type":"result","id":"7","payload":NaN}`:                          false,
		`{"type":"result","id":"7","payload":1 2}`:                          false,
		"{\"type\":\"result\",\"id\":\"7\",\"payload\":\u00a01}":            false,
		"{\"type\":\"result\",\"id\":\"7\",\"payload\":\"\xff\"}":           false,
		`{"type":"result","id":"7","payload":1,"usage":{"tokens_in":1}}`:    false,
		`{"type":"result","id":"7","payload":1,"payload":2}`:                false,
		`{"type":"result","id":"7","payload":{"a":1,"a":2}}`:                false,
		`{"type":"result","id":"7","payload":{},"type":"error","error":{}}`: false,
		`{"type":"result","id":"7","payload":{},"later":{}}`:                false,
		`{"type":"result","id":"x","payload":1}`:                            false,
		`{"type":"error","id":"7","payload":1}`:                             false,
		`{"type": "result","id":"7","payload":1}`:                           false,
	} {
		if got := sameAsDecoded(t, []byte(line)); got != want {
			t.Errorf("%.80s: the short way is %v", line, got)
		}
	}
}

// Lines that are nearly plain results: their parts in any number and order.
func TestTheShortWayIsTheLongWay(t *testing.T) {
	t.Parallel()
	part := rapid.SampledFrom([]string{
		`{"type":"result","id":"`, `{"type": "result", "id": "`, `","payload":`, `", "payload": `, `}`, `{`, `"`, `,`, ` `, "\t", `7`, `12`, `0`, `null`, `[1]`, `{"a":1}`,
		`"payload":`, `"usage":`, `"usage":{}`, `"type":"result"`, `\`, `\u0037`, "\u00a0", "\xff", `"}"`, `1e9`,
	})
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SampledFrom([]string{`{"type":"result","id":"7","payload":`, `{"type": "result", "id": "7", "payload": `, ""}).Draw(t, "head") +
			strings.Join(rapid.SliceOfN(part, 0, 8).Draw(t, "parts"), "")
		sameAsDecoded(t, []byte(line))
		sameAsDecoded(t, []byte(line+"}"))
	})
}

func FuzzPlainResult(f *testing.F) {
	for _, s := range []string{
		`{"type":"result","id":"7","payload":{"a":[1,"}"]}}`, `{"type": "result", "id": "7", "payload": "x"}`, `{"type":"result","id":"7","payload":1,"usage":{}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) { sameAsDecoded(t, line) })
}
