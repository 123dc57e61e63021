package console_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/cmd/mabus/console"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// nowhere is a console without NATS, which is enough for who is let in.
func nowhere(t *testing.T, cfg console.Config) *console.Gateway {
	t.Helper()
	cfg.NATS.URL = "nats://127.0.0.1:1"
	return serve(t, cfg)
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func host(name string) func(*http.Request) {
	return func(r *http.Request) { r.Host = name }
}

// What is no page of the console is refused in the form of an error, and never answered with one of its files.
func TestJunk(t *testing.T) {
	b := browse(t, nowhere(t, console.Config{}))
	cases := []struct {
		method, path string
		status       int
	}{
		{"GET", "", 200},
		{"GET", "index.html", 200},
		{"GET", "app.js", 200},
		{"GET", "style.css", 200},
		{"GET", "icon.svg", 200},
		{"HEAD", "", 200},
		{"GET", "nothing.js", 404},
		{"GET", "web", 404},
		{"GET", "web/app.js", 404},
		{"GET", ".", 200},
		{"GET", "..%2fconsole.go", 404},
		{"GET", "%00", 404},
		{"GET", "doc.go", 404},
		{"POST", "", 405},
		{"PUT", "app.js", 405},
		{"DELETE", "api/snapshot/fleet", 405},
		{"POST", "api/snapshot/fleet", 405},
		{"GET", "api", 404},
		{"GET", "api/", 404},
		{"GET", "api/snapshot", 404},
		{"GET", "api/snapshot/nothing", 404},
		{"GET", "api/stream/nothing", 404},
		{"GET", "api/stream/fleet/more", 404},
		{"GET", "api/snapshot/fleet?id=x", 400},
		{"GET", "api/snapshot/agent", 400},
		{"GET", "api/snapshot/agent?id=a.b", 400},
		{"GET", "api/stream/task?id=" + strings.Repeat("x", 65), 400},
		{"GET", "api/snapshot/agent?id=%3E", 400},
		{"GET", "api/snapshot/owner?id=*", 400},
		// A console that only reads has no route that writes.
		{"POST", "api/actions/stop-agent", 405},
		{"GET", "api/actions/stop-agent", 404},
	}
	for _, c := range cases {
		status, text := b.get(c.method, c.path, "", nil)
		if status != c.status {
			t.Errorf("%s /%s: %d, want %d: %.200s", c.method, c.path, status, c.status, text)
		}
		if strings.HasPrefix(c.path, "api/s") && status == 400 {
			var e api.Error
			if err := codec.Decode([]byte(text), &e); err != nil || e.Code != api.Invalid || e.Message == "" {
				t.Errorf("/%s: %v %s", c.path, err, text)
			}
		}
	}
	resp := b.do("GET", "", "", nil)
	defer resp.Body.Close()
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Content-Type": "text/html",
	} {
		if got := resp.Header.Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	page, _ := io.ReadAll(resp.Body)
	for _, outside := range []string{"http://", "https://", "//cdn", "<style", "onclick"} {
		if strings.Contains(string(page), outside) {
			t.Errorf("the page has %s", outside)
		}
	}
}

// A name that leads here by somebody else's doing, and a page of somebody else, get nothing.
func TestForeignPages(t *testing.T) {
	g := nowhere(t, console.Config{Write: true})
	b := browse(t, g)
	addr := strings.TrimSuffix(strings.TrimPrefix(b.base, "http://"), "/")
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		what, method, path string
		change             func(*http.Request)
		status             int
	}{
		{"the own name", "GET", "", host("localhost:" + port), 200},
		{"a tunnel", "GET", "", host("localhost:9999"), 200},
		{"IPv6", "GET", "", host("[::1]:" + port), 200},
		{"a rebound name", "GET", "", host("evil.example:" + port), 403},
		{"a rebound name without a port", "GET", "", host("evil.example"), 403},
		{"a name that looks local", "GET", "", host("127.0.0.1.evil.example"), 403},
		{"another address", "GET", "api/snapshot/fleet", host("10.0.0.1:" + port), 403},
		{"the own page", "GET", "", header("Origin", "http://"+addr), 200},
		{"another port", "POST", "api/actions/stop-agent", header("Origin", "http://127.0.0.1:1"), 403},
		{"another origin", "GET", "api/stream/fleet", header("Origin", "https://evil.example"), 403},
		{"no origin", "POST", "api/actions/stop-agent", header("Origin", "null"), 403},
		{"a foreign fetch", "GET", "api/snapshot/fleet", header("Sec-Fetch-Site", "cross-site"), 403},
		{"a foreign script", "GET", "app.js", header("Sec-Fetch-Site", "same-site"), 403},
		{"a foreign form", "POST", "api/actions/stop-agent", header("Sec-Fetch-Site", "cross-site"), 403},
		{"a link", "GET", "", func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", "navigate")
		}, 200},
		{"a link to data", "GET", "api/snapshot/fleet", func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", "navigate")
		}, 403},
	}
	for _, c := range cases {
		if status, text := b.get(c.method, c.path, "{}", c.change); status != c.status {
			t.Errorf("%s: %d, want %d: %.200s", c.what, status, c.status, text)
		}
	}
}

