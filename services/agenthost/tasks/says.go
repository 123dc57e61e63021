package tasks

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// says is what one attempt at a task says beside its answer. It implements agent.Parts. Each part is stored when its method
// returns, so a part that was sent before another, or before the outcome, is there when the other is.
type says struct {
	s       *Store
	task    string
	life    string
	attempt int
	aside   context.CancelFunc // ends the attempt when the task is put aside

	mu     sync.Mutex
	last   uint64         // in the stream of parts
	mark   uint64         // of the checkpoint
	asked  map[string]int // how often each question was asked up to here
	waits  bool           // it has asked something that is not answered
	fenced bool           // a later attempt has written
	over   bool           // the handler has answered
	kept   bool           // there is state to forget when the task has ended
}

// Chunk implements agent.Parts.
func (p *says) Chunk(ctx context.Context, payload json.RawMessage) error {
	return p.say(ctx, api.PartChunk, payload)
}

// Progress implements agent.Parts.
func (p *says) Progress(ctx context.Context, payload json.RawMessage) error {
	return p.say(ctx, api.PartProgress, payload)
}

func (p *says) say(ctx context.Context, kind api.PartKind, payload json.RawMessage) error {
	if err := checkValue(payload); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.mayWrite(ctx); err != nil {
		return err
	}
	_, err := p.s.say(ctx, p.task, p.life, kind, p.attempt, payload, &p.last)
	return p.heed(err)
}

// mayWrite refuses what a handler says after its answer.
func (p *says) mayWrite(ctx context.Context) error {
	if p.over {
		return api.Errorf(api.FailedPrecondition, "the attempt at the task has ended")
	}
	return ctx.Err()
}

// end says that the handler has answered.
func (p *says) end() {
	p.mu.Lock()
	p.over = true
	p.mu.Unlock()
}

// heed notes that another attempt has taken the task over, and ends this one.
func (p *says) heed(err error) error {
	if api.CodeOf(err) == api.Fenced {
		p.fenced = true
		p.aside()
	}
	return err
}

// say stores a part of a task and returns its sequence.
func (s *Store) say(ctx context.Context, task, life string, kind api.PartKind, attempt int, payload json.RawMessage, last *uint64) (uint64, error) {
	msg := nats.NewMsg(api.PartsSubject(s.ns, task))
	msg.Header.Set(api.HeaderKind, string(kind))
	msg.Header.Set(headerAttempt, strconv.Itoa(attempt))
	msg.Header.Set(headerLife, life)
	drop, err := s.conn.Pack(ctx, msg, payload)
	if err != nil {
		return 0, err
	}
	fence := superseded(attempt, life)
	if kind == api.PartInput { // anybody's
		fence = func(*stored) error { return nil }
	}
	admit := func(m *stored) error {
		if m != nil && foreign(m, life) { // what is left of a task that had the id before
			_ = s.purgeUpTo(ctx, s.parts, m.Subject, m.Seq)
		}
		return fence(m)
	}
	if err := s.put(ctx, s.parts, msg, last, admit); err != nil {
		if ctx.Err() == nil { // otherwise it may be stored for all we know, and its body is then needed
			drop()
		}
		return 0, err
	}
	return *last, nil
}

// Checkpoint implements agent.Parts.
func (p *says) Checkpoint(ctx context.Context, state json.RawMessage) error {
	if err := checkValue(state); err != nil {
		return err
	}
	if len(state) > api.MaxCheckpoint {
		return api.Errorf(api.Invalid, "the checkpoint has %d bytes, at most %d are allowed", len(state), api.MaxCheckpoint).WithReason(api.ReasonPayloadTooLarge)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.mayWrite(ctx); err != nil {
		return err
	}
	if p.waits { // it would say that the question was answered
		return errAside
	}
	p.kept = true
	return p.heed(p.s.saveCheckpoint(ctx, p.task, p.life, p.attempt, saved{state, p.asked}, &p.mark))
}

func (p *says) isAside() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waits
}

func (p *says) isFenced() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fenced
}

func (p *says) isKept() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept
}

func checkValue(payload json.RawMessage) error {
	if codec.Valid(payload) {
		return nil
	}
	return api.Errorf(api.Invalid, "a part is one JSON value").WithReason(api.ReasonMalformed)
}
