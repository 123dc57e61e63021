package http_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/examples/llm/fake"
	"github.com/mabus-project/mabus/shared/api"
)

const story = "Summarise in one sentence.\n\nThe mill ground corn for the town. Cats slept. The mill of the town burnt down when the corn caught fire."

func TestChat(t *testing.T) {
	f, spec := model(t, fake.Options{})
	spec.PriceIn, spec.PriceOut, spec.PriceCall = 150_000, 600_000, 3
	e := start(t, spec)
	m := prompt(story)
	raw, err := e.Handle(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	want := api.ChatAnswer{Text: fake.Reply(story), FinishReason: "stop", Model: "m"}
	if diff := cmp.Diff(want, chatAnswer(t, raw)); diff != "" {
		t.Error(diff)
	}
	s := f.Stats()
	cost := 3 + (api.Micro(s.TokensIn)*150_000+api.Micro(s.TokensOut)*600_000+999_999)/1_000_000
	if used := m.Used(); used != (api.Usage{TokensIn: s.TokensIn, TokensOut: s.TokensOut, Cost: cost}) || used.TokensOut == 0 {
		t.Errorf("used %+v, the endpoint says %+v", used, s)
	}
	if most := e.MaxCost(m.Payload); most < m.Used().Cost {
		t.Errorf("cost %v, at most %v was said", m.Used().Cost, most)
	}
}

func TestChatRequest(t *testing.T) {
	var got map[string]any
	var path string
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		body, _ := io.ReadAll(r.Body)
		got, path = nil, r.RequestURI
		_ = json.Unmarshal(body, &got)
		fmt.Fprint(w, `{"choices":[{"message":{"content":null},"finish_reason":null}],"usage":null,"error":null}`)
	})
	e := start(t, api.HTTPSpec{URL: url + "/v1/?version=2", Format: api.HTTPChat, Model: "m1", System: "be brief", MaxTokens: 50})
	for in, want := range map[string]string{
		`{"prompt":"p"}`:                   `{"model":"m1","max_tokens":50,"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"p"}]}`,
		`{"prompt":"p","max_tokens":60}`:   `{"model":"m1","max_tokens":50,"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"p"}]}`,
		`{"prompt":"p","temperature":0}`:   `{"model":"m1","temperature":0,"max_tokens":50,"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"p"}]}`,
		`{"prompt":"p","extra":{"top":1}}`: `{"model":"m1","top":1,"max_tokens":50,"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"p"}]}`,
		`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"max_tokens":9}`: `{"model":"m1","max_tokens":9,
			"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`,
	} {
		if raw, err := e.Handle(t.Context(), message(in)); err != nil || string(raw) != `{"text":""}` {
			t.Fatalf("%s: %s, %v", in, raw, err)
		}
		var wanted map[string]any
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted, got); diff != "" || path != "/v1/chat/completions?version=2" {
			t.Errorf("%s: %s %s", in, path, diff)
		}
	}
	for _, in := range []string{
		``, `null`, `[]`, `{}`, `{"prompt":"p","messages":[{"role":"user","content":"c"}]}`, `{"prompt":"p","unknown":1}`, `{"prompt":"p","max_tokens":-1}`,
		`{"prompt":"p","extra":[]}`, `{"prompt":"p","extra":{"n":5}}`, `{"prompt":"p","extra":{"max_completion_tokens":99}}`, `{"prompt":"p","extra":{"stream":true}}`,
	} {
		got = nil
		m := message(in)
		if _, err := e.Handle(t.Context(), m); api.CodeOf(err) != api.Invalid || got != nil || !m.Used().IsZero() {
			t.Errorf("%s: %v, sent %v", in, err, got)
		}
	}
}

func TestChatAnswersThatMakeNoSense(t *testing.T) {
	for body, says := range map[string]string{
		``:               "empty",
		`[]`:             "no chat completion",
		`<html>`:         "<html>",
		`{"choices":[]}`: "no choices",
		`{"choices":[{"message":{"content":"` + "\xff" + `"}}]}`: "no chat completion",
		`{"error":{"message":"overloaded"}}`:                     "overloaded",
		`{"error":"overloaded"}`:                                 "overloaded",
	} {
		url := serve(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, body) })
		e := start(t, api.HTTPSpec{URL: url, Format: api.HTTPChat, Model: "m", PriceCall: 5})
		m := prompt("p")
		_, err := e.Handle(t.Context(), m)
		if e := wantError(t, err, api.Unavailable, api.ReasonEndpointError, true); !strings.Contains(e.Message, says) || m.Used().Cost != 5 {
			t.Errorf("%q: %v, used %+v", body, err, m.Used())
		}
	}
}

// An error with a status of its own is sorted by that, although the answer's status says that all is well.
func TestChatErrorWithAStatus(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		fmt.Fprint(w, `{"error":{"message":"slow down","code":429}}`)
	})
	m := prompt("p")
	_, err := start(t, api.HTTPSpec{URL: url, Format: api.HTTPChat, Model: "m", PriceCall: 5}).Handle(t.Context(), m)
	if wantError(t, err, api.RateLimited, api.ReasonRateLimit, false); !m.Used().IsZero() {
		t.Errorf("used %+v", m.Used())
	}
}

