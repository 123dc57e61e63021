package gosource

import (
	"context"
	"encoding/json"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// source is what a go-analyser agent is asked: one file, as text or, when it is not valid UTF-8, in base64.
type source struct {
	Path          string `json:"path"`
	Content       string `json:"content,omitempty"`
	ContentBase64 []byte `json:"content_base64,omitempty"`
}

// Analyser is the module go-analyser. The payload is {"path","content"}, or {"path","content_base64"}; the answer is a
// File.
var Analyser = agent.Module{
	Name: "go-analyser",
	Doc:  "Measures one Go source file: declarations, imports, lines and cyclomatic complexity.",
	New: func(context.Context, agent.Env) (agent.Handler, error) {
		return agent.HandlerFunc(func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
			var s source
			if err := codec.Decode(m.Payload, &s); err != nil {
				return nil, err
			}
			if s.Path == "" {
				return nil, api.Errorf(api.Invalid, "path is required: it names the file").
					WithReason(api.ReasonMissingFields).WithFields("path")
			}
			if s.ContentBase64 != nil {
				s.Content = string(s.ContentBase64)
			}
			return codec.Marshal(Analyse(s.Path, s.Content))
		}), nil
	},
}

// Reporter is the module go-report. The payload is {"job", "results": [{"capability", "input", "result"}]}, where results
// are those of go-analyse and asm-lines in any order; the answer is {"text", "data"}, where data is a Report. Its config
// is an Options.
var Reporter = agent.Module{
	Name: "go-report",
	Doc:  "Turns the results of go-analyse and asm-lines into one report on a tree of Go source.",
	New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		var opts Options
		if err := codec.Decode(env.Spec.Config, &opts); err != nil {
			return nil, err
		}
		return agent.HandlerFunc(func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
			var in reportRequest
			// Results may say more of a task than the report needs.
			if err := codec.Read(m.Payload, &in); err != nil {
				return nil, api.Errorf(api.Invalid, "the payload is not {\"job\", \"results\": [...]}: %v", err).WithReason(api.ReasonMalformed)
			}
			r, err := Build(in.Results, opts)
			if err != nil {
				return nil, err
			}
			return codec.Marshal(reportAnswer{Text: r.Text(), Data: r})
		}), nil
	},
}

type reportRequest struct {
	Job     json.RawMessage `json:"job"`
	Results []Result        `json:"results"`
}

type reportAnswer struct {
	Text string  `json:"text"`
	Data *Report `json:"data"`
}
