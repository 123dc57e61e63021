package loadbalancer

import (
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	tellEvery  = 500 * time.Millisecond
	peerCounts = 3 * time.Second // for which what a replica has told counts
	mostPeers  = 256
	mostTold   = 500 // assignments of one message
)

// peers is what the other replicas have told of themselves.
type peers struct {
	mu    sync.Mutex
	of    map[string]heard
	fresh []api.Assignment // own ones, not told yet; the newest if there are too many
}

type heard struct {
	peerNews
	at time.Time
}

// peerNews is what a replica tells the others, by plain messages that may be lost.
type peerNews struct {
	Replica     string           `json:"replica"`
	Outstanding int              `json:"outstanding"`
	Assigned    uint64           `json:"assigned"`
	Routed      uint64           `json:"routed"`
	Rerouted    uint64           `json:"rerouted"`
	Refused     uint64           `json:"refused"`
	Reports     uint64           `json:"reports"`
	Expired     uint64           `json:"expired"`
	Last        bool             `json:"last,omitempty"` // it stops
	Assignments []api.Assignment `json:"assignments,omitempty"`
}

// metricsNews is what one replica was told of an agent, for the others.
type metricsNews struct {
	Replica string           `json:"replica"`
	Agent   string           `json:"agent"`
	Metrics api.AgentMetrics `json:"metrics"`
}

func (p *peers) add(list ...api.Assignment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fresh = append(p.fresh, list...)
	if over := len(p.fresh) - api.MaxBalanceHistory; over > 0 {
		p.fresh = append(p.fresh[:0], p.fresh[over:]...)
	}
}

// take returns some of what is to be told.
func (p *peers) take() []api.Assignment {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(len(p.fresh), mostTold)
	list := append([]api.Assignment(nil), p.fresh[:n]...)
	p.fresh = append(p.fresh[:0], p.fresh[n:]...)
	return list
}

func (p *peers) hear(n peerNews, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = map[string]heard{}
	}
	if n.Last {
		delete(p.of, n.Replica)
		return
	}
	for id, h := range p.of {
		if now.Sub(h.at) > peerCounts {
			delete(p.of, id)
		}
	}
	if _, known := p.of[n.Replica]; known || len(p.of) < mostPeers {
		n.Assignments = nil
		p.of[n.Replica] = heard{n, now}
	}
}

// others returns what the other replicas have told of late.
func (p *peers) others(now time.Time) (list []peerNews) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.of {
		if now.Sub(h.at) <= peerCounts {
			list = append(list, h.peerNews)
		}
	}
	return list
}

func (s *Service) peersSubject() string { return s.conn.Namespace + ".loadbalancer-peers" }
func (s *Service) toldSubject() string  { return s.conn.Namespace + ".loadbalancer-told" }

// meet begins to listen to the other replicas.
func (s *Service) meet() error {
	on := func(subject string, f func(data []byte)) error {
		sub, err := s.conn.NC.Subscribe(subject, func(m *nats.Msg) { f(m.Data) })
		if err != nil {
			return fmt.Errorf("listen to other replicas: %w", err)
		}
		s.cleanups = append(s.cleanups, func() { _ = sub.Unsubscribe() })
		return nil
	}
	err := on(s.peersSubject(), func(data []byte) {
		var n peerNews
		if codec.Read(data, &n) != nil || !api.ValidID(n.Replica) || n.Replica == s.id || len(n.Assignments) > mostTold {
			return
		}
		s.history.add(n.Assignments...)
		s.peers.hear(n, time.Now())
	})
	if err != nil {
		return err
	}
	return on(s.toldSubject(), func(data []byte) {
		var n metricsNews
		if codec.Read(data, &n) != nil || n.Replica == s.id {
			return
		}
		if r := (&api.BalanceReport{Agent: n.Agent, Metrics: &n.Metrics}); r.Validate() == nil {
			s.hearMetrics(n.Agent, &n.Metrics)
		}
	})
}

func (s *Service) ownCounts() peerNews {
	return peerNews{
		Replica: s.id, Outstanding: s.open.len() + s.router.len(), Assigned: s.count.assigned.Load(), Routed: s.count.routed.Load(),
		Rerouted: s.count.rerouted.Load(), Refused: s.count.refused.Load(), Reports: s.count.reports.Load(), Expired: s.count.expired.Load(),
	}
}

// tellPeers tells the other replicas what this one has done, at once and then twice a second.
func (s *Service) tellPeers() {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		for more := true; more; {
			n := s.ownCounts()
			n.Assignments = s.peers.take()
			s.publish(s.peersSubject(), n)
			more = len(n.Assignments) == mostTold
		}
		select {
		case <-s.base.Done():
			s.publish(s.peersSubject(), peerNews{Replica: s.id, Last: true})
			return
		case <-tick.C:
		}
	}
}

func (s *Service) tellMetrics(agent string, m *api.AgentMetrics) {
	s.publish(s.toldSubject(), metricsNews{s.id, agent, *m})
}

// publish sends what may be lost.
func (s *Service) publish(subject string, v any) {
	data, err := codec.Marshal(v)
	if err == nil {
		err = s.conn.NC.Publish(subject, data)
	}
	if err != nil {
		s.cfg.Log.Debug().Err(err).Str("subject", subject).Msg("not told")
	}
}
