// Package ensemble holds the pure rules of ensemble learning: members predict a label or a number, each as sure as it says, and their
// predictions become one. What questions with known answers show of a member may set its weight first.
package ensemble

import (
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// The algorithms.
const (
	WeightedVoting = "weighted_voting" // the label with the most weight times confidence
	Majority       = "majority"        // the label with the most members
	Averaging      = "averaging"       // the mean, weighted
	Median         = "median"          // the median, weighted
)

const (
	calibrate = "calibrate"
	predict   = "predict"
)

// Learning is the protocol of the type ensemble_learning.
type Learning struct{}

var _ protocol.Protocol = Learning{}

// Check implements protocol.Protocol.
func (Learning) Check(s *api.Session) (protocol.Settings, error) {
	if err := form.Members(s, 2, 10); err != nil {
		return protocol.Settings{}, err
	}
	algorithm, err := form.Algorithm(s, WeightedVoting, Majority, Averaging, Median)
	if err != nil {
		return protocol.Settings{}, err
	}
	var p api.EnsembleParams
	if err := form.Params(s, &p); err != nil {
		return protocol.Settings{}, err
	}
	if err := check(&p, numeric(algorithm)); err != nil {
		return protocol.Settings{}, err
	}
	if s.Members != nil && p.MinModels > len(s.Members) {
		return protocol.Settings{}, form.Config("min_models", "min_models is %d, but there are %d members", p.MinModels, len(s.Members))
	}
	return form.Settings(algorithm, p, 5*time.Minute, api.PriorityLow)
}

func check(p *api.EnsembleParams, numbers bool) error {
	if err := form.Count("min_models", &p.MinModels, 2, 1, 10); err != nil {
		return err
	}
	if err := form.Share("consensus_threshold", &p.ConsensusThreshold, 600_000); err != nil {
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
	if numbers && len(p.Labels) > 0 {
		return form.Config("labels", "labels are for voting, this algorithm takes numbers")
	}
	if p.Tolerance != nil && (!numbers || *p.Tolerance < 0) {
		return form.Config("tolerance", "tolerance must be 0 or more, and is for numbers")
	}
	if len(p.Calibration) > 20 {
		return form.Config("calibration", "calibration has %d questions, at most 20 are allowed", len(p.Calibration))
	}
	for i, c := range p.Calibration {
		if len(c.Question) == 0 {
			return form.Config("calibration", "question %d of calibration is missing", i+1)
		}
		if _, err := readValue(c.Answer, numbers, p.Labels); err != nil {
			return form.Config("calibration", "the answer to question %d of calibration cannot be right: %v", i+1, api.AsError(err).Message)
		}
	}
	return nil
}

// Accept implements protocol.Protocol.
func (Learning) Accept(s *api.Session, _ *api.SessionAsk, answer json.RawMessage) error {
	p, err := params(s)
	if err != nil {
		return err
	}
	_, err = read(answer, numeric(s.Algorithm), p.Labels)
	return err
}

// Step implements protocol.Protocol. Every round is waited for to its end: each answer counts in the result.
func (Learning) Step(s *api.Session) protocol.Step {
	current := protocol.Current(s)
	if current != nil && !protocol.Closed(current) {
		return protocol.Step{}
	}
	p, err := params(s)
	if err != nil {
		return protocol.Step{Reason: api.ReasonConfiguration + ": " + err.Error()}
	}
	if done := len(s.Rounds); done < len(p.Calibration) {
		body := form.Body(api.EnsembleAsk{Question: p.Calibration[done].Question, Labels: p.Labels})
		return protocol.Step{Round: &protocol.Round{Phase: calibrate, Asks: protocol.Everyone(s, body)}}
	}
	if current == nil || current.Phase == calibrate {
		var body json.RawMessage
		if len(p.Labels) > 0 {
			body = form.Body(api.EnsembleAsk{Labels: p.Labels})
		}
		return protocol.Step{Round: &protocol.Round{Phase: predict, Asks: protocol.Everyone(s, body)}}
	}
	return combine(s, current, p)
}

func params(s *api.Session) (*api.EnsembleParams, error) {
	var p api.EnsembleParams
	if err := codec.Read(s.Params, &p); err != nil {
		return nil, form.Config("params", "the parameters cannot be read: %v", err)
	}
	return &p, check(&p, numeric(s.Algorithm))
}

func numeric(algorithm string) bool { return algorithm == Averaging || algorithm == Median }

// prediction is what a member says.
type prediction struct {
	member     string
	label      form.Label // with numbers only its value is set
	number     api.Decimal
	confidence api.Decimal
	weight     api.Decimal
	power      api.Decimal // what its word counts
	correct    int
}

// read reads an answer in full or a bare prediction.
func read(raw json.RawMessage, numbers bool, labels []string) (prediction, error) {
	a := api.EnsembleAnswer{Prediction: raw}
	if form.Kind(raw) == '{' {
		a.Prediction = nil
		if err := codec.Decode(raw, &a); err != nil {
			return prediction{}, form.Refuse("answer a prediction, or {\"prediction\": ..., \"confidence\": 0 to 1}: %v", err)
		}
	}
	p, err := readValue(a.Prediction, numbers, labels)
	if err != nil {
		return prediction{}, err
	}
	p.confidence, err = form.Confidence(a.Confidence)
	return p, err
}

func readValue(raw json.RawMessage, numbers bool, labels []string) (prediction, error) {
	label, ok := form.ReadLabel(raw)
	if !ok {
		return prediction{}, form.Refuse("a prediction is a text of at most %d bytes, a number or a truth value", form.MaxLabel)
	}
	if !numbers {
		if len(labels) > 0 && form.Place(labels, label.Key) == len(labels) {
			return prediction{}, form.Refuse("the prediction must be one of the labels of the session")
		}
		return prediction{label: label}, nil
	}
	number, err := api.ParseDecimal(label.Key)
	if err != nil {
		return prediction{}, form.Refuse("the prediction must be a number of at most %d in either direction", api.DecimalLimit/api.One)
	}
	return prediction{label: label, number: number}, nil
}
