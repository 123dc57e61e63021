package console_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/cmd/mabus/console"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Of connections without number most are closed at once; when they are gone, the console answers as before.
func TestConnectionsWithoutNumber(t *testing.T) {
	b := browse(t, nowhere(t, console.Config{}))
	addr := strings.TrimSuffix(strings.TrimPrefix(b.base, "http://"), "/")
	const silence = 5 * time.Second // after which the server closes a connection that says nothing
	begin := time.Now()
	var all []net.Conn
	for range console.MaxConnections + 200 {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all = append(all, c)
	}
	closed := func(list []net.Conn) (n int) {
		for _, c := range list {
			if err := c.SetReadDeadline(time.Now().Add(2 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				n++
			}
		}
		return n
	}
	many := 0 // the last ones are closed as soon as the server comes to them
	natstest.Eventually(t, patience, func() bool { many = closed(all[console.MaxConnections:]); return many >= 150 }, "what is too many is closed")
	if few := closed(all[:console.MaxConnections]); few+many > 250 && time.Since(begin) < silence {
		t.Errorf("%d of %d connections were closed", few+many, len(all))
	}
	for _, c := range all {
		c.Close()
	}
	natstest.Eventually(t, patience, func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.base, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, "the console answers")
	http.DefaultClient.CloseIdleConnections()
}

// What no browser sends is refused, or its connection ends; the console answers others meanwhile.
func TestRequestsThatNoBrowserSends(t *testing.T) {
	g := nowhere(t, console.Config{Write: true, Token: "secret"})
	b := browse(t, g)
	addr := strings.TrimSuffix(strings.TrimPrefix(b.base, "http://"), "/")
	long := strings.Repeat("x", 100<<10)
	for name, raw := range map[string]string{
		"a path that goes up":     "GET /../../etc/passwd HTTP/1.1\r\nHost: " + addr + "\r\n\r\n",
		"one that is coded":       "GET /%2e%2e/%2e%2e/console.go HTTP/1.1\r\nHost: " + addr + "\r\n\r\n",
		"one with backslashes":    "GET /..\\..\\doc.go HTTP/1.1\r\nHost: " + addr + "\r\n\r\n",
		"a whole address":         "GET http://evil.example/api/snapshot/fleet HTTP/1.1\r\nHost: " + addr + "\r\n\r\n",
		"no host":                 "GET /api/snapshot/fleet HTTP/1.1\r\n\r\n",
		"an empty host":           "GET /api/snapshot/fleet HTTP/1.1\r\nHost: \r\n\r\n",
		"an old browser":          "GET /api/snapshot/fleet HTTP/1.0\r\n\r\n",
		"two hosts":               "GET / HTTP/1.1\r\nHost: " + addr + "\r\nHost: evil.example\r\n\r\n",
		"a host with a user":      "GET / HTTP/1.1\r\nHost: 127.0.0.1@evil.example\r\n\r\n",
		"a long header":           "GET / HTTP/1.1\r\nHost: " + addr + "\r\nX: " + long + "\r\n\r\n",
		"a long path":             "GET /" + long + " HTTP/1.1\r\nHost: " + addr + "\r\n\r\n",
		"a proxy":                 "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"no HTTP":                 "\x16\x03\x01\x00\xff",
		"a page without a token":  "GET /api/stream/fleet HTTP/1.1\r\nHost: " + addr + "\r\n\r\n",
		"a token in the address":  "GET /api/stream/fleet?token=secret HTTP/1.1\r\nHost: " + addr + "\r\n\r\n",
		"two tokens":              "GET /api/stream/fleet HTTP/1.1\r\nHost: " + addr + "\r\nAuthorization: Bearer x\r\nAuthorization: Bearer secret\r\n\r\n",
		"an action that is large": "POST /api/actions/stop-agent HTTP/1.1\r\nHost: " + addr + "\r\nAuthorization: Bearer secret\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n" + strings.Repeat("{", 8<<20),
		"one without a length":    "POST /api/actions/stop-agent HTTP/1.1\r\nHost: " + addr + "\r\nAuthorization: Bearer secret\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
		"two lengths":             "POST /api/actions/stop-agent HTTP/1.1\r\nHost: " + addr + "\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\n{}",
	} {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		sent := make(chan struct{})
		go func() { // the server need not read all of it
			defer close(sent)
			_, _ = io.WriteString(c, raw)
			_ = c.(*net.TCPConn).CloseWrite()
		}()
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil {
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
			resp.Body.Close()
			if resp.StatusCode < 300 || strings.Contains(string(body), "package console") || strings.Contains(string(body), "root:") {
				t.Errorf("%s: %s %.200s", name, resp.Status, body)
			}
		}
		c.Close()
		<-sent
		if status, text := b.get("GET", "", "", nil); status != http.StatusOK {
			t.Fatal(fmt.Sprint(name, ": afterwards ", status, text))
		}
	}
}
