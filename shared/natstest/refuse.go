package natstest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
)

// Refusal is what becomes of a message that a client sends.
type Refusal int

// What may become of it.
const (
	// Pass lets it through.
	Pass Refusal = iota
	// NoLeader answers as the server does where a stream, or JetStream, has no leader now: nobody listens.
	NoLeader
	// Busy answers with JetStream's error 10008, temporarily unavailable.
	Busy
	// Unheard carries it out, and answers as Busy.
	Unheard
	// Swallow leaves it without an answer.
	Swallow
)

const (
	refusedSubject = "_refused.busy"
	unheardSubject = "_refused.unheard"
	busyAnswer     = `{"type":"io.nats.jetstream.api.v1.error","error":{"code":503,"err_code":10008,"description":"JetStream system temporarily unavailable"}}`
)

// Refuse returns a URL that leads to the server of another, and asks refuse about each message that a client publishes there. It is
// asked by several connections at once. A strict server takes options with credentials of a service.
func Refuse(t testing.TB, url string, refuse func(subject string) Refusal, opts ...nats.Option) string {
	t.Helper()
	nc := Connect(t, url, opts...)
	if _, err := nc.Subscribe(refusedSubject, func(m *nats.Msg) { _ = m.Respond([]byte(busyAnswer)) }); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &refuser{target: strings.TrimPrefix(url, "nats://"), refuse: refuse, listener: listener, open: map[net.Conn]bool{}}
	r.tasks.Go(r.accept)
	t.Cleanup(r.close)
	return "nats://" + listener.Addr().String()
}

// refuser passes on connections.
type refuser struct {
	target   string
	refuse   func(subject string) Refusal
	listener net.Listener
	tasks    sync.WaitGroup

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]bool
}

func (r *refuser) close() {
	_ = r.listener.Close()
	r.mu.Lock()
	r.closed = true
	for c := range r.open {
		_ = c.Close()
	}
	r.mu.Unlock()
	r.tasks.Wait()
}

// keep tells whether a connection may stay open; close ends it.
func (r *refuser) keep(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		_ = c.Close()
		return false
	}
	r.open[c] = true
	return true
}

func (r *refuser) drop(c net.Conn) {
	_ = c.Close()
	r.mu.Lock()
	delete(r.open, c)
	r.mu.Unlock()
}

func (r *refuser) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", r.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		if !r.keep(near) || !r.keep(far) {
			continue
		}
		r.tasks.Go(func() {
			defer r.drop(near)
			defer r.drop(far)
			_, _ = io.Copy(near, far)
		})
		r.tasks.Go(func() {
			defer r.drop(near)
			defer r.drop(far)
			_ = r.pass(far, bufio.NewReaderSize(near, 64<<10))
		})
	}
}

// pass passes on what a client says, but for what is refused.
func (r *refuser) pass(to io.Writer, from *bufio.Reader) error {
	for {
		line, err := from.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("read a line: %w", err)
		}
		words := strings.Fields(string(line))
		if len(words) < 3 || words[0] != "PUB" && words[0] != "HPUB" {
			if _, err := to.Write(line); err != nil {
				return fmt.Errorf("pass on: %w", err)
			}
			continue
		}
		size, err := strconv.Atoi(words[len(words)-1])
		if err != nil {
			return fmt.Errorf("read a size: %w", err)
		}
		body := make([]byte, size+len("\r\n"))
		if _, err := io.ReadFull(from, body); err != nil {
			return fmt.Errorf("read a body: %w", err)
		}
		if err := r.publish(to, words, body); err != nil {
			return err
		}
	}
}

// publish passes on one message. Its words are PUB, the subject, perhaps a reply subject, and its size, or with HPUB two sizes.
func (r *refuser) publish(to io.Writer, words []string, body []byte) error {
	replies := len(words) == 4 && words[0] == "PUB" || len(words) == 5 && words[0] == "HPUB"
	what := r.refuse(words[1])
	var out bytes.Buffer
	say := func(words []string) {
		out.WriteString(strings.Join(words, " "))
		out.WriteString("\r\n")
		out.Write(body)
	}
	switch {
	case what == Pass || !replies:
		say(words)
	case what == Unheard:
		done := append([]string(nil), words...)
		done[2] = unheardSubject
		say(done)
	}
	if replies && (what == Busy || what == Unheard) {
		words[1] = refusedSubject
		say(words)
	}
	if replies && what == NoLeader {
		words[1] = unheardSubject
		say(words)
	}
	if out.Len() == 0 {
		return nil
	}
	if _, err := to.Write(out.Bytes()); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("pass on: %w", err)
	}
	return nil
}
