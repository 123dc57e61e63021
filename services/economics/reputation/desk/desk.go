// Package desk holds the pure rules of what principals and operators do with reputations and reports: the commands, and what the clock
// does with reports.
package desk

import (
	"strings"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
)

// Commands are the rules by noun and verb.
var Commands = map[string]act.Command[*reputation.Draft]{
	"reputation.record":   act.On(record),
	"reputation.penalise": act.On(penalise),
	"reports.ask":         act.On(ask),
	"reports.submit":      act.On(submit),
	"reports.settle":      act.On(settle),
}

// contractRef begins the ref of a record about a contract.
const contractRef = "contract/"

func record(a *act.Act, d *reputation.Draft, r *api.ReputationRecordRequest) (*api.ReputationChange, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	x := api.ReputationRecord{
		Agent: r.Agent, Domain: r.Domain, By: a.Principal, Ref: r.Ref, Source: api.SourceOpinion,
		Quality: r.Quality, Satisfaction: r.Satisfaction, CostEfficiency: r.CostEfficiency, Duration: r.Duration,
	}
	if a.Operator {
		x.Source = api.SourceOperator
	} else if c := sold(a, r); c != nil {
		x.Source, x.Stake = api.SourceSettlement, c.Price
	}
	x, err := d.Add(a.Time, x)
	if err != nil {
		return nil, err
	}
	a.Changed(Entity(r.Agent))
	return &api.ReputationChange{Score: d.Score(r.Agent, r.Domain, a.Time), Record: &x}, nil
}

// sold returns the contract under which the principal has delivered to the agent, if the record is about one. What a buyer thinks of a
// provider is recorded by the settlement itself; beside that, a buyer has an opinion like everybody.
func sold(a *act.Act, r *api.ReputationRecordRequest) *api.Contract {
	id, ok := strings.CutPrefix(r.Ref, contractRef)
	if !ok {
		return nil
	}
	c, err := a.Contracts.Get(id)
	if err != nil || c.DeliveredAt.IsZero() || c.Provider != a.Principal || c.Buyer != r.Agent {
		return nil
	}
	return c
}

func penalise(a *act.Act, d *reputation.Draft, r *api.ReputationPenaliseRequest) (*api.ReputationChange, error) {
	if err := a.NeedOperator(); err != nil {
		return nil, err
	}
	score, err := d.Penalise(a.Time, r.Agent, r.Domain, r.Violation, r.Ref)
	if err != nil {
		return nil, err
	}
	a.Changed(Entity(r.Agent))
	_, penalties := d.History(r.Agent, "", 1)
	return &api.ReputationChange{Score: score, Penalty: &penalties[0]}, nil
}

// Entity is what those wait for who wait for a change of an agent's reputation.
func Entity(agent string) string { return "reputation/" + agent }

// ReportEntity is what those wait for who wait for a change of a report. It is the id of the hold that pays it, too.
func ReportEntity(id string) string { return "report/" + id }
