package exec

import (
	"context"
	"encoding/json"
	"math"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	// maxQueued is how many parts of one message may wait for its reader.
	maxQueued = 64
	// maxHeld bounds, in bytes, the parts that wait for all readers of a worker; a single greater part may wait alone.
	maxHeld = 16 << 20
	// partCost is what a queued part costs beside its payload, in bytes.
	partCost = 64
)

// checkpoint is the type of the frames, in both directions, that hold how far a task is.
const checkpoint = "checkpoint"

// part is something that the worker says before it answers.
type part struct {
	kind    api.PartKind
	payload json.RawMessage
}

func (t part) size() int { return len(t.payload) + partCost }

// reader returns who reads the answer in parts, or nil.
func reader(m *agent.Message) agent.Parts {
	switch m.Parts.(type) {
	case nil, agent.NoParts, *agent.NoParts:
		return nil
	}
	return m.Parts
}

// takePart queues a part for its reader. While there is no room it waits, and the worker with it, since nothing else is
// read meanwhile. It returns false when the worker is to be given up.
func (p *Process) takePart(f *inbound) bool {
	p.mu.Lock()
	c := p.pending[f.ID] // stays there: only this goroutine takes messages out, until it ends
	p.mu.Unlock()
	t := part{api.PartKind(f.Type), body(f)}
	switch {
	case c == nil:
		p.oddity().Str("message", clip(f.ID)).Msg("ignored a part of an answer of the worker to a message that it does not have")
		return true
	case c.reader == nil && t.kind == api.PartNeedInput:
		_, err := agent.NoParts{}.Ask(c.ctx, nil)
		return p.refuse(input, f.ID, err)
	case c.reader == nil:
		return true
	}
	if t.kind != api.PartChunk || p.hide == nil {
		return p.queue(c, t)
	}
	for _, payload := range c.text.next(p.hide, t.payload) {
		if !p.queue(c, part{t.kind, payload}) {
			return false
		}
	}
	return true
}

// queue is enqueue that waits for room.
func (p *Process) queue(c *call, t part) bool {
	for !p.enqueue(c, t, maxQueued, maxHeld) {
		if !p.awaitRoom(c) {
			// What a dead program has left in the pipe is soon read. Only a survivor outside its group can write more.
			return p.enqueue(c, t, math.MaxInt, 2*(maxHeld+p.opt.MaxLine))
		}
	}
	return true
}

// enqueue returns false if there is no room. What nobody waits for is dropped.
func (p *Process) enqueue(c *call, t part, parts, bytes int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.gone || c.ctx.Err() != nil {
		c.holed = c.holed || !c.gone
		return true
	}
	if len(c.queue) >= parts || p.held > 0 && p.held+t.size() > bytes {
		return false
	}
	c.queue = append(c.queue, t)
	p.held += t.size()
	wake(c.more)
	return true
}

// awaitRoom waits until a part has been taken or the message has ended, which makes room too. It returns false if the program
// is dead.
func (p *Process) awaitRoom(c *call) bool {
	defer p.pause()()
	select {
	case <-p.room:
	case <-c.ctx.Done():
	case <-p.exited:
		return false
	}
	return true
}

// deliver hands on what is in the message's queue.
func (p *Process) deliver(c *call) error {
	if c.reader == nil {
		return nil
	}
	for {
		p.mu.Lock()
		if len(c.queue) == 0 {
			p.mu.Unlock()
			return nil
		}
		t := c.queue[0]
		c.queue[0] = part{}
		c.queue = c.queue[1:]
		p.mu.Unlock()
		err := p.handOn(c, t)
		p.free(t.size())
		if err != nil {
			return err
		}
	}
}

func (p *Process) handOn(c *call, t part) error {
	switch t.kind {
	case api.PartChunk:
		return c.reader.Chunk(c.ctx, t.payload)
	case api.PartProgress:
		return c.reader.Progress(c.ctx, t.payload)
	case checkpoint:
		return c.reader.Checkpoint(c.ctx, t.payload)
	}
	return p.question(c, t.payload)
}

// question asks the caller for the worker. The parts that come after it wait, so that order is kept.
func (p *Process) question(c *call, payload json.RawMessage) error {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	if !p.asking(c, cancel) {
		return nil
	}
	got, err := c.reader.Ask(ctx, payload)
	if !p.asking(c, nil) {
		return c.ctx.Err()
	}
	select {
	case p.out <- p.answerFrame(input, c.id, got, err):
	case <-ctx.Done():
	case <-p.written: // the worker is being stopped, or is dead
	}
	return c.ctx.Err()
}

// asking notes how to end the open question. It returns false if nobody waits for its answer any more.
func (p *Process) asking(c *call, end context.CancelFunc) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.endAsk = end
	return p.pending[c.id] == c && !c.gone && c.ctx.Err() == nil
}

// forget drops what is still in the queue of a message whose caller has its answer or has gone.
func (p *Process) forget(c *call) {
	p.mu.Lock()
	size := 0
	for _, t := range c.queue {
		size += t.size()
	}
	c.queue = nil
	p.mu.Unlock()
	p.free(size)
}

func (p *Process) free(size int) {
	p.mu.Lock()
	p.held -= size
	p.mu.Unlock()
	wake(p.room)
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
