package soak_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// wire carries one process' connections to NATS, and can be cut at any write of the process: from there on nothing comes through in either
// direction, and nobody connects again, as if the process were dead. Its work goes on, unseen, as far as it gets.
type wire struct {
	listener net.Listener
	nats     string

	mu      sync.Mutex
	left    int  // writes that go through before the cut; below 0 it is not armed
	through bool // the write at which it is cut gets to the server, and its answer does not come back
	over    bool // that write has come
	writes  []string
	dead    chan struct{}
	conns   map[net.Conn]bool
	copying sync.WaitGroup
}

// newWire listens for a process on behalf of NATS, until the test ends.
func newWire(t *testing.T, nats string) *wire {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, nats: strings.TrimPrefix(nats, "nats://"), left: -1, dead: make(chan struct{}), conns: map[net.Conn]bool{}}
	w.copying.Go(w.accept)
	t.Cleanup(w.close)
	return w
}

func (w *wire) url() string { return "nats://" + w.listener.Addr().String() }

// arm has the wire cut at the write after n others.
func (w *wire) arm(n int, through bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left, w.through, w.writes = n, through, nil
}

// disarm tells the writes since it was armed, and cuts no more.
func (w *wire) disarm() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = -1
	return w.writes
}

func (w *wire) close() {
	w.cut()
	w.copying.Wait()
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.dead:
		return
	default:
	}
	close(w.dead)
	_ = w.listener.Close()
	for c := range w.conns {
		_ = c.Close()
	}
}

// keep remembers a connection, to close it at the cut; false if that was.
func (w *wire) keep(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.dead:
		_ = c.Close()
		return false
	default:
		w.conns[c] = true
		return true
	}
}

func (w *wire) accept() {
	for {
		process, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.nats)
		if err != nil {
			_ = process.Close()
			continue
		}
		if !w.keep(process) || !w.keep(server) {
			return
		}
		w.copying.Go(func() { _, _ = io.Copy(process, server); _ = process.Close() })
		w.copying.Go(func() { _ = w.forward(process, server); _ = server.Close() })
	}
}

var errCut = errors.New("cut")

// forward copies what a process says, one message after the other.
func (w *wire) forward(process io.Reader, server io.Writer) error {
	in := bufio.NewReaderSize(process, 64<<10)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		words := strings.Fields(line)
		said := []byte(line)
		if len(words) >= 3 && (words[0] == "PUB" || words[0] == "HPUB") {
			size, err := strconv.Atoi(words[len(words)-1])
			if err != nil {
				return err
			}
			body := make([]byte, size+2)
			if _, err := io.ReadFull(in, body); err != nil {
				return err
			}
			said = append(said, body...)
			if isWrite(words[1]) {
				through, err := w.write(words[1])
				if err != nil && through {
					_, err = server.Write(said)
					err = errors.Join(errCut, err)
				}
				if err != nil {
					w.cut()
					return err
				}
			}
		}
		if _, err := server.Write(said); err != nil {
			return err
		}
	}
}

// write counts a write, and says whether it is the last.
func (w *wire) write(subject string) (through bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return false, errCut
	}
	if w.left < 0 {
		return true, nil
	}
	w.writes = append(w.writes, subject)
	if w.left--; w.left < 0 {
		w.over = true
		return w.through, errCut
	}
	return true, nil
}

// isWrite tells whether a message changes what is stored: in a bucket, an object store, a stream, or a stream itself. Leases are renewed all
// the time and change nothing here, nor do measures.
func isWrite(subject string) bool {
	if api, ok := strings.CutPrefix(subject, "$JS.API."); ok {
		for _, change := range []string{"STREAM.CREATE.", "STREAM.UPDATE.", "STREAM.DELETE.", "STREAM.PURGE.", "STREAM.MSG.DELETE."} {
			if strings.HasPrefix(api, change) {
				return true
			}
		}
		return false
	}
	if strings.HasPrefix(subject, "$KV.") {
		return !strings.Contains(subject, "_leases.")
	}
	for _, stored := range []string{"$O.", "mabus.task.", "mabus.deadline.", "mabus.result.", "mabus.parts.", "mabus.checkpoint.", "mabus.questions.", "mabus.event.", "mabus.config"} {
		if strings.HasPrefix(subject, stored) {
			return true
		}
	}
	return false
}
