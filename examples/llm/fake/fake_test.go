package fake_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mabus-project/mabus/examples/llm/fake"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve returns the endpoint and a function that asks it.
func serve(t *testing.T, opt fake.Options) (*fake.Endpoint, func(body string) (*http.Response, string, error)) {
	e := fake.New(opt)
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	return e, func(body string) (*http.Response, string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/chat/completions", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer k1")
		resp, err := s.Client().Do(req)
		if err != nil {
			return nil, "", err
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		return resp, string(raw), err
	}
}

func chat(t *testing.T, model, prompt string, more string) string {
	raw, err := codec.Marshal(prompt)
	if err != nil {
		t.Fatal(err)
	}
	return `{"model":"` + model + `","messages":[{"role":"user","content":` + string(raw) + `}]` + more + `}`
}

type completion struct {
	Choices []struct {
		Message      struct{ Content string }
		Delta        struct{ Content string }
		FinishReason *string `json:"finish_reason"`
	}
	Usage map[string]int
}

func decode(t *testing.T, raw string) (c completion) {
	t.Helper()
	if err := json.Unmarshal([]byte(raw), &c); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return c
}

const article = `Summarise the text in two sentences.

The harbour of Weston was built in 1840. Fish was sold there every morning. The harbour of Weston silted up when the river
moved its bed, and the river took the trade of the harbour with it. My aunt liked cake. Today the harbour is a lagoon.`

