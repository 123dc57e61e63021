// Package tools holds the pure rules of orchestrating tools: steps that need one another's outputs are given to members that have the
// tools for them, as many at a time as there are members, and are tried again by others when they fail.
package tools

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// DAG is the algorithm: rounds of steps that need nothing of one another.
const DAG = "dag"

// ReasonStepFailed is the reason of a session that failed because a step did.
const ReasonStepFailed = "step_failed"

// Bounds of a session.
const (
	MaxSteps   = 100
	MaxRetries = 9
)

// Orchestration is the protocol of the type tool_orchestration.
type Orchestration struct{}

var _ protocol.Protocol = Orchestration{}

// Check implements protocol.Protocol.
func (Orchestration) Check(s *api.Session) (protocol.Settings, error) {
	if err := form.Members(s, 1, 10); err != nil {
		return protocol.Settings{}, err
	}
	algorithm, err := form.Algorithm(s, DAG)
	if err != nil {
		return protocol.Settings{}, err
	}
	var p api.ToolsParams
	if err := form.Params(s, &p); err != nil {
		return protocol.Settings{}, err
	}
	if err := checkSteps(p.Steps); err != nil {
		return protocol.Settings{}, err
	}
	if err := checkTools(s, &p); err != nil {
		return protocol.Settings{}, err
	}
	return form.Settings(algorithm, p, 15*time.Minute, api.PriorityLow)
}

// checkSteps sets defaults, and refuses steps that are wrong by themselves or in what they need.
func checkSteps(steps []api.ToolStep) error {
	if len(steps) == 0 || len(steps) > MaxSteps {
		return form.Config("steps", "steps must be a list of 1 to %d", MaxSteps)
	}
	known := map[string]bool{}
	for i := range steps {
		step := &steps[i]
		if !api.ValidID(step.ID) || known[step.ID] {
			return form.Config("steps", "step %d: the id %.70q must be 1 to %d characters of A-Z, a-z, 0-9, '_' and '-', and its own", i+1, step.ID, api.MaxIDLength)
		}
		known[step.ID] = true
		if step.Tool == "" || len(step.Tool) > api.MaxTagLength {
			return form.Config("steps", "step %s: name its tool, in at most %d bytes", step.ID, api.MaxTagLength)
		}
		if step.Retries == nil {
			standard := 2 // three attempts
			step.Retries = &standard
		}
		if *step.Retries < 0 || *step.Retries > MaxRetries {
			return form.Config("steps", "step %s: retries must be 0 to %d", step.ID, MaxRetries)
		}
		if step.Timeout < 0 || step.Timeout.Std() > api.MaxSessionTime*time.Second {
			return form.Config("steps", "step %s: timeout must be 0s to %ds", step.ID, api.MaxSessionTime)
		}
	}
	for _, step := range steps {
		for i, need := range step.Needs {
			if !known[need] || slices.Contains(step.Needs[:i], need) {
				return form.Config("steps", "step %s needs %.70q, which is no step or is there twice", step.ID, need)
			}
		}
	}
	return checkCycles(steps)
}

// checkCycles takes away steps whose needs are taken away already (Kahn 1962). What is left needs itself, or needs what does.
func checkCycles(steps []api.ToolStep) error {
	gone := map[string]bool{}
	for {
		var left []string
		before := len(gone)
		for _, step := range steps {
			switch {
			case gone[step.ID]:
			case slices.ContainsFunc(step.Needs, func(id string) bool { return !gone[id] }):
				left = append(left, step.ID)
			default:
				gone[step.ID] = true
			}
		}
		if len(left) == 0 {
			return nil
		}
		if len(gone) == before {
			return form.Config("steps", "no order of the steps is possible: %s need one another", strings.Join(left, ", "))
		}
	}
}

func checkTools(s *api.Session, p *api.ToolsParams) error {
	for _, member := range form.Names(p.Tools) {
		if s.Members != nil && !slices.ContainsFunc(s.Members, func(m api.SessionMember) bool { return m.ID == member }) {
			return form.Config("tools", "tools are given to %.70q, who is no member", member)
		}
	}
	if s.Members == nil {
		return nil
	}
	for _, step := range p.Steps {
		if len(able(s, p, step.Tool)) == 0 {
			return form.Config("tools", "no member has the tool %.70q of step %s", step.Tool, step.ID)
		}
	}
	return nil
}

// able returns the members that have a tool: by the parameters, or else by their capabilities, or else all of them.
func able(s *api.Session, p *api.ToolsParams, tool string) []string {
	var by []string
	for _, m := range s.Members {
		has := p.Tools[m.ID]
		if len(p.Tools) == 0 {
			has = strings.FieldsFunc(m.Attributes["capabilities"], func(r rune) bool { return r == ',' || r == ' ' })
		}
		if slices.Contains(has, tool) {
			by = append(by, m.ID)
		}
	}
	if len(p.Tools) > 0 || len(by) > 0 {
		return by
	}
	for _, m := range s.Members {
		by = append(by, m.ID)
	}
	return by
}

// Accept implements protocol.Protocol.
func (Orchestration) Accept(_ *api.Session, _ *api.SessionAsk, answer json.RawMessage) error {
	if !codec.Valid(answer) {
		return form.Refuse("answer the step's output, any JSON value, or {\"error\": \"why it failed\"}")
	}
	return nil
}

// read returns a step's output, or why it failed.
func read(ask *api.SessionAsk) (output json.RawMessage, failure string) {
	switch ask.State {
	case api.AskAnswered:
	case api.AskFailed:
		return nil, "failed: " + form.Short(ask.Error)
	default:
		return nil, "no answer in time"
	}
	var a api.ToolAnswer
	if form.Kind(ask.Answer) == '{' && codec.Decode(ask.Answer, &a) == nil && (len(a.Output) == 0) != (a.Error == "") {
		if a.Error != "" {
			return nil, form.Short(a.Error)
		}
		return a.Output, ""
	}
	return ask.Answer, ""
}
