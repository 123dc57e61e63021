package http

import (
	"context"
	"encoding/json"
	"io"

	"github.com/mabus-project/mabus/client/agent"
)

// Events exposes the reader of server-sent events.
type Events struct{ e *events }

// NewEvents returns a reader of in.
func NewEvents(in io.Reader) Events { return Events{newEvents(in)} }

// Next returns the data of the next event.
func (e Events) Next() (string, error) {
	data, err := e.e.next()
	return string(data), err
}

// MaxEvent and ErrEventTooLong bound an event.
const MaxEvent = maxEvent

var ErrEventTooLong = errEventTooLong

// ReadStream reads the stream of a chat's answer.
func (e *Endpoint) ReadStream(ctx context.Context, body io.Reader, m *agent.Message) (json.RawMessage, error) {
	r := &reply{}
	err := (&call{e: e, m: m, ctx: ctx}).readStream(ctx, io.NopCloser(body), r)
	return r.answer, err
}
