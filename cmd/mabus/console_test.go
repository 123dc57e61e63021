package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/natstest"
)

// fetch returns the status and the body of an answer to who has the token.
func fetch(t *testing.T, url, token string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestConsole: up serves the console by itself, any server has one by a command, and nobody has one who wants none.
func TestConsole(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir, "up", "--port", "0", "--data", "d")
	url := found(t, dir+"/d")
	second := start(t, dir, "console", "--server", url, "--addr", "127.0.0.1:0", "--write")
	none := start(t, dir, "up", "--server", url, "--console", "")
	for _, c := range []struct {
		p     *process
		token bool
	}{{first, false}, {second, true}} {
		address := regexp.MustCompile(`"url":"(http://127\.0\.0\.1:\d+/)(?:#token=(\w+))?"`)
		var said []string
		natstest.Eventually(t, 20*time.Second, func() bool { said = address.FindStringSubmatch(c.p.stderr.String()); return said != nil }, "the address is printed")
		if (said[2] != "") != c.token {
			t.Errorf("the address is %s", said[0])
		}
		for path, want := range map[string]string{"": "<title>Mabus console</title>", "api/snapshot/fleet": `"connected":true`} {
			natstest.Eventually(t, 20*time.Second, func() bool { // it does not wait for NATS
				status, body := fetch(t, said[1]+path, said[2])
				if status != http.StatusOK {
					t.Fatalf("/%s: %d %.200s", path, status, body)
				}
				return strings.Contains(body, want)
			}, "/%s has %s", path, want)
		}
	}
	natstest.Eventually(t, 20*time.Second, func() bool { return strings.Contains(none.stderr.String(), `"message":"ready"`) }, "the other up is ready")
	if strings.Contains(none.stderr.String(), `"message":"console"`) {
		t.Error("there is a console where none is wanted")
	}
	for _, p := range []*process{none, second, first} {
		p.signal(t, syscall.SIGINT)
		if status := p.status(t); status != 0 {
			t.Errorf("the exit status is %d", status)
		}
	}
	if p := start(t, dir, "console", "--addr", "nowhere"); p.status(t) == 0 {
		t.Error("a bad address is no error")
	}
}
