package chaos

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

type condition int

const (
	whole   condition = iota
	cut               // connections stay, and nothing passes until it is mended
	refused           // connections are reset, new ones too
)

// Link is a TCP proxy between one process and one server.
type Link struct {
	target   string
	listener net.Listener
	tasks    sync.WaitGroup

	mu      sync.Mutex
	state   condition
	changed chan struct{} // closed when the state changes
	conns   map[net.Conn]bool
	closed  bool
}

// NewLink listens on a port of the loopback interface and passes on to target, a host and port.
func NewLink(target string) (*Link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", target, err)
	}
	l := &Link{target: target, listener: listener, changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	l.tasks.Go(l.accept)
	return l, nil
}

// URL returns where the process connects.
func (l *Link) URL() string { return "nats://" + l.listener.Addr().String() }

// Cut lets nothing pass any more. What is sent meanwhile waits, as in a network that repeats what was not acknowledged.
func (l *Link) Cut() { l.set(cut, false) }

// Refuse resets all connections, also new ones.
func (l *Link) Refuse() { l.set(refused, true) }

// Mend lets everything pass: also what has waited, unless it is lost together with the connections.
func (l *Link) Mend(lost bool) { l.set(whole, lost) }

// Close ends the link.
func (l *Link) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.listener.Close()
	l.set(refused, true)
	l.tasks.Wait()
}

func (l *Link) set(state condition, reset bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if reset {
		for c := range l.conns {
			abort(c)
		}
		clear(l.conns)
	}
	l.state = state
	close(l.changed)
	l.changed = make(chan struct{})
}

// abort closes a connection without a farewell.
func abort(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

func (l *Link) accept() {
	for {
		c, err := l.listener.Accept()
		if err != nil {
			return
		}
		if l.keep(c) {
			l.tasks.Go(func() { l.serve(c) })
		}
	}
}

// keep remembers a connection, or resets it.
func (l *Link) keep(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == refused || l.closed {
		abort(c)
		return false
	}
	l.conns[c] = true
	return true
}

func (l *Link) drop(c net.Conn) {
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
	c.Close()
}

// pass waits while the link is cut.
func (l *Link) pass() {
	for {
		l.mu.Lock()
		state, changed := l.state, l.changed
		l.mu.Unlock()
		if state != cut {
			return
		}
		<-changed
	}
}

func (l *Link) serve(near net.Conn) {
	defer l.drop(near)
	l.pass()
	far, err := net.DialTimeout("tcp", l.target, 2*time.Second)
	if err != nil {
		abort(near)
		return
	}
	if !l.keep(far) {
		return
	}
	defer l.drop(far)
	var both sync.WaitGroup
	both.Go(func() { l.pump(far, near) })
	both.Go(func() { l.pump(near, far) })
	both.Wait()
}

// pump copies until its source ends, or either is reset.
func (l *Link) pump(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		l.pass()
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				abort(from)
				return
			}
		}
		switch tcp, ok := to.(*net.TCPConn); {
		case err == nil:
		case errors.Is(err, io.EOF) && ok:
			_ = tcp.CloseWrite()
			return
		default:
			abort(to)
			return
		}
	}
}
