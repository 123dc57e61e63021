package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServesUntilItIsEnded(t *testing.T) {
	t.Setenv("FAKE_KEY", "k1")
	ctx, end := context.WithCancel(t.Context())
	defer end()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--key-env", "FAKE_KEY", "--rpm", "1", "--burst", "2"}, w)
		_ = w.Close()
	}()
	out := bufio.NewReader(r)
	url, err := out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	ask := func(key string) (int, string) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSpace(url)+"/chat/completions",
			strings.NewReader(`{"model":"steady","messages":[{"role":"user","content":"Say it in one sentence.\n\nIt rains."}]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if status, body := ask("k1"); status != http.StatusOK || !strings.Contains(body, "It rains.") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := ask("k2"); status != http.StatusUnauthorized {
		t.Errorf("another key: %d", status)
	}
	if status, _ := ask("k1"); status != http.StatusTooManyRequests {
		t.Errorf("over the rate: %d", status)
	}
	end()
	said, err := io.ReadAll(out)
	if err != nil || !strings.HasPrefix(string(said), "3 requests: 1 answered, 1 times 429, 0 times 500") {
		t.Errorf("%s, %v", said, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for _, args := range [][]string{{"--faults", "fire=1"}, {"--faults", "cut=101"}, {"--rpm", "x"}, {"--addr", "nowhere:x"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