func TestAnswersWholeAndStreamedAreTheSame(t *testing.T) {
	e, ask := serve(t, fake.Options{Key: "k1"})
	_, raw, err := ask(chat(t, fake.Steady, article, ""))
	if err != nil {
		t.Fatal(err)
	}
	whole := decode(t, raw)
	text := whole.Choices[0].Message.Content
	if !strings.Contains(text, "silted up") || strings.Contains(text, "cake") || strings.Contains(text, "Summarise") {
		t.Errorf("the summary is %q", text)
	}
	_, raw, err = ask(chat(t, fake.Steady, article, `,"stream":true,"stream_options":{"include_usage":true}`))
	if err != nil {
		t.Fatal(err)
	}
	var streamed, finish string
	var usage map[string]int
	pieces := 0
	events := strings.Split(strings.TrimSuffix(raw, "\n\n"), "\n\n")
	if last := events[len(events)-1]; last != "data: [DONE]" {
		t.Fatalf("the last event is %q", last)
	}
	for _, ev := range events[:len(events)-1] {
		c := decode(t, strings.TrimPrefix(ev, "data: "))
		if c.Usage != nil {
			usage = c.Usage
		}
		for _, choice := range c.Choices {
			streamed += choice.Delta.Content
			if choice.Delta.Content != "" {
				pieces++
			}
			if choice.FinishReason != nil {
				finish = *choice.FinishReason
			}
		}
	}
	if streamed != text || finish != "stop" || usage["completion_tokens"] != pieces || usage["prompt_tokens"] != whole.Usage["prompt_tokens"] {
		t.Errorf("streamed %q, finish %q, usage %v of %d pieces; whole %q, %v", streamed, finish, usage, pieces, text, whole.Usage)
	}
	if s := e.Stats(); s.Requests != 2 || s.Answered != 2 || s.Streamed != 1 || s.TokensOut != 2*int64(pieces) || s.Most != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestMaxTokens(t *testing.T) {
	_, ask := serve(t, fake.Options{})
	_, raw, err := ask(chat(t, fake.Steady, article, `,"max_tokens":3`))
	if err != nil {
		t.Fatal(err)
	}
	if c := decode(t, raw); *c.Choices[0].FinishReason != "length" || c.Usage["completion_tokens"] != 3 {
		t.Errorf("got %s", raw)
	}
}

func TestFaultsInTheirOrder(t *testing.T) {
	e, ask := serve(t, fake.Options{RetryAfter: 1500 * time.Millisecond})
	e.Next(fake.RateLimit, fake.ServerError, fake.Cut, fake.Malformed, fake.None)
	resp, _, err := ask(chat(t, "m", "p", ""))
	if err != nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "2" {
		t.Errorf("rate limit: %v, %v", resp, err)
	}
	if resp, _, err = ask(chat(t, "m", "p", "")); err != nil || resp.StatusCode != 500 {
		t.Errorf("server error: %v, %v", resp, err)
	}
	if _, _, err = ask(chat(t, "m", "p", "")); err == nil {
		t.Error("a connection that was cut gave a whole answer")
	}
	if resp, raw, err := ask(chat(t, "m", "p", "")); err != nil || resp.StatusCode != 200 || codec.Valid([]byte(raw)) {
		t.Errorf("malformed: %v, %q, %v", resp, raw, err)
	}
	if resp, _, err = ask(chat(t, "m", "p", "")); err != nil || resp.StatusCode != 200 {
		t.Errorf("none: %v, %v", resp, err)
	}
	if s := e.Stats(); s.Requests != 5 || s.Answered != 1 || len(s.Faults) != 4 {
		t.Errorf("stats %+v", s)
	}
}

// Which tries fail does not depend on what was asked before.
func TestFaultsGoByTheSeed(t *testing.T) {
	outcomes := func(seed uint64, prompts []string) map[string][]int {
		_, ask := serve(t, fake.Options{Seed: seed, Faults: fake.Faults{ServerError: 50}})
		got := map[string][]int{}
		for _, p := range prompts {
			for range 8 {
				resp, _, err := ask(chat(t, "m", p, ""))
				if err != nil {
					t.Fatal(err)
				}
				got[p] = append(got[p], resp.StatusCode)
			}
		}
		return got
	}
	one, other := outcomes(7, []string{"a", "b", "c"}), outcomes(7, []string{"c", "b", "a"})
	failed := 0
	for p := range one {
		if !slices.Equal(one[p], other[p]) {
			t.Errorf("%s: %v, then %v", p, one[p], other[p])
		}
		for _, status := range one[p] {
			if status == 500 {
				failed++
			}
		}
	}
	if failed < 4 || failed > 20 {
		t.Errorf("%d of 24 tries failed, of which half should", failed)
	}
	if third := outcomes(8, []string{"a", "b", "c"}); slices.Equal(third["a"], one["a"]) && slices.Equal(third["b"], one["b"]) && slices.Equal(third["c"], one["c"]) {
		t.Error("another seed gives the same")
	}
}

func TestRateIsEnforced(t *testing.T) {
	e, ask := serve(t, fake.Options{RequestsPerMinute: 1, Burst: 3}) // so few that none more are allowed meanwhile
	limited, begin := 0, time.Now()
	for range 6 {
		resp, _, err := ask(chat(t, fake.Steady, "p", ""))
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == 429 {
			limited++
			after, err := strconv.Atoi(resp.Header.Get("Retry-After"))
			if err != nil || after > 60 || float64(after) < 60-time.Since(begin).Seconds() {
				t.Errorf("Retry-After is %q", resp.Header.Get("Retry-After"))
			}
		}
	}
	if s := e.Stats(); limited != 3 || s.Limited != limited {
		t.Errorf("%d of 6 were limited, where 3 are allowed at once; stats %+v", limited, s)
	}
}

func TestRefusals(t *testing.T) {
	_, ask := serve(t, fake.Options{Key: "other"})
	if resp, _, err := ask(chat(t, fake.Steady, "p", "")); err != nil || resp.StatusCode != 401 {
		t.Errorf("wrong key: %v, %v", resp, err)
	}
	_, ask = serve(t, fake.Options{})
	for body, want := range map[string]int{`{`: 400, `{}`: 422, `{"model":"m","messages":[]}`: 422, chat(t, "m", "p", `,"max_tokens":-1`): 422, chat(t, fake.Broken, "p", ""): 500} {
		if resp, _, err := ask(body); err != nil || resp.StatusCode != want {
			t.Errorf("%s: %v, %v", body, resp, err)
		}
	}
}

func TestFaultsFromTheCommandLine(t *testing.T) {
	var f fake.Faults
	if err := f.Set("rate_limit=10,cut=5"); err != nil || f != (fake.Faults{RateLimit: 10, Cut: 5}) {
		t.Errorf("got %+v, %v", f, err)
	}
	for _, s := range []string{"", "cut", "cut=x", "cut=101", "cut=-1", "fire=1", "cut=60,hang=60"} {
		if err := f.Set(s); err == nil {
			t.Errorf("%q was taken as %+v", s, f)
		}
	}
}

func TestStatsAreServed(t *testing.T) {
	w := httptest.NewRecorder()
	fake.New(fake.Options{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/stats", nil))
	if w.Code != 200 || !bytes.Contains(w.Body.Bytes(), []byte(`"requests":0`)) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
