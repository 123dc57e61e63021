package http

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// ours are the fields of a chat's request that a message sets by other means, or that would let an answer cost more than was
// reserved for it.
var ours = []string{
	"model", "messages", "prompt", "max_tokens", "max_completion_tokens", "temperature", "stream", "stream_options", "n", "best_of",
}

// chat turns a message into the body of a request.
func (e *Endpoint) chat(payload json.RawMessage, stream bool) ([]byte, bound, error) {
	var in api.ChatRequest
	if err := codec.Decode(payload, &in); err != nil {
		return nil, bound{}, err
	}
	if err := in.Validate(); err != nil {
		return nil, bound{}, err
	}
	body := map[string]any{}
	if len(in.Extra) > 0 {
		var extra map[string]json.RawMessage
		if err := codec.Decode(in.Extra, &extra); err != nil {
			return nil, bound{}, err
		}
		for name, v := range extra {
			// Many servers take the names of fields in upper case as well.
			if slices.ContainsFunc(ours, func(own string) bool { return strings.EqualFold(own, name) }) {
				return nil, bound{}, api.Errorf(api.Invalid, "extra must not have %q: the agent or the message's own fields say it", name).WithFields("extra")
			}
			body[name] = v
		}
	}
	var messages []api.ChatMessage
	if e.spec.System != "" {
		messages = append(messages, api.ChatMessage{Role: "system", Content: e.spec.System})
	}
	messages = append(messages, in.Messages...)
	if in.Prompt != "" {
		messages = append(messages, api.ChatMessage{Role: "user", Content: in.Prompt})
	}
	b := e.boundOf(len(in.Extra) + messageOverhead)
	for _, m := range messages {
		b.in += int64(len(m.Role) + len(m.Content) + messageOverhead)
	}
	if in.MaxTokens > 0 {
		b.out = min(b.out, int64(in.MaxTokens))
	}
	body["model"], body["messages"], body["max_tokens"] = e.spec.Model, messages, b.out
	if in.Temperature != nil {
		body["temperature"] = *in.Temperature
	}
	if stream {
		body["stream"], body["stream_options"] = true, map[string]bool{"include_usage": true}
	}
	raw, err := codec.Marshal(body)
	return raw, b, err
}

// completion is an answer of a chat, or one event of it.
type completion struct {
	Model   string `json:"model"`
	Choices []struct {
		Index        int    `json:"index"`
		Message      says   `json:"message"`
		Delta        says   `json:"delta"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage json.RawMessage `json:"usage"`
	Error json.RawMessage `json:"error"`
}

type says struct {
	Content string `json:"content"`
}

// failed tells whether it holds an error instead of an answer.
func (c *completion) failed() bool {
	return len(c.Error) > 0 && string(c.Error) != "null"
}

// chunk is one piece of a chat's answer.
type chunk struct {
	Text string `json:"text"`
}
