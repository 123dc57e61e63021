package fake

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/codec"
)

// maxBody bounds a request, in bytes.
const maxBody = 16 << 20

// request is what is understood of a request; the rest is ignored.
type request struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	} `json:"messages"`
	MaxTokens     int             `json:"max_tokens"`
	Stream        bool            `json:"stream"`
	StreamOptions json.RawMessage `json:"stream_options"`
}

// answer is a completion on its way.
type answer struct {
	request
	pieces []string
	finish string
	usage  map[string]int
	fault  Fault
	pace   time.Duration
}

func (e *Endpoint) complete(w http.ResponseWriter, r *http.Request) {
	wait := e.begin(time.Now())
	defer e.count(func(s *Stats) { s.Active-- })
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		fail(w, http.StatusTooManyRequests, "rate limit reached: try again in %v", wait.Round(time.Millisecond))
		return
	}
	in, status, why := e.read(r)
	if why != "" {
		e.count(func(s *Stats) { s.Refused++ })
		fail(w, status, "%s", why)
		return
	}
	e.serve(w, r, e.think(in))
}

// read returns the request, or the status and words to refuse it with.
func (e *Endpoint) read(r *http.Request) (in request, status int, why string) {
	if !e.authorised(r) {
		return in, http.StatusUnauthorized, "incorrect API key provided"
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return in, http.StatusBadRequest, "the request broke off"
	case len(body) > maxBody:
		return in, http.StatusRequestEntityTooLarge, "the request is too large"
	case codec.Read(body, &in) != nil:
		return in, http.StatusBadRequest, "the request is no JSON that is understood here"
	case in.Model == "" || len(in.Messages) == 0 || in.MaxTokens < 0:
		return in, http.StatusUnprocessableEntity, "model and messages are required, and max_tokens must not be negative"
	}
	return in, 0, ""
}

// think makes the answer, and chooses what will go wrong with it.
func (e *Endpoint) think(in request) *answer {
	a := &answer{request: in, finish: "stop", pace: e.opt.PerToken}
	if in.Model == Slow {
		a.pace = max(a.pace, slowToken)
	}
	prompt, tokensIn := "", 3
	for _, m := range in.Messages {
		tokensIn += 4 + len(tokens(m.Role)) + len(tokens(m.Content))
		if m.Role == "user" {
			prompt = m.Content
		}
	}
	a.fault = e.fault(in.Model, prompt)
	a.pieces = tokens(reply(prompt, tastes[in.Model]))
	if in.MaxTokens > 0 && len(a.pieces) > in.MaxTokens {
		a.pieces, a.finish = a.pieces[:in.MaxTokens], "length"
	}
	a.usage = map[string]int{"prompt_tokens": tokensIn, "completion_tokens": len(a.pieces), "total_tokens": tokensIn + len(a.pieces)}
	return a
}

const (
	slowStart = time.Second
	slowToken = 50 * time.Millisecond
)

func (e *Endpoint) serve(w http.ResponseWriter, r *http.Request, a *answer) {
	latency := e.opt.Latency
	if a.Model == Slow {
		latency = max(latency, slowStart)
	}
	switch {
	case a.fault == Hang:
		<-r.Context().Done()
	case !pause(r, latency):
		e.left()
	case a.fault == RateLimit:
		if e.opt.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.opt.RetryAfter.Seconds()))))
		}
		fail(w, http.StatusTooManyRequests, "rate limit reached")
	case a.fault == ServerError:
		fail(w, http.StatusInternalServerError, "the server had an error while processing your request")
	case a.Stream:
		e.stream(w, r, a)
	default:
		e.whole(w, r, a)
	}
}

func (e *Endpoint) left() { e.count(func(s *Stats) { s.Left++ }) }

func (e *Endpoint) done(a *answer) {
	e.count(func(s *Stats) {
		s.Answered++
		if a.Stream {
			s.Streamed++
		}
		in, out := int64(a.usage["prompt_tokens"]), int64(a.usage["completion_tokens"])
		s.TokensIn += in
		s.TokensOut += out
		if m, known := s.Models[a.Model]; known || len(s.Models) < maxModels {
			s.Models[a.Model] = ModelStats{m.Answered + 1, m.TokensIn + in, m.TokensOut + out}
		}
	})
}

func (e *Endpoint) whole(w http.ResponseWriter, r *http.Request, a *answer) {
	if !pause(r, a.pace*time.Duration(len(a.pieces))) {
		e.left()
		return
	}
	body, err := codec.Marshal(map[string]any{
		"id": "fake", "object": "chat.completion", "model": a.Model, "usage": a.usage,
		"choices": []any{map[string]any{
			"index": 0, "finish_reason": a.finish, "message": map[string]string{"role": "assistant", "content": strings.Join(a.pieces, "")},
		}},
	})
	if err != nil {
		fail(w, http.StatusInternalServerError, "%v", err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch a.fault {
	case Cut:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body[:len(body)/2])
		cut(w)
	case Malformed:
		_, _ = w.Write(body[:len(body)/2])
	default:
		e.done(a) // before the caller can see it
		_, _ = w.Write(body)
	}
}

func (e *Endpoint) stream(w http.ResponseWriter, r *http.Request, a *answer) {
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(choices []any, usage any) {
		data, _ := codec.Marshal(map[string]any{"id": "fake", "object": "chat.completion.chunk", "model": a.Model, "choices": choices, "usage": usage})
		fmt.Fprintf(w, "data: %s\n\n", data)
		_ = http.NewResponseController(w).Flush()
	}
	choice := func(delta map[string]string, finish any) []any {
		return []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}
	}
	event(choice(map[string]string{"role": "assistant", "content": ""}, nil), nil)
	for i, piece := range a.pieces {
		if !pause(r, a.pace) {
			e.left()
			return
		}
		switch half := i == len(a.pieces)/2; {
		case half && a.fault == Cut:
			cut(w)
		case half && a.fault == Malformed:
			fmt.Fprint(w, "data: {\"choices\":[{\"del\n\n")
			return
		}
		event(choice(map[string]string{"content": piece}, nil), nil)
	}
	event(choice(map[string]string{}, a.finish), nil)
	e.done(a)
	if strings.Contains(string(a.StreamOptions), "include_usage") {
		event([]any{}, a.usage)
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// cut ends the connection in the middle of the answer.
func cut(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// pause waits, unless the caller goes away meanwhile.
func pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return r.Context().Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func fail(w http.ResponseWriter, status int, format string, args ...any) {
	writeJSON(w, status, map[string]any{"error": map[string]string{"message": fmt.Sprintf(format, args...), "type": http.StatusText(status)}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := codec.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
