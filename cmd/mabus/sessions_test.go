package main

import (
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// TestWatchOnTerminal: a bar shows how the round stands, is drawn over, and is gone in the end; the steps are elsewhere.
func TestWatchOnTerminal(t *testing.T) {
	t.Parallel()
	screen, tty, err := pty.Open()
	if err != nil {
		t.Skipf("this machine gives no pseudo-terminal, so what a person sees is not tried: %v", err)
	}
	defer screen.Close()
	dir := council(t, "a", "b", "c")
	shown := &output{}
	read := make(chan struct{})
	go func() { defer close(read); _, _ = io.Copy(shown, screen) }()
	p := startOn(t, dir, tty, "sessions", "start", "--type", "announcement", "--members", "a,b,c", "--question", "done", "--watch")
	if code := p.status(t); code != 0 {
		t.Errorf("exit status %d", code)
	}
	tty.Close()
	<-read
	text := shown.String()
	for _, want := range []string{" round 1 announce: 0 of 3 answered, 0 failed or silent", " round 1 announce: 3 of 3 answered, 0 failed or silent"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
	if !strings.HasSuffix(text, clearLine) {
		t.Errorf("the bar is left behind: %q", text)
	}
	if out := p.stdout.String(); strings.Contains(out, "\x1b") || strings.Count(out, "answered    round 1 announce") != 3 || !strings.Contains(out, "state   completed") {
		t.Errorf("the steps are %q", out)
	}
}

func TestJSONOrText(t *testing.T) {
	for text, want := range map[string]string{`1`: `1`, `yes`: `"yes"`, `"yes"`: `"yes"`, `{"a": 1}`: `{"a": 1}`, `{a`: `"{a"`, ``: `""`, `null`: `null`} {
		if got, err := jsonOrText(text); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	if got, err := jsonOrText("\xff"); err == nil {
		t.Errorf("%s", got)
	}
}
