package exec

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// New makes the agent, as that of an agent.Module does: Module.New can be given to Serve as it is. It is called when the host
// has said who the agent is. The context ends when the host is gone.
type New func(ctx context.Context, env agent.Env) (agent.Handler, error)

// maxLine is how many bytes a line of the host may have: a payload of 64 MiB and what is around it.
const maxLine = 64<<20 + 64<<10

// Serve serves the agent on standard input and output until the host says stop, and closes the handler if it has Close() error.
// What the program prints with fmt.Print from here on goes to standard error, because standard output belongs to the frames.
func Serve(newAgent New) error {
	out := os.Stdout
	os.Stdout = os.Stderr
	defer func() { os.Stdout = out }()
	return ServeOn(os.Stdin, out, newAgent)
}

// ServeOn is Serve on other pipes.
func ServeOn(in io.Reader, out io.Writer, newAgent New) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w := &worker{out: out, ctx: ctx, cancel: cancel, messages: map[string]*message{}, checkpoints: map[string]json.RawMessage{}, calls: map[string]chan inbound{}, saving: make(chan struct{}, 1), over: make(chan struct{})}
	asked, forget := context.WithCancel(ctx)
	defer forget()
	w.asked = asked
	err := w.read(in, newAgent)
	forget()
	if err != nil || !w.stopped && w.greeted { // the host is dead, or we do not understand it: nobody waits for anything
		cancel()
	}
	w.hangUp()
	w.handlers.Wait()
	w.last.Wait()
	if c, ok := w.handler.(interface{ Close() error }); ok {
		err = errors.Join(err, c.Close())
	}
	return errors.Join(err, w.writeError())
}

// worker is the program's side of the pipes.
type worker struct {
	ctx      context.Context // ends when nobody waits for anything
	cancel   context.CancelFunc
	handler  agent.Handler // only the reader's, like stopped, greeted and checkpoints
	stopped  bool
	greeted  bool // the host has said who the agent is
	told     bool // the host has asked for the state
	handlers sync.WaitGroup
	asked    context.Context // of the host's question for the state
	last     sync.WaitGroup  // its answer
	keeps    bool            // the host keeps states
	made     atomic.Bool     // replies can be read
	saving   chan struct{}   // one entry for an open save

	checkpoints map[string]json.RawMessage // that came before their message

	writing sync.Mutex
	out     io.Writer
	broken  error

	mu       sync.Mutex
	messages map[string]*message
	calls    map[string]chan inbound // with room for one
	next     uint64
	ended    bool
	over     chan struct{} // closed when no replies come any more
}

// read takes the host's frames until the last one.
func (w *worker) read(in io.Reader, newAgent New) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	for !w.stopped && lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		f := inbound{}
		if err := codec.Read(lines.Bytes(), &f); err != nil {
			return fmt.Errorf("the host wrote something that is no frame: %w", err)
		}
		if err := w.take(&f, newAgent); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read from the host: %w", err)
	}
	return nil
}

func (w *worker) take(f *inbound, newAgent New) error {
	switch f.Type {
	case "init":
		if w.handler != nil {
			return errors.New("the host began twice")
		}
		w.greeted = true
		if err := w.make(f, newAgent); err != nil {
			return err
		}
		_, stateful := w.handler.(agent.Stateful)
		return w.send(outbound{Type: "ready", Stateful: stateful && w.keeps})
	case "state":
		if h, ok := w.handler.(agent.Stateful); ok && !w.told {
			w.told = true
			w.last.Go(func() { w.tell(w.asked, h) })
		}
	case "checkpoint":
		w.checkpoints[f.ID] = f.Payload
	case "message":
		if w.handler == nil { // a person at a shell rather than a host
			if err := w.make(f, newAgent); err != nil {
				return err
			}
		}
		m := w.begin(f)
		delete(w.checkpoints, f.ID)
		w.handlers.Go(func() { w.answer(m) })
	case "cancel":
		if m := w.message(f.ID); m != nil {
			m.cancel()
		}
	case "input":
		if m := w.message(f.ID); m != nil {
			m.hear(*f)
		}
	case "reply":
		w.mu.Lock()
		if c := w.calls[f.ID]; c != nil {
			delete(w.calls, f.ID)
			c <- *f
		}
		w.mu.Unlock()
	case "stop":
		w.stopped = true
	}
	return nil
}

func (w *worker) make(f *inbound, newAgent New) (err error) {
	env := agent.Env{Spec: f.Agent, Bus: bus{w}, Logf: w.logf}
	env.Spec.Config, env.Save = f.Config, w.save
	if f.State != nil {
		w.keeps, env.State = true, agent.State(*f.State)
	}
	if w.handler, err = newAgent(w.ctx, env); err != nil {
		return fmt.Errorf("make the agent: %w", err)
	}
	w.made.Store(true)
	return nil
}

// answer runs the handler for one message and answers it.
func (w *worker) answer(m *message) {
	defer m.cancel()
	payload, err := w.handler.Handle(m.ctx, m.msg)
	w.mu.Lock()
	delete(w.messages, m.id)
	w.mu.Unlock()
	f := outbound{Type: "result", ID: m.id, Payload: payload}
	if len(payload) == 0 {
		f.Payload = []byte("null")
	}
	if used := m.msg.Used(); !used.IsZero() {
		f.Usage = &used
	}
	if err == nil && !codec.Valid(f.Payload) {
		err = errors.New("the answer is no JSON value")
	}
	if err != nil {
		f.Type, f.Payload, f.Error = "error", nil, wireError(m.ctx, err)
	}
	if f.Error != nil {
		m.span.End(f.Error)
	} else {
		m.span.End(nil)
	}
	_ = w.send(f) // the reader meets the broken pipe too
}

func wireError(ctx context.Context, err error) *api.Error {
	switch e := api.AsError(err); {
	case e != nil:
		return e
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return api.Errorf(api.Cancelled, "the agent gave the work up")
	case errors.Is(err, context.DeadlineExceeded):
		return api.Errorf(api.DeadlineExceeded, "the agent did not answer in time").WithReason(api.ReasonTimeout)
	}
	return api.Errorf(api.FailedPrecondition, "%s", err).WithReason(api.ReasonAgentError)
}

// hangUp says that no replies come any more.
func (w *worker) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.ended = true
		close(w.over)
	}
}

func (w *worker) message(id string) *message {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.messages[id]
}
