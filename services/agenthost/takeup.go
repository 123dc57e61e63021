package agenthost

import (
	"context"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/placement"
)

const (
	lookEvery  = time.Second           // between two looks when nothing was heard of
	settle     = 10 * time.Millisecond // for news that come together
	adoptAfter = 5 * time.Second       // for which a claim may be without an agent before reconcile takes it up
	startsMost = 256                   // agents that are being made at once for take-up, if they are no processes
	claimTime  = 5 * moveTimeout       // for a claim's outcome to become known
)

// takeUp claims, again and again, this host's share of the agents that shall run and that no live host runs. All hosts make the
// same plan of the same records, so that each agent is mostly claimed by one; where their views differ for a moment, the
// compare-and-set of the claim decides.
func (s *Service) takeUp() {
	var pace placement.Pace
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	for {
		select {
		case <-s.base.Done():
			return
		case <-s.view.signal:
			select {
			case <-s.base.Done():
				return
			case <-time.After(settle):
			}
		case id := <-s.lost:
			pace.Lost(time.Now(), id)
			continue
		case <-timer.C:
		}
		again := lookEvery
		if s.mayTakeUp() {
			if soon := s.look(&pace); soon > 0 {
				again = min(again, soon)
			}
		}
		timer.Reset(again)
	}
}

// mayTakeUp tells whether the host can claim agents now.
func (s *Service) mayTakeUp() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return !s.stopping && !s.drains && !s.held && s.view.synced() && s.env.Lease.Held()
}

// look makes a plan and claims of this host's share what is due. It returns when to look again; 0 is when there is news.
func (s *Service) look(pace *placement.Pace) time.Duration {
	hosts, agents := s.view.everything()
	s.reconcile(agents)
	s.foresee(agents)
	claims, again := pace.Next(time.Now(), placement.Plan(hosts, agents, s.loads()).Share(s.cfg.ID))
	for _, unit := range claims {
		s.take(unit)
	}
	return again
}

// foresee puts into the view what this host has claimed or is about to, before the mirror brings it: a host that counts its own
// agents first leaves to others what might be theirs.
func (s *Service) foresee(agents []*api.Agent) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i, a := range agents {
		if h := s.agents[a.ID]; h != nil && h.rec.Epoch > a.Epoch {
			agents[i] = &h.rec
		} else if s.claims[a.ID] > 0 && (h == nil || h.rec.Epoch >= a.Epoch) {
			mine := *a
			mine.Status, mine.Host, mine.HostLease = api.AgentStarting, s.cfg.ID, s.env.Lease.ID()
			agents[i] = &mine
		}
	}
}

// busyWith tells whether the host has the agent, or is about to.
func (s *Service) busyWith(id string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.agents[id] != nil || s.claims[id] > 0
}

// take claims and makes an agent, or the members of a group one after another, in a goroutine. Whoever wins the first of a
// group has the whole.
func (s *Service) take(unit []*api.Agent) {
	var done []func()
	var taken []*api.Agent
	for _, a := range unit {
		if s.busyWith(a.ID) || s.canRun(&a.AgentSpec) != nil || s.takePlace(a.ID) != nil {
			break
		}
		taken, done = append(taken, a), append(done, s.claiming(a.ID))
	}
	all := func() {
		for _, f := range done {
			f()
		}
	}
	if len(taken) == 0 {
		return
	}
	if !s.spawn(func() { defer all(); s.takeInOrder(taken) }, nil) {
		all()
		for range taken {
			s.leavePlace()
		}
	}
}

func (s *Service) takeInOrder(unit []*api.Agent) {
	for i, a := range unit {
		rec, err := s.claimOne(a)
		if err != nil {
			for range unit[i:] {
				s.leavePlace()
			}
			s.log.Debug().Err(err).Str("agent", a.ID).Msg("agent not taken up")
			select {
			case s.lost <- a.ID:
			case <-s.base.Done():
			}
			return
		}
		s.makeTaken(a, rec)
	}
}

// makeTaken makes an agent that was claimed. Its place goes with it.
func (s *Service) makeTaken(a, rec *api.Agent) {
	starts := s.starts
	if a.RuntimeOrDefault() == api.RuntimeExec {
		starts = s.processes
	}
	select {
	case starts <- struct{}{}:
		defer func() { <-starts }()
	case <-s.base.Done():
	}
	if _, err := s.launch(s.base, *rec, passage{kept: true}); err != nil {
		s.log.Warn().Err(err).Str("agent", a.ID).Msg("agent taken up, but not started")
		select { // if it is still wanted, not at once again
		case s.lost <- a.ID:
		case <-s.base.Done():
		}
		return
	}
	s.log.Info().Str("agent", a.ID).Str("from", a.Host).Msg("agent taken up")
}

// claimOne repeats a claim until its outcome is known. Its tag lets the registry know a repetition.
func (s *Service) claimOne(a *api.Agent) (*api.Agent, error) {
	ctx, cancel := context.WithTimeout(s.base, claimTime)
	defer cancel()
	req := api.AgentTransitionRequest{
		ID: a.ID, Status: api.AgentStarting, Epoch: a.Epoch, Host: s.cfg.ID, HostLease: s.env.Lease.ID(), Request: nuid.Next(), TakeUp: true,
	}
	for {
		rec, err := s.transition(ctx, req)
		if err == nil || !unsure(err) || isDone(s.env.Lease.Lost()) {
			return rec, err
		}
		select {
		case <-ctx.Done():
			return nil, err // reconcile finds it if it is ours
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// reconcile makes the agents that the registry says this host has although it has not: a claim whose answer was lost, or a
// hand-over that nobody finished. It waits for a while, since what is on its way is not in the registry yet.
func (s *Service) reconcile(agents []*api.Agent) {
	now, mine := time.Now(), s.env.Lease.ID()
	seen := map[string]missing{}
	for _, a := range agents {
		if a.HostLease != mine || !a.Status.Active() || s.busyWith(a.ID) {
			continue
		}
		m, ok := s.missing[a.ID]
		if !ok || m.epoch != a.Epoch {
			m = missing{a.Epoch, now}
		}
		if now.Sub(m.since) < adoptAfter {
			seen[a.ID] = m
			continue
		}
		if s.takePlace(a.ID) != nil {
			continue
		}
		rec, done := *a, s.claiming(a.ID)
		if !s.spawn(func() { defer done(); _, _ = s.launch(s.base, rec, passage{kept: true}) }, nil) {
			done()
			s.leavePlace()
		}
	}
	s.missing = seen
}

// missing is an agent that the registry says is here and that is not.
type missing struct {
	epoch uint64
	since time.Time
}

// claiming keeps reconcile and takeUp from an agent until what it returns is called.
func (s *Service) claiming(id string) func() {
	s.mu.Lock()
	s.claims[id]++
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		if s.claims[id]--; s.claims[id] == 0 {
			delete(s.claims, id)
		}
		s.mu.Unlock()
	}
}

// best returns the host where a new agent, or one that moves, is best placed; "" if there is none but those that were tried.
func (s *Service) best(spec *api.AgentSpec, tried map[string]bool) (string, error) {
	hosts, agents := s.view.everything()
	open := hosts[:0]
	for _, h := range hosts {
		if !tried[h.ID] {
			open = append(open, h)
		}
	}
	return placement.Choose(open, agents, spec, s.loads())
}
