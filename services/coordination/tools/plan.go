package tools

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// progress is what came of a step so far.
type progress struct {
	step    *api.ToolStep
	tried   []string // by whom, in order
	round   int
	done    bool
	output  json.RawMessage
	failure string
}

func (g *progress) failed() bool { return !g.done && len(g.tried) > *g.step.Retries }

func (g *progress) ended() bool { return g.done || g.failed() }

// plan is all steps, in the order of the parameters.
type plan struct {
	steps []progress
	at    map[string]*progress
	load  map[string]int // how many steps each member has been asked for
	order []string
}

// Step implements protocol.Protocol. A round is waited for to its end, because what is asked next depends on who is free.
func (Orchestration) Step(s *api.Session) protocol.Step {
	current := protocol.Current(s)
	if current != nil && !protocol.Closed(current) {
		return protocol.Step{}
	}
	var p api.ToolsParams
	if err := codec.Read(s.Params, &p); err != nil {
		return protocol.Step{Reason: api.ReasonConfiguration + ": " + err.Error()}
	}
	if err := checkSteps(p.Steps); err != nil {
		return protocol.Step{Reason: api.ReasonConfiguration + ": " + err.Error()}
	}
	pl := look(s, &p)
	for i := range pl.steps {
		if g := &pl.steps[i]; g.failed() && !g.step.Optional {
			return protocol.Step{Reason: fmt.Sprintf("%s: step %s failed after %d attempts: %s", ReasonStepFailed, g.step.ID, len(g.tried), g.failure)}
		}
	}
	if len(pl.order) == len(pl.steps) {
		return protocol.Step{Result: pl.result()}
	}
	round := pl.next(s, &p)
	if len(round.Asks) == 0 { // the members have changed since Check: nobody has the tool
		return protocol.Step{Reason: ReasonStepFailed + ": no member has the tools for what is left"}
	}
	return protocol.Step{Round: round}
}

// look reads the transcript.
func look(s *api.Session, p *api.ToolsParams) *plan {
	pl := &plan{steps: make([]progress, len(p.Steps)), at: map[string]*progress{}, load: map[string]int{}}
	for i := range p.Steps {
		pl.steps[i].step = &p.Steps[i]
		pl.at[p.Steps[i].ID] = &pl.steps[i]
	}
	for i := range s.Rounds {
		r := &s.Rounds[i]
		for j := range r.Asks {
			var body api.ToolAsk
			if codec.Read(r.Asks[j].Ask, &body) != nil || pl.at[body.Step] == nil {
				continue
			}
			g := pl.at[body.Step]
			g.tried, g.round = append(g.tried, r.Asks[j].Member), r.Number
			g.output, g.failure = read(&r.Asks[j])
			g.done = g.failure == ""
			pl.load[r.Asks[j].Member]++
		}
		for j := range pl.steps {
			if g := &pl.steps[j]; g.round == r.Number && g.ended() {
				pl.order = append(pl.order, g.step.ID)
			}
		}
	}
	return pl
}

// next asks free members for steps whose needs have ended, in the order of the parameters. A step goes to a member that has the tool
// and has not tried it; if all have tried it, to any of them. Of those free it is the one that has been asked for the fewest steps,
// then the first of the session. A step that another member could try, who is busy, waits for the next round.
func (pl *plan) next(s *api.Session, p *api.ToolsParams) *protocol.Round {
	round := &protocol.Round{Phase: "run"}
	busy := map[string]bool{}
	for i := range pl.steps {
		g := &pl.steps[i]
		if g.ended() || slices.ContainsFunc(g.step.Needs, func(id string) bool { return !pl.at[id].ended() }) {
			continue
		}
		by := able(s, p, g.step.Tool)
		fresh := slices.DeleteFunc(slices.Clone(by), func(m string) bool { return slices.Contains(g.tried, m) })
		if len(fresh) > 0 {
			by = fresh
		}
		by = slices.DeleteFunc(by, func(m string) bool { return busy[m] })
		if len(by) == 0 {
			continue
		}
		member := slices.MinFunc(by, func(a, b string) int { return cmp.Compare(pl.load[a], pl.load[b]) })
		busy[member] = true
		round.Asks = append(round.Asks, protocol.Ask{Member: member, Body: form.Body(pl.ask(g))})
		round.Timeout = max(round.Timeout, timeout(g.step, s))
	}
	return round
}

func timeout(step *api.ToolStep, s *api.Session) time.Duration {
	if step.Timeout > 0 {
		return step.Timeout.Std()
	}
	return s.Timeout.Std()
}

func (pl *plan) ask(g *progress) api.ToolAsk {
	a := api.ToolAsk{Step: g.step.ID, Tool: g.step.Tool, Args: g.step.Args, Attempt: len(g.tried) + 1}
	for _, id := range g.step.Needs {
		need := pl.at[id]
		if !need.done {
			a.Missing = append(a.Missing, id)
			continue
		}
		if a.Inputs == nil {
			a.Inputs = map[string]json.RawMessage{}
		}
		a.Inputs[id] = need.output
	}
	return a
}

// maxOutputs bounds the outputs in a result, in bytes: with the rest it must stay below api.MaxSessionResult.
const maxOutputs = 160 << 10

func (pl *plan) result() api.ToolsResult {
	r := api.ToolsResult{Outputs: map[string]json.RawMessage{}, Order: pl.order}
	room := maxOutputs
	for i := range pl.steps {
		g := &pl.steps[i]
		o := api.ToolOutcome{ID: g.step.ID, State: "done", Round: g.round, Member: g.tried[len(g.tried)-1], Attempts: len(g.tried)}
		switch {
		case !g.done:
			o.State, o.Error = "failed", g.failure
		case len(g.output) > room:
			r.LeftOut = append(r.LeftOut, g.step.ID)
		default:
			r.Outputs[g.step.ID] = g.output
			room -= len(g.output)
		}
		r.Steps = append(r.Steps, o)
	}
	return r
}
