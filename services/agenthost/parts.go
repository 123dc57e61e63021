package agenthost

import (
	"context"
	"encoding/json"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// prepare makes what a message needs that can be cancelled, or be answered in parts.
func (s *Service) prepare(m *message) error {
	header := m.msg.Header
	if len(header) == 0 || m.cast {
		return nil
	}
	if id := header.Get(api.HeaderRequestID); id != "" {
		if err := api.CheckID(api.HeaderRequestID, id); err != nil {
			return err
		}
		timeout, err := rpc.Timeout(header)
		if err != nil {
			return err
		}
		cause, err := causeOf(header)
		if err != nil {
			return err
		}
		m.ctx = rpc.NewContext(m.agent.work(), timeout, cause)
		release := s.conn.Cancellable(m.ctx, s.principal(m.msg.Subject), id, m.msg.Reply)
		m.settle = func() { release(); m.ctx.End() }
	}
	sender, err := s.conn.NewSender(header, m.msg.Reply)
	if err != nil && m.settle != nil {
		m.settle()
	}
	m.sender = sender
	return err
}

// parts sends what an agent says before its answer.
type parts struct{ sender *rpc.Sender }

func (p parts) Chunk(ctx context.Context, payload json.RawMessage) error {
	return p.send(ctx, api.PartChunk, payload)
}

func (p parts) Progress(ctx context.Context, payload json.RawMessage) error {
	return p.send(ctx, api.PartProgress, payload)
}

// Checkpoint saves nothing: a call has no next attempt.
func (p parts) Checkpoint(ctx context.Context, _ json.RawMessage) error { return ctx.Err() }

func (p parts) send(ctx context.Context, kind api.PartKind, payload json.RawMessage) error {
	if err := checkPart(payload); err != nil {
		return err
	}
	return p.sender.Send(ctx, kind, payload)
}

func (p parts) Ask(ctx context.Context, question json.RawMessage) (json.RawMessage, error) {
	if err := checkPart(question); err != nil {
		return nil, err
	}
	return p.sender.Ask(ctx, question)
}

func checkPart(payload json.RawMessage) error {
	if codec.Valid(payload) {
		return nil
	}
	return api.Errorf(api.Invalid, "a part is one JSON value").WithReason(api.ReasonMalformed)
}
