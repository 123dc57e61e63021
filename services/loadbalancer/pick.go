package loadbalancer

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (s *Service) pick(_ context.Context, r *api.PickRequest) (*api.Pick, error) {
	picks, err := s.assign(r, 1, false)
	if err != nil {
		return nil, err
	}
	return &picks[0], nil
}

func (s *Service) pickMany(_ context.Context, r *api.PickManyRequest) (*api.PickManyResponse, error) {
	picks, err := s.assign(&r.PickRequest, r.N, r.Distinct)
	if err != nil {
		return nil, err
	}
	return &api.PickManyResponse{Picks: picks}, nil
}

// assign makes n picks, or none.
func (s *Service) assign(r *api.PickRequest, n int, distinct bool) ([]api.Pick, error) {
	now, at := s.now(), time.Now().UTC()
	hold := r.Hold
	if hold == 0 {
		hold = api.DefaultHold
	}
	request := s.request(r, now)
	made, picks, history := make([]*assignment, 0, n), make([]api.Pick, 0, n), make([]api.Assignment, 0, n)
	undo := func() {
		for _, x := range made {
			s.picker.Done(x.pick, balance.Outcome{Now: now, Unknown: true})
		}
		s.count.refused.Add(1)
	}
	for range n {
		k, err := s.picker.Pick(request, rand.Uint64())
		if err != nil {
			undo()
			if len(made) > 0 && distinct && api.ReasonOf(err) == api.ReasonNoSuitableAgent {
				return nil, api.Errorf(api.Unavailable, "only %d running agents have all of the capabilities %q, %d different ones are asked for: start more, or ask for fewer", len(made), r.Capabilities, n).
					WithReason(api.ReasonNoSuitableAgent)
			}
			return nil, err
		}
		x := &assignment{id: s.id + "-" + strconv.FormatUint(s.count.made.Add(1), 36), pick: k, at: now, until: now + hold.Std()}
		made = append(made, x)
		picks = append(picks, api.Pick{
			Assignment: x.id, Agent: k.ID, Subject: api.AgentSubject(s.conn.Namespace, k.ID), Host: s.hostOf(k.ID), Strategy: k.Strategy,
			Ahead: k.Ahead, Cost: api.Duration(k.Cost), Overloaded: k.Overloaded, Until: at.Add(hold.Std()),
		})
		history = append(history, api.Assignment{Assignment: x.id, Agent: k.ID, Capabilities: r.Capabilities, Tenant: r.Tenant, Strategy: k.Strategy, At: at})
		if distinct {
			request.Not = append(request.Not, k.ID)
		}
	}
	if !s.open.add(made...) {
		undo()
		return nil, api.Errorf(api.Overloaded, "%d assignments have not ended: report their ends, give them a shorter hold, or start another replica", api.MaxAssignments).
			WithReason(api.ReasonServerFull)
	}
	s.count.assigned.Add(uint64(n))
	s.history.add(history...)
	s.peers.add(history...)
	return picks, nil
}

func (s *Service) request(r *api.PickRequest, now time.Duration) balance.Request {
	return balance.Request{
		Capabilities: r.Capabilities, Prefer: r.Preferred, Key: r.Key, Tenant: r.Tenant, Strategy: r.Strategy, Now: now,
		Not: append([]string(nil), r.Not...),
	}
}

func (s *Service) hostOf(agent string) string {
	if a, _, ok := s.agents.Get(agent); ok {
		return a.Host
	}
	return ""
}

// subjectAt reaches one replica.
func (s *Service) subjectAt(replica string) string {
	return s.conn.Namespace + ".loadbalancer-at." + replica
}

// report takes the end of an assignment to the replica that made it, and metrics to all.
func (s *Service) report(ctx context.Context, r *api.BalanceReport) (*api.Empty, error) {
	if r.Metrics != nil {
		if !s.picker.Has(r.Agent) {
			return nil, agentNotFound(r.Agent)
		}
		s.hearMetrics(r.Agent, r.Metrics)
		s.tellMetrics(r.Agent, r.Metrics)
	}
	if r.Assignment == "" {
		return &api.Empty{}, nil
	}
	replica, _, ok := strings.Cut(r.Assignment, "-")
	switch {
	case !ok || replica == "":
		return nil, unknownAssignment(r.Assignment)
	case replica == s.id:
		return s.reportHere(ctx, r)
	}
	only := *r
	only.Agent, only.Metrics = "", nil
	resp, err := rpc.CallAt(ctx, s.conn.WithPrincipal(""), s.subjectAt(replica), api.BalanceReportOn, &only)
	if api.ReasonOf(err) == api.ReasonNobodyListens {
		return nil, unknownAssignment(r.Assignment)
	}
	return resp, err
}

// reportHere takes the end of an assignment of this replica.
func (s *Service) reportHere(_ context.Context, r *api.BalanceReport) (*api.Empty, error) {
	x := s.open.take(r.Assignment)
	if x == nil {
		return nil, unknownAssignment(r.Assignment)
	}
	now := s.now()
	latency := r.Latency.Std()
	if latency == 0 {
		latency = now - x.at
	}
	s.picker.Done(x.pick, balance.Outcome{Now: now, Latency: latency, Failed: r.Failed})
	s.count.reports.Add(1)
	return &api.Empty{}, nil
}

func unknownAssignment(id string) error {
	return api.Errorf(api.NotFound, "there is no assignment %s any more: it was reported, its hold is over, or its replica is gone", id).WithReason(api.ReasonAssignmentUnknown)
}

func agentNotFound(id string) error {
	return api.Errorf(api.NotFound, "no running agent is called %s", id).WithReason(api.ReasonAgentNotFound)
}
