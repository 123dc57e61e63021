package http

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// lastWait is how long the endpoint has to end a stream after its last event. A connection whose answer was read to the end
// is used again.
const lastWait = 50 * time.Millisecond

// readStream hands on each piece of the text as it comes. The answer is whole when its last event or its finish reason has
// come: an end before that breaks it off.
func (c *call) readStream(ctx context.Context, body io.ReadCloser, r *reply) error {
	var (
		text  strings.Builder
		a     api.ChatAnswer
		used  *tokens
		first = true
		ev    = newEvents(body)
		out   = c.hide.Stream()
	)
	for ; ; first = false {
		data, err := ev.next()
		if errors.Is(err, errEventTooLong) {
			return c.garbled("one event of it has more than %d bytes", maxEvent)
		}
		if err != nil && (a.FinishReason == "" || c.ctx.Err() != nil) {
			return c.lost(ctx, true, err)
		}
		if err != nil {
			break
		}
		if string(data) == "[DONE]" {
			finishBody(body)
			break
		}
		var in completion
		if err := codec.Read(data, &in); err != nil {
			return c.garbled("an event of it is %s", c.quote(data))
		}
		if in.failed() {
			return c.failed(in.Error, first)
		}
		if a.Model == "" {
			a.Model = in.Model
		}
		if u := usageOf(in.Usage); u != nil {
			used = u
		}
		for _, choice := range in.Choices {
			if choice.Index != 0 {
				continue
			}
			if choice.FinishReason != "" {
				a.FinishReason = choice.FinishReason
			}
			piece := choice.Delta.Content
			if piece == "" {
				continue
			}
			if text.Len()+len(piece) > maxAnswer {
				return tooMuch()
			}
			text.WriteString(piece)
			if piece = out.Next(piece); piece == "" {
				continue
			}
			if err := c.pass(ctx, piece, r); err != nil {
				return err
			}
		}
	}
	if rest := out.Rest(); rest != "" {
		if err := c.pass(ctx, rest, r); err != nil {
			return err
		}
	}
	a.Text = text.String()
	return c.finish(a, used, r)
}

// finishBody reads what may still come, for a moment.
func finishBody(body io.ReadCloser) {
	late := time.AfterFunc(lastWait, func() { _ = body.Close() })
	defer late.Stop()
	_, _ = io.CopyN(io.Discard, body, maxRefusal)
}