func TestStream(t *testing.T) {
	f, spec := model(t, fake.Options{})
	spec.PriceOut = 1_000_000
	e := start(t, spec)
	for range 3 {
		r := &reader{}
		m := prompt(story)
		m.Parts = r
		raw, err := e.Handle(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		want := api.ChatAnswer{Text: fake.Reply(story), FinishReason: "stop", Model: "m"}
		if diff := cmp.Diff(want, chatAnswer(t, raw)); diff != "" {
			t.Error(diff)
		}
		var text string
		for _, c := range r.chunks {
			text += chatAnswer(t, json.RawMessage(c)).Text
		}
		if text != want.Text || len(r.chunks) < 5 || int(m.Used().Cost) != len(r.chunks) || m.Used().TokensOut != int64(len(r.chunks)) {
			t.Errorf("%d chunks %q; used %+v", len(r.chunks), text, m.Used())
		}
	}
	if s := f.Stats(); s.Streamed != 3 || s.Answered != 3 {
		t.Errorf("stats %+v", s)
	}
}

// The first chunk is there while the endpoint still thinks about the second.
func TestChunksComeAtOnce(t *testing.T) {
	second := make(chan struct{})
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		fmt.Fprint(w, "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\r\r")
		_ = nethttp.NewResponseController(w).Flush()
		select {
		case <-second:
		case <-r.Context().Done():
			return
		}
		fmt.Fprint(w, "data: {\"choices\":[{\"delta\":{\"content\":\" two\"},\"finish_reason\":\"stop\"}]}\n\n") // and no [DONE]
	})
	r := &reader{on: func(_ context.Context, n int) error {
		if n == 1 {
			close(second)
		}
		return nil
	}}
	m := prompt("p")
	m.Parts = r
	raw, err := start(t, api.HTTPSpec{URL: url, Format: api.HTTPChat, Model: "m"}).Handle(t.Context(), m)
	if err != nil || string(raw) != `{"text":"one two","finish_reason":"stop"}` {
		t.Errorf("got %s, %v", raw, err)
	}
}

func TestStreamsThatBreak(t *testing.T) {
	const piece = "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n"
	for name, c := range map[string]struct {
		body, says string
		chunks     int
	}{
		"no end":          {piece, "before its answer was complete", 1},
		"half an event":   {piece + `data: {"choices"`, "before its answer was complete", 1},
		"nothing":         {"", "before its answer was complete", 0},
		"bad JSON":        {piece + "data: {\n\n", "an event of it is", 1},
		"bad UTF-8":       {"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}\n\n", "an event of it is", 0},
		"error":           {piece + "data: {\"error\":{\"message\":\"out of memory\",\"code\":500}}\n\n", "out of memory", 1},
		"a huge event":    {piece + "data: " + strings.Repeat("x", 5<<20), "one event", 1},
		"HTML for events": {"<html>\n\n", "before its answer was complete", 0},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			url := serve(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
				asked++
				w.Header().Set("Content-Type", "text/event-stream")
				fmt.Fprint(w, c.body)
			})
			r := &reader{}
			m := prompt("p")
			m.Parts = r
			_, err := start(t, api.HTTPSpec{URL: url, Format: api.HTTPChat, Model: "m", PriceCall: 5, Guard: api.GuardSpec{Retry: retry(3)}}).Handle(t.Context(), m)
			e := wantError(t, err, api.Unavailable, api.ReasonEndpointError, true)
			if !strings.Contains(e.Message, c.says) || len(r.chunks) != c.chunks || m.Used() != (api.Usage{Cost: 5}) || asked != 1 {
				t.Errorf("%q, %q, used %+v, asked %d times", e.Message, r.chunks, m.Used(), asked)
			}
		})
	}
}

// An endpoint that cannot stream answers in one piece, which is one chunk too.
func TestWholeAnswerForAReader(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"choices":[{"message":{"content":"all"},"finish_reason":"stop"}]}`)
	})
	r := &reader{}
	m := prompt("p")
	m.Parts = r
	raw, err := start(t, api.HTTPSpec{URL: url, Format: api.HTTPChat, Model: "m"}).Handle(t.Context(), m)
	if err != nil || string(raw) != `{"text":"all","finish_reason":"stop"}` || len(r.chunks) != 1 || r.chunks[0] != `{"text":"all"}` {
		t.Errorf("got %s, %v, %q", raw, err, r.chunks)
	}
	for _, p := range []agent.Parts{nil, agent.NoParts{}, &agent.NoParts{}} {
		m.Parts = p
		if _, err := start(t, api.HTTPSpec{URL: url, Format: api.HTTPChat, Model: "m"}).Handle(t.Context(), m); err != nil {
			t.Errorf("%T: %v", p, err)
		}
	}
}
