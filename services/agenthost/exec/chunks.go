package exec

import (
	"encoding/json"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/secret"
)

// chunks takes secrets out of text that comes in chunks, each a JSON string or {"text"}. Other chunks are whole in themselves.
type chunks struct {
	out  *secret.Stream
	form func(text string) (json.RawMessage, error) // of the last text
}

// next returns what a chunk lets pass on: nothing, itself without secrets, or also what was held back before it.
func (c *chunks) next(hide *secret.Redactor, payload json.RawMessage) []json.RawMessage {
	text, form, ok := textOf(payload)
	if !ok {
		return append(c.rest(), payload)
	}
	if c.out == nil {
		c.out = hide.Stream()
	}
	c.form = form
	now := c.out.Next(text)
	switch {
	case now == text:
		return []json.RawMessage{payload}
	case now == "":
		return nil
	}
	return c.made(now)
}

// rest returns what was held back, as a chunk.
func (c *chunks) rest() []json.RawMessage {
	if c.out == nil {
		return nil
	}
	if text := c.out.Rest(); text != "" {
		return c.made(text)
	}
	return nil
}

func (c *chunks) made(text string) []json.RawMessage {
	raw, err := c.form(text)
	if err != nil { // text that was JSON is JSON
		return nil
	}
	return []json.RawMessage{raw}
}

// textOf returns the text of a chunk, and how to write another like it.
func textOf(payload json.RawMessage) (text string, form func(string) (json.RawMessage, error), ok bool) {
	if codec.Read(payload, &text) == nil {
		return text, func(text string) (json.RawMessage, error) { return codec.Marshal(text) }, true
	}
	var in struct {
		Text *string `json:"text"`
	}
	if codec.Decode(payload, &in) != nil || in.Text == nil { // with any other field it is more than text
		return "", nil, false
	}
	return *in.Text, func(text string) (json.RawMessage, error) { return codec.Marshal(map[string]string{"text": text}) }, true
}

// takeRest queues what was held back of a message's chunks, before its answer.
func (p *Process) takeRest(id string) {
	p.mu.Lock()
	c := p.pending[id]
	p.mu.Unlock()
	if c == nil || c.reader == nil {
		return
	}
	for _, payload := range c.text.rest() {
		_ = p.queue(c, part{api.PartChunk, payload}) // a program that is dead has no more to say
	}
}
