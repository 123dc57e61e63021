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
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, said[1]+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+said[2])
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
				t.Errorf("/%s: %d %v %.200s", path, resp.StatusCode, err, body)
			}
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
