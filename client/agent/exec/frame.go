package exec

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// inbound is a frame of the host. Fields that are not known are ignored, so that the protocol can grow.
type inbound struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Payload   json.RawMessage `json:"payload"`
	Error     *api.Error      `json:"error"`
	Cast      bool            `json:"cast"`
	Stream    bool            `json:"stream"`
	Task      task            `json:"task"`
	Job       string          `json:"job"`
	Session   string          `json:"session"`
	Principal string          `json:"principal"`
	Deadline  time.Time       `json:"deadline"`
	Agent     api.AgentSpec   `json:"agent"`
	Config    json.RawMessage `json:"config"`
	State     *saved          `json:"state"`

	Traceparent string `json:"traceparent"`
}

type task struct {
	ID      string `json:"id"`
	Attempt int    `json:"attempt"`
}

// outbound is a frame of the worker.
type outbound struct {
	Type        string          `json:"type"`
	ID          string          `json:"id,omitempty"`
	For         string          `json:"for,omitempty"`
	Agent       string          `json:"agent,omitempty"`
	Capability  string          `json:"capability,omitempty"`
	Timeout     string          `json:"timeout,omitempty"`
	Level       string          `json:"level,omitempty"`
	Message     string          `json:"message,omitempty"`
	Stateful    bool            `json:"stateful,omitempty"`
	Traceparent string          `json:"traceparent,omitempty"`
	Usage       *api.Usage      `json:"usage,omitempty"`
	Error       *api.Error      `json:"error,omitempty"`
	Payload     json.RawMessage `json:"payload,omitempty"`
}

// send writes a frame. A payload must be valid JSON, or nothing is sent.
func (w *worker) send(f outbound) error {
	if e := f.Error; e != nil {
		clean := *e
		clean.Message = strings.ToValidUTF8(e.Message, "\uFFFD")
		f.Error = &clean
	}
	line, err := codec.Marshal(f) // which also takes line breaks out of payloads
	if err != nil {
		return api.Errorf(api.Invalid, "what the agent sends is no JSON: %v", err).WithReason(api.ReasonMalformed)
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	if w.broken != nil {
		return w.broken
	}
	if _, err := w.out.Write(append(line, '\n')); err != nil {
		w.broken = fmt.Errorf("write to the host: %w", err)
		w.cancel() // nobody hears us any more
		return w.broken
	}
	return nil
}

func (w *worker) writeError() error {
	w.writing.Lock()
	defer w.writing.Unlock()
	return w.broken
}

func (w *worker) logf(format string, args ...any) {
	_ = w.send(outbound{Type: "log", Message: strings.ToValidUTF8(fmt.Sprintf(format, args...), "\uFFFD")})
}
