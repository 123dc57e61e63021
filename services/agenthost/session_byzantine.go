package agenthost

import (
	"context"
	"sync"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	maxJoins  = 4096        // agents of this host that have joined a byzantine session which has not begun
	maxRuns   = 4096        // agents for which the host runs the protocol
	joinGrace = time.Minute // from the deadline of the question join to the question run
	runLinger = time.Second // for members that have missed the decision
	runSpare  = time.Second // at most, before the deadline, for the answer to arrive
	judgeWait = 50 * time.Millisecond
)

type joinKey struct{ agent, session string }

// joins holds the keys of agents that have joined byzantine sessions, until these begin.
type joins struct {
	mu      sync.Mutex
	members map[joinKey]*client.ByzantineMember
	expiry  map[joinKey]*time.Timer
	runs    int
}

func newJoins() *joins {
	return &joins{members: map[joinKey]*client.ByzantineMember{}, expiry: map[joinKey]*time.Timer{}}
}

func (j *joins) join(k joinKey, until time.Time) (*client.ByzantineMember, error) {
	m, err := client.NewByzantineMember()
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.members) >= maxJoins {
		return nil, api.Errorf(api.Overloaded, "agents of this host have joined %d sessions that have not begun: try again later", maxJoins).WithReason(api.ReasonServerFull)
	}
	if t := j.expiry[k]; t != nil {
		t.Stop()
	}
	j.members[k] = m
	j.expiry[k] = time.AfterFunc(time.Until(until), func() { j.drop(k, m) })
	return m, nil
}

func (j *joins) drop(k joinKey, m *client.ByzantineMember) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.members[k] == m {
		delete(j.members, k)
		delete(j.expiry, k)
	}
}

// begin takes the key of a member, which serves for one run.
func (j *joins) begin(k joinKey) (*client.ByzantineMember, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	m := j.members[k]
	switch {
	case m == nil:
		return nil, api.Errorf(api.FailedPrecondition, "the host has no key of %s for session %s: it has restarted since it joined", k.agent, k.session).WithReason(api.ReasonNotParticipant)
	case j.runs >= maxRuns:
		return nil, api.Errorf(api.Overloaded, "the host takes part in %d byzantine sessions already", maxRuns).WithReason(api.ReasonServerFull)
	}
	j.expiry[k].Stop()
	delete(j.members, k)
	delete(j.expiry, k)
	j.runs++
	return m, nil
}

func (j *joins) end() {
	j.mu.Lock()
	j.runs--
	j.mu.Unlock()
}

func (j *joins) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, t := range j.expiry {
		t.Stop()
	}
	clear(j.members)
	clear(j.expiry)
}

// answerByzantine answers the questions of byzantine sessions that are for the host. It runs on a worker.
func (s *Service) answerByzantine(m message) {
	var q api.SessionQuestion
	err := codec.Read(m.msg.Data, &q)
	if err == nil && q.Phase == api.PhaseJoin {
		err = s.joinByzantine(m.ask)
	} else if err == nil {
		err = s.runByzantine(m, &q)
	}
	if err != nil {
		s.answerQuestion(m.ask, nil, explain(err))
	}
}

func (s *Service) joinByzantine(q *ask) error {
	member, err := s.joins.join(joinKey{q.agent, q.session}, s.asks.deadline(q).Add(joinGrace))
	if err != nil {
		return err
	}
	answer, err := codec.Marshal(member.Join(s.cfg.ID))
	if err != nil {
		return err
	}
	s.answerQuestion(q, answer, nil)
	return nil
}

// runByzantine asks the agent whether the proposal is valid, and if so votes for it until it is decided. An agent that thinks
// otherwise is not needed among the voters: there is nothing else to vote for.
func (s *Service) runByzantine(m message, q *api.SessionQuestion) error {
	member, err := s.joins.begin(joinKey{m.ask.agent, m.ask.session})
	if err != nil {
		return err
	}
	defer s.joins.end()
	ctx, end, err := s.beginQuestion(&m)
	if err != nil {
		return err
	}
	defer end()
	left := time.Until(s.asks.deadline(m.ask))
	run, cancel := context.WithTimeout(ctx, left-min(runSpare, left/10))
	defer cancel()
	valid, err := s.askVerdict(run, m.ask.agent, q)
	switch {
	case err != nil:
		return err
	case !valid:
		return api.Errorf(api.FailedPrecondition, "agent %s does not take the proposal for valid", m.ask.agent).WithReason("invalid_proposal")
	}
	told := false
	err = member.Run(run, s.client, m.ask.agent, q, runLinger, func(o api.ByzantineOutcome) {
		answer, err := codec.Marshal(o)
		s.answerQuestion(m.ask, answer, err)
		told = true
	})
	if told {
		return nil
	}
	return err
}

// askVerdict asks the agent, as anybody might, whether the proposal is valid.
func (s *Service) askVerdict(ctx context.Context, agentID string, q *api.SessionQuestion) (bool, error) {
	r, err := client.ByzantineRunOf(q)
	if err != nil {
		return false, err
	}
	ask := *q
	ask.Phase = api.PhaseValidate
	if ask.Ask, err = codec.Marshal(api.ByzantineProposal{Value: r.Value}); err != nil {
		return false, err
	}
	for wait := judgeWait; ; wait = min(2*wait, answerPauseTo) {
		answer, err := s.client.Call(ctx, agentID, ask)
		if err == nil {
			return client.ReadVerdict(answer)
		}
		if !unsure(err) {
			return false, err
		}
		select {
		case <-ctx.Done():
			return false, err
		case <-time.After(wait):
		}
	}
}
