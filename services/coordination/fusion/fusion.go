// Package fusion holds the pure rules of multi-modal fusion: members that each know one modality of a thing, its text, its picture,
// its sound, judge it, and their judgements become one.
package fusion

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// The algorithms.
const (
	Late      = "late_fusion"  // everyone judges alone; judgements are weighted by modality
	Early     = "early_fusion" // everyone tells what it sees, then judges knowing what all have seen
	Attention = "attention"    // late, with each modality's weight times its confidence
)

const (
	observe = "observe"
	judge   = "judge"
)

// MaxLabels and MaxLabel bound the labels of one answer, in their number and in bytes each.
const (
	MaxLabels = 50
	MaxLabel  = 128
)

// Modalities is the protocol of the type multi_modal_fusion.
type Modalities struct{}

var _ protocol.Protocol = Modalities{}

// Check implements protocol.Protocol.
func (Modalities) Check(s *api.Session) (protocol.Settings, error) {
	if err := form.Members(s, 2, 5); err != nil {
		return protocol.Settings{}, err
	}
	algorithm, err := form.Algorithm(s, Late, Early, Attention)
	if err != nil {
		return protocol.Settings{}, err
	}
	var p api.FusionParams
	if err := form.Params(s, &p); err != nil {
		return protocol.Settings{}, err
	}
	if err := check(s, &p); err != nil {
		return protocol.Settings{}, err
	}
	return form.Settings(algorithm, p, 10*time.Minute, api.PriorityLow)
}

func check(s *api.Session, p *api.FusionParams) error {
	if err := form.Share("consensus_threshold", &p.ConsensusThreshold, 700_000); err != nil {
		return err
	}
	if err := form.Share("quality_threshold", &p.QualityThreshold, 800_000); err != nil {
		return err
	}
	if err := form.Weights("weights", p.Weights); err != nil {
		return err
	}
	if err := form.Labels("labels", p.Labels); err != nil {
		return err
	}
	for _, l := range p.Labels {
		if len(l) > MaxLabel {
			return form.Config("labels", "labels: %.70q has %d bytes, at most %d are allowed", l, len(l), MaxLabel)
		}
	}
	for _, member := range form.Names(p.Modalities) {
		if p.Modalities[member] == "" || len(p.Modalities[member]) > api.MaxTagLength {
			return form.Config("modalities", "modalities: that of %.70q must be a text of 1 to %d bytes", member, api.MaxTagLength)
		}
		if s.Members != nil && !slices.ContainsFunc(s.Members, func(m api.SessionMember) bool { return m.ID == member }) {
			return form.Config("modalities", "modalities: %.70q is no member", member)
		}
	}
	if s.Members == nil {
		return nil
	}
	for _, m := range s.Members {
		if form.Weight(p.Weights, modality(p, &m)) > 0 {
			return nil
		}
	}
	return form.Config("weights", "the weights of all modalities of the session are 0: give one of them more")
}

// modality returns what a member speaks for.
func modality(p *api.FusionParams, m *api.SessionMember) string {
	if name := p.Modalities[m.ID]; name != "" {
		return name
	}
	if name := m.Attributes["modality"]; name != "" {
		return name
	}
	return m.ID
}

// Accept implements protocol.Protocol.
func (Modalities) Accept(s *api.Session, _ *api.SessionAsk, answer json.RawMessage) error {
	if r := protocol.Current(s); r != nil && r.Phase == observe {
		if !codec.Valid(answer) {
			return form.Refuse("an observation is a JSON value")
		}
		return nil
	}
	var p api.FusionParams
	if err := codec.Read(s.Params, &p); err != nil {
		return form.Config("params", "the parameters cannot be read: %v", err)
	}
	_, err := read(answer, p.Labels)
	return err
}

// Step implements protocol.Protocol. Every round is waited for to its end: each judgement counts in the result.
func (Modalities) Step(s *api.Session) protocol.Step {
	current := protocol.Current(s)
	if current != nil && !protocol.Closed(current) {
		return protocol.Step{}
	}
	var p api.FusionParams
	if err := codec.Read(s.Params, &p); err != nil {
		return protocol.Step{Reason: api.ReasonConfiguration + ": " + err.Error()}
	}
	if err := check(s, &p); err != nil {
		return protocol.Step{Reason: api.ReasonConfiguration + ": " + err.Error()}
	}
	switch {
	case current == nil && s.Algorithm == Early:
		return ask(s, &p, observe, nil)
	case current == nil:
		return ask(s, &p, judge, nil)
	case current.Phase == observe:
		return ask(s, &p, judge, observations(s, &p, current))
	}
	return fuse(s, &p, current)
}

func ask(s *api.Session, p *api.FusionParams, phase string, seen []api.FusionObservation) protocol.Step {
	r := &protocol.Round{Phase: phase}
	for i := range s.Members {
		body := api.FusionAsk{Modality: modality(p, &s.Members[i]), Observations: seen}
		if phase == judge {
			body.Labels = p.Labels
		}
		r.Asks = append(r.Asks, protocol.Ask{Member: s.Members[i].ID, Body: form.Body(body)})
	}
	return protocol.Step{Round: r}
}

// observations returns what has been seen, in the order of the members.
func observations(s *api.Session, p *api.FusionParams, r *api.SessionRound) []api.FusionObservation {
	var seen []api.FusionObservation
	for i := range s.Members {
		for _, a := range r.Asks {
			if a.Member == s.Members[i].ID && a.State == api.AskAnswered {
				seen = append(seen, api.FusionObservation{Member: a.Member, Modality: modality(p, &s.Members[i]), Observation: a.Answer})
			}
		}
	}
	return seen
}
