package exec

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// maxMessage bounds, in bytes, the text of an error or a log line of a worker.
const maxMessage = 8 << 10

// inbound is a frame of the worker. Unknown fields are ignored, so that the protocol can grow.
type inbound struct {
	Type       string          `json:"type"`
	ID         string          `json:"id"`
	Payload    json.RawMessage `json:"payload"`
	Error      json.RawMessage `json:"error"`
	Usage      json.RawMessage `json:"usage"`
	For        string          `json:"for"`
	Agent      string          `json:"agent"`
	Capability string          `json:"capability"`
	Timeout    string          `json:"timeout"`
	Level      string          `json:"level"`
	Message    string          `json:"message"`
	Stateful   bool            `json:"stateful"`

	Traceparent string `json:"traceparent"`
}

var errNoType = errors.New("not a frame: it has no type")

func decode(line []byte) (*inbound, error) {
	f := &inbound{}
	if err := codec.Read(line, f); err != nil {
		return nil, err
	}
	if f.Type == "" {
		return nil, errNoType
	}
	return f, nil
}

// brokenAnswer finds the message that a line which is not valid JSON was meant to answer, for instance one whose payload
// holds a NaN: better an error at once than a caller that waits in vain, or that has a hole in what it read.
var brokenAnswer = regexp.MustCompile(`^\s*\{\s*"type"\s*:\s*"(result|error|chunk|need_input|checkpoint)"\s*,\s*"id"\s*:\s*"([0-9]{1,20})"`)

// workerError turns the error of an error frame into what the caller gets. It may be a string, or an object with message
// and optionally code, reason and details.
func workerError(raw json.RawMessage) *api.Error {
	var text string
	if len(raw) == 0 {
		return agentError(api.FailedPrecondition, "")
	}
	if codec.Read(raw, &text) == nil {
		return agentError(api.FailedPrecondition, text)
	}
	var full struct {
		Code    api.Code    `json:"code"`
		Message string      `json:"message"`
		Reason  string      `json:"reason"`
		Details api.Details `json:"details"`
	}
	if codec.Read(raw, &full) != nil {
		return agentError(api.FailedPrecondition, clip("the agent answered with the error "+string(raw)))
	}
	if !slices.Contains(api.Codes, full.Code) {
		full.Code = api.FailedPrecondition
	}
	e := agentError(full.Code, full.Message)
	reason := e.Details.Reason
	e.Details = full.Details
	switch {
	case full.Reason != "":
		e.Details.Reason = clip(full.Reason)
	case e.Details.Reason == "":
		e.Details.Reason = reason
	}
	return e
}

// usageOf reads what an answer has cost. What is no usage is nothing, and ok is false.
func usageOf(raw json.RawMessage) (u api.Usage, ok bool) {
	if len(raw) == 0 {
		return u, true
	}
	if codec.Read(raw, &u) != nil || u.Validate() != nil {
		return api.Usage{}, false
	}
	return u, true
}

func agentError(code api.Code, text string) *api.Error {
	if text == "" {
		text = "the agent answered with an error and no message"
	}
	return (&api.Error{Code: code, Message: clip(text)}).WithReason(api.ReasonAgentError)
}

func clip(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "") + "..."
}
