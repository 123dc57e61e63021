package chaos_test

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/test/chaos"
)

const soon = 5 * time.Second

// dial starts an echo of lines, and returns a link to it and a connection through that.
func dial(t *testing.T) (*chaos.Link, net.Conn) {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	t.Cleanup(func() { server.Close(); <-done })
	l, err := chaos.NewLink(server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, connect(t, l)
}

func connect(t *testing.T, l *chaos.Link) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(l.URL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// say sends a line and returns what comes back in time.
func say(c net.Conn, line string, patience time.Duration) (string, error) {
	if line != "" {
		if _, err := io.WriteString(c, line+"\n"); err != nil {
			return "", err
		}
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	got, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSuffix(got, "\n"), err
}

func wantEcho(t *testing.T, c net.Conn, line, want string) {
	t.Helper()
	if got, err := say(c, line, soon); err != nil || got != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

func TestCutLinkDeliversLater(t *testing.T) {
	l, c := dial(t)
	wantEcho(t, c, "before", "before")
	l.Cut()
	if got, err := say(c, "during", 100*time.Millisecond); err == nil {
		t.Fatalf("%q came through a cut link", got)
	}
	other := connect(t, l) // hangs like the first
	if got, err := say(other, "new", 100*time.Millisecond); err == nil {
		t.Fatalf("%q came through a cut link", got)
	}
	l.Mend(false)
	wantEcho(t, c, "", "during")
	wantEcho(t, other, "", "new")
}

func TestMendedLinkMayHaveLostAll(t *testing.T) {
	l, c := dial(t)
	wantEcho(t, c, "before", "before")
	l.Cut()
	if _, err := io.WriteString(c, "during\n"); err != nil {
		t.Fatal(err)
	}
	l.Mend(true)
	if got, err := say(c, "", soon); err == nil {
		t.Fatalf("%q outlived its connection", got)
	}
	wantEcho(t, connect(t, l), "after", "after")
}

func TestRefusedLink(t *testing.T) {
	l, c := dial(t)
	l.Refuse()
	natstest.Eventually(t, soon, func() bool {
		got, err := say(c, "refused", soon)
		return err != nil && got == ""
	}, "the connection is reset")
	if other, err := net.Dial("tcp", strings.TrimPrefix(l.URL(), "nats://")); err == nil {
		defer other.Close()
		if got, err := say(other, "refused", soon); err == nil {
			t.Errorf("%q came through a link that refuses", got)
		}
	}
	l.Mend(false)
	wantEcho(t, connect(t, l), "after", "after")
}
