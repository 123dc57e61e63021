package exec

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Protocol is the version of the frames that the init frame names. New frame types and new fields do not change it.
const Protocol = 1

// frame is a line on its way to the worker: head alone, or head, payload and a closing brace. The payload is not copied.
type frame struct {
	head    []byte
	payload []byte
	last    bool // the worker's standard input ends here
}

var stateFrame = frame{head: []byte("{\"type\":\"state\"}\n")}

var stopFrame = frame{head: []byte("{\"type\":\"stop\"}\n"), last: true}

// messageFrame writes type and id first and the payload last, which docs/exec.md promises to workers without a JSON parser.
func messageFrame(id string, m *agent.Message, stream bool, deadline time.Time, parent string, state, payload []byte) frame {
	b := make([]byte, 0, 160+len(state))
	if len(state) > 0 { // a line of its own, so that nothing before the payload can look like it
		b = append(b, `{"type":"checkpoint","id":"`...)
		b = append(b, id...)
		b = append(b, `","payload":`...)
		b = append(b, state...)
		b = append(b, "}\n"...)
	}
	b = append(b, `{"type":"message","id":"`...)
	b = append(b, id...)
	b = append(b, '"')
	if m.Cast {
		b = append(b, `,"cast":true`...)
	}
	if stream {
		b = append(b, `,"stream":true`...)
	}
	if m.Task != "" {
		b = append(b, `,"task":{"id":`...)
		b = appendString(b, m.Task)
		b = append(b, `,"attempt":`...)
		b = strconv.AppendInt(b, int64(m.Attempt), 10)
		b = append(b, '}')
	}
	if m.Job != "" {
		b = append(b, `,"job":`...)
		b = appendString(b, m.Job)
	}
	if m.Session != "" {
		b = append(b, `,"session":`...)
		b = appendString(b, m.Session)
	}
	if m.Principal != "" {
		b = append(b, `,"principal":`...)
		b = appendString(b, m.Principal)
	}
	if parent != "" {
		b = append(b, `,"traceparent":"`...)
		b = append(b, parent...)
		b = append(b, '"')
	}
	if !deadline.IsZero() {
		b = append(b, `,"deadline":"`...)
		b = deadline.UTC().AppendFormat(b, time.RFC3339Nano)
		b = append(b, '"')
	}
	return frame{head: append(b, `,"payload":`...), payload: payload}
}

func cancelFrame(id string) frame {
	return frame{head: []byte(`{"type":"cancel","id":"` + id + "\"}\n")}
}

// The frames that answer the worker.
const (
	reply = "reply" // to a call
	input = "input" // to need_input
)

func replyFrame(kind, id string, payload []byte) frame {
	return frame{head: append(appendString([]byte(`{"type":"`+kind+`","id":`), id), `,"payload":`...), payload: payload}
}

func refusalFrame(kind, id string, e *api.Error) frame {
	body, err := codec.Marshal(e)
	if err != nil { // a message that is not UTF-8
		body = []byte(`{"code":"` + string(api.Internal) + `","message":"the call failed"}`)
	}
	return frame{head: append(appendString([]byte(`{"type":"`+kind+`","id":`), id), `,"error":`...), payload: body}
}

// initFrame tells the worker who it is, and what it saved last unless nothing can be saved. Command, environment and directory
// are left out: it has them.
func initFrame(spec api.AgentSpec, saved *agent.State) (frame, error) {
	type state struct {
		Version uint64          `json:"version"`
		Data    json.RawMessage `json:"data,omitempty"`
	}
	type self struct {
		ID           string          `json:"id"`
		Type         string          `json:"type"`
		Capabilities []string        `json:"capabilities"`
		Tags         []string        `json:"tags,omitempty"`
		Metadata     json.RawMessage `json:"metadata,omitempty"`
		Concurrency  int             `json:"concurrency"`
	}
	hello := struct {
		Type     string          `json:"type"`
		Protocol int             `json:"protocol"`
		Agent    self            `json:"agent"`
		Config   json.RawMessage `json:"config"`
		State    *state          `json:"state,omitempty"`
	}{"init", Protocol, self{spec.ID, spec.Type, spec.Capabilities, spec.Tags, spec.Metadata, max(1, spec.Concurrency)}, spec.Config, (*state)(saved)}
	if hello.Agent.Type == "" {
		hello.Agent.Type = api.DefaultAgentType
	}
	if len(hello.Config) == 0 {
		hello.Config = json.RawMessage("{}")
	}
	body, err := codec.Marshal(hello)
	if err != nil {
		return frame{}, err
	}
	return frame{head: append(spaced(body), '\n')}, nil
}

// oneLine returns the JSON value as it is, without line breaks, or null for none. Anything but one value is refused: it
// could end the frame and begin another.
func oneLine(raw []byte) ([]byte, error) {
	if len(raw) == 0 {
		return []byte("null"), nil
	}
	if !codec.Valid(raw) {
		return nil, api.Errorf(api.Invalid, "the payload must be one JSON value in UTF-8, without repeated names").WithReason(api.ReasonMalformed)
	}
	return spaced(raw), nil
}

// spaced turns line breaks into spaces. In valid JSON they stand only between tokens.
func spaced(raw []byte) []byte {
	if bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') < 0 {
		return raw
	}
	line := bytes.Clone(raw)
	for i, c := range line {
		if c == '\n' || c == '\r' {
			line[i] = ' '
		}
	}
	return line
}

func appendString(b []byte, s string) []byte {
	if api.ValidID(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	q, err := codec.Marshal(string(bytes.ToValidUTF8([]byte(s), []byte("\uFFFD"))))
	if err != nil { // strings of valid UTF-8 always marshal
		return append(b, `""`...)
	}
	return append(b, q...)
}
