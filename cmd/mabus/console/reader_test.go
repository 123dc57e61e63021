package console_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/cmd/mabus/console"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// message is what the console sends, as a browser reads it.
type message struct {
	Now       time.Time `json:"now"`
	Connected bool      `json:"connected"`
	Page      string    `json:"page"`
	ID        string    `json:"id"`
	Console   *struct {
		Namespace, Principal, Version string
		Write                         bool
	} `json:"console"`
	Tables map[string]*table `json:"tables"`
}

type table struct {
	At         time.Time                  `json:"at"`
	StaleAfter int64                      `json:"stale_after"`
	Error      *api.Error                 `json:"error"`
	Total      int                        `json:"total"`
	More       bool                       `json:"more"`
	Set        map[string]json.RawMessage `json:"set"`
	Gone       []string                   `json:"gone"`
}

// row reads a row.
func row[T any](t *testing.T, from *table, key string) (v T, ok bool) {
	t.Helper()
	if from == nil || from.Set[key] == nil {
		return v, false
	}
	if err := json.Unmarshal(from.Set[key], &v); err != nil {
		t.Fatalf("row %s: %v: %s", key, err, from.Set[key])
	}
	return v, true
}

// browser is an HTTP client with the token of the console's URL.
type browser struct {
	t     *testing.T
	base  string
	token string
	http  http.Client
}

func browse(t *testing.T, g *console.Gateway) *browser {
	t.Helper()
	base, fragment, _ := strings.Cut(g.URL(), "#")
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{t: t, base: base, token: strings.TrimPrefix(fragment, "token="), http: http.Client{Transport: transport}}
}

// do sends a request. change may alter it.
func (b *browser) do(method, path, body string, change func(*http.Request)) *http.Response {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if b.token != "" {
		req.Header.Set("Authorization", "Bearer "+b.token)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	if change != nil {
		change(req)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp
}

// get returns the status and the body of an answer.
func (b *browser) get(method, path, body string, change func(*http.Request)) (int, string) {
	b.t.Helper()
	resp := b.do(method, path, body, change)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (b *browser) snapshot(path string) message {
	b.t.Helper()
	status, text := b.get(http.MethodGet, "api/snapshot/"+path, "", nil)
	if status != http.StatusOK {
		b.t.Fatalf("%d %s", status, text)
	}
	return b.message([]byte(text))
}

func (b *browser) message(data []byte) (m message) {
	b.t.Helper()
	if err := json.Unmarshal(data, &m); err != nil {
		b.t.Errorf("%v: %.300s", err, data)
	}
	return m
}

// stream is a page that is followed: what is known of it by now.
type stream struct {
	b      *browser
	body   io.Closer
	done   chan struct{}
	mu     sync.Mutex
	known  message
	events int
	reads  int // of its tables, as far as messages tell
}

func (b *browser) follow(path string) *stream {
	b.t.Helper()
	resp := b.do(http.MethodGet, "api/stream/"+path, "", nil)
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		b.t.Fatalf("status %d", resp.StatusCode)
	}
	s := &stream{b: b, body: resp.Body, done: make(chan struct{})}
	go s.read(resp.Body)
	b.t.Cleanup(s.close)
	return s
}

func (s *stream) close() {
	s.body.Close()
	<-s.done
}

func (s *stream) read(body io.Reader) {
	defer close(s.done)
	in := bufio.NewReader(body)
	event := ""
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		if name, ok := bytes.CutPrefix(line, []byte("event: ")); ok {
			event = strings.TrimSpace(string(name))
		}
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			s.take(event, s.b.message(data))
		}
	}
}

func (s *stream) take(event string, m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events++
	if event == "snapshot" {
		s.known = m
		return
	}
	s.known.Now, s.known.Connected = m.Now, m.Connected
	for name, c := range m.Tables {
		t := s.known.Tables[name]
		if c.At.After(t.At) {
			s.reads++
		}
		for _, key := range c.Gone {
			delete(t.Set, key)
		}
		set := t.Set
		if set == nil {
			set = map[string]json.RawMessage{}
		}
		for key, data := range c.Set {
			set[key] = data
		}
		*t = *c
		t.Set, t.Gone = set, nil
	}
}

// until waits until what is known fits.
func (s *stream) until(fits func(m *message) bool, what string) {
	s.b.t.Helper()
	natstest.Eventually(s.b.t, patience, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.events > 0 && fits(&s.known)
	}, what)
}
