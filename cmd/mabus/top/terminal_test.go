package top_test

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/cmd/mabus/top"
	"github.com/mabus-project/mabus/shared/natstest"
)

// screen is what was written to a terminal since it was last cleared.
type screen struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.Write(p)
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all.Reset()
}

// colour is a sequence that sets the colour of what follows, among other attributes or not.
var colour = regexp.MustCompile(`\x1b\[(\d+;)*3[0-7](;\d+)*m`)

// terminal looks at a stack through a pseudo terminal, presses keys, and quits.
func terminal(t *testing.T, url string, c *client.Client) {
	for _, noColour := range []bool{false, true} {
		ours, theirs, err := pty.Open()
		if err != nil {
			t.Skipf("this system gives no pseudo terminal: %v", err)
		}
		if err := pty.Setsize(ours, &pty.Winsize{Rows: 30, Cols: 100}); err != nil {
			t.Fatal(err)
		}
		seen, lit := &screen{}, false
		var copying sync.WaitGroup
		copying.Go(func() { _, _ = io.Copy(seen, ours) })
		environ := []string{"TERM=xterm-256color"}
		if noColour {
			environ = append(environ, "NO_COLOR=yes")
		}
		done := make(chan error, 1)
		go func() {
			done <- top.Run(t.Context(), top.Config{
				Namespace: "mabus", Tab: top.TabFleet, Interval: 100 * time.Millisecond, Read: top.NewReader(c, 0).Read,
				Linked: func() bool { return c.Conn().NC.Status() == nats.CONNECTED }, In: theirs, Out: theirs, Environ: environ,
			})
		}()
		for _, step := range []struct{ keys, want string }{
			{"", "agenthost"}, {"3", "idle"}, {"", "w1"}, {"/", "enter keeps it"}, {"w\x1b[200~1\n\x1b[201~\r", "1-1 of 1"}, {"\r", "asker"}, {"\x1b", "/w1"}, {"2", "h1"}, {" ", "PAUSED"}, {"?", "this help"},
		} {
			if step.keys != "" {
				lit = lit || colour.MatchString(seen.text())
				seen.clear()
				if _, err := ours.WriteString(step.keys); err != nil {
					t.Fatal(err)
				}
			}
			natstest.Eventually(t, patience, func() bool { return strings.Contains(seen.text(), step.want) }, "after %q there is %q", step.keys, step.want)
		}
		if lit == noColour {
			t.Errorf("there is colour: %t, with %q", lit, environ)
		}
		if _, err := ours.WriteString("q"); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("q does not quit")
		}
		if !strings.Contains(seen.text(), "\x1b[?1049l") {
			natstest.Eventually(t, patience, func() bool { return strings.Contains(seen.text(), "\x1b[?1049l") }, "the terminal is left as it was")
		}
		theirs.Close()
		ours.Close()
		copying.Wait()
	}
}

// The end of the context ends it, and what is read then.
func TestRunEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reading, ended := make(chan struct{}), make(chan struct{})
	in, keys := io.Pipe()
	defer keys.Close()
	done := make(chan error, 1)
	go func() {
		done <- top.Run(ctx, top.Config{
			Namespace: "mabus", Tab: top.TabAgents, Interval: time.Second, Linked: func() bool { return true }, In: in, Out: &screen{}, Environ: []string{"TERM=xterm"}, Size: top.Size{Width: 80, Height: 24},
			Read: func(ctx context.Context, _ top.Query) (*top.Snapshot, error) {
				close(reading)
				<-ctx.Done()
				close(ended)
				return nil, ctx.Err()
			},
		})
	}()
	<-reading
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	select {
	case <-ended:
	default:
		t.Error("it still reads")
	}
}
