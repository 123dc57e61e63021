package protocoltest

import (
	"encoding/json"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Each answers every question to a member with the same: what the map has for it. Who is not in it stays silent; a text that begins
// with "!" is the error that the member fails with.
func Each(answers map[string]string) Answer {
	return func(member string, _ *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) {
		text, ok := answers[member]
		if ok && text != "" && text[0] == '!' {
			return json.RawMessage(text[1:]), false
		}
		if !ok {
			return nil, false
		}
		return json.RawMessage(text), true
	}
}

// Result reads the result of a session that has one into v.
func Result(t TB, s *api.Session, v any) {
	t.Helper()
	if s.State != api.SessionCompleted {
		t.Fatalf("the session is %s: %s", s.State, s.Reason)
	}
	if err := codec.Read(s.Result, v); err != nil {
		t.Fatalf("the result %s: %v", s.Result, err)
	}
}
