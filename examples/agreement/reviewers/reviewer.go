package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// The options of the vote.
const (
	accept = "accept"
	reject = "reject"
)

const (
	told      = 3   // findings that a reason names
	maxReason = 400 // bytes
)

// settings are the configuration of a reviewer.
type settings struct {
	Goroot    string `json:"goroot"`
	Criterion string `json:"criterion"`
}

// question is what the reviewers vote on.
type question struct {
	Document string `json:"document"`
}

// reviewer is the kind of agent that looks at a document by one criterion.
var reviewer = agent.Module{
	Name: "reviewer",
	Doc:  "Accepts or rejects a document by one criterion.",
	New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		var s settings
		if err := codec.Decode(env.Spec.Config, &s); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(criteria, func(c criterion) bool { return c.name == s.Criterion })
		if i < 0 {
			return nil, api.Errorf(api.Invalid, "there is no criterion %q", s.Criterion).WithFields("criterion")
		}
		return agent.HandlerFunc(func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
			q, ok := m.Question()
			if !ok {
				return nil, api.Errorf(api.Invalid, "a reviewer answers the questions of a consensus alone")
			}
			var about question
			if err := codec.Decode(q.Question, &about); err != nil {
				return nil, err
			}
			v, err := vote(os.DirFS(s.Goroot), about.Document, criteria[i])
			if err != nil {
				return nil, err
			}
			return codec.Marshal(v)
		}), nil
	},
}

// vote reads the document and says what the criterion makes of it. Where there is nothing to look at, it abstains.
func vote(tree fs.FS, name string, by criterion) (*api.BallotAnswer, error) {
	data, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	found, applies := by.check(parse(path.Dir(name), string(data)), tree)
	switch {
	case !applies:
		return &api.BallotAnswer{Abstain: true, Reason: "the document has nothing of the kind"}, nil
	case len(found) == 0:
		return &api.BallotAnswer{Choice: accept, Reason: by.doc}, nil
	}
	reason := strings.Join(found[:min(told, len(found))], "; ")
	if len(found) > told {
		reason += fmt.Sprintf("; and %d more", len(found)-told)
	}
	return &api.BallotAnswer{Choice: reject, Reason: strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "")}, nil
}