func TestToken(t *testing.T) {
	for name, cfg := range map[string]console.Config{"writes": {Write: true}, "open to others": {Addr: "0.0.0.0:0"}, "chosen": {Write: true, Token: "chosen"}} {
		t.Run(name, func(t *testing.T) {
			g := nowhere(t, cfg)
			if cfg.Token != "" && !strings.HasSuffix(g.URL(), "#token="+cfg.Token) {
				t.Errorf("the address is %s", g.URL())
			}
			b := browse(t, g)
			b.base = strings.Replace(b.base, "[::]", "127.0.0.1", 1)
			b.base = strings.Replace(b.base, "0.0.0.0", "127.0.0.1", 1)
			if len(b.token) < 6 {
				t.Fatalf("the token is %q", b.token)
			}
			for _, path := range []string{"api/snapshot/fleet", "api/stream/fleet"} {
				for _, given := range []string{"", "Bearer", "Bearer ", "Bearer " + b.token + "x", "Bearer " + b.token[1:], b.token, "Basic " + b.token} {
					if status, text := b.get("GET", path, "", header("Authorization", given)); status != http.StatusUnauthorized || !strings.Contains(text, `"unauthenticated"`) {
						t.Errorf("%s with %q: %d %s", path, given, status, text)
					}
				}
			}
			if status, text := b.get("GET", "api/snapshot/fleet", "", nil); status != 200 {
				t.Errorf("with the token: %d %s", status, text)
			}
			if status, _ := b.get("GET", "", "", header("Authorization", "")); status != 200 {
				t.Error("the page itself needs the token")
			}
			if cfg.Write {
				if status, _ := b.get("POST", "api/actions/stop-agent", `{"id":"a"}`, header("Authorization", "")); status != http.StatusUnauthorized {
					t.Errorf("an action without the token: %d", status)
				}
			}
		})
	}
	if url := nowhere(t, console.Config{}).URL(); strings.Contains(url, "token") {
		t.Errorf("a console that only reads here needs no token: %s", url)
	}
}

// There are so many seats; who has gone leaves one.
func TestSeats(t *testing.T) {
	b := browse(t, nowhere(t, console.Config{}))
	var open []*stream
	for range console.MaxBrowsers {
		open = append(open, b.follow("events"))
	}
	status, text := b.get("GET", "api/stream/fleet", "", nil)
	if status != http.StatusServiceUnavailable || !strings.Contains(text, `"overloaded"`) {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := b.get("GET", "api/snapshot/fleet", "", nil); status != http.StatusServiceUnavailable {
		t.Errorf("a snapshot: %d", status)
	}
	open[7].close()
	natstest.Eventually(t, patience, func() bool {
		status, _ := b.get("GET", "api/snapshot/events", "", nil)
		return status == http.StatusOK
	}, "there is a seat again")
}

func TestAnotherPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	if _, err := console.Start(console.Config{Addr: taken}); err == nil {
		t.Error("a port that is taken was taken")
	}
	g := nowhere(t, console.Config{Addr: taken, AnyPort: true})
	if strings.Contains(g.URL(), taken) || !strings.HasPrefix(g.URL(), "http://127.0.0.1:") {
		t.Errorf("the address is %s", g.URL())
	}
	if _, err := console.Start(console.Config{Addr: "nowhere at all", AnyPort: true}); err == nil {
		t.Error("an address that is none was taken")
	}
}

// The end of the console ends its streams.
func TestStop(t *testing.T) {
	cfg := console.Config{Addr: "127.0.0.1:0"}
	cfg.NATS.URL = "nats://127.0.0.1:1"
	g, err := console.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := browse(t, g).follow("fleet")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := g.Stop(ctx); err != nil {
		t.Error(err)
	}
	<-s.done
}
