package agenthost

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/hostload"
	"github.com/mabus-project/mabus/shared/placement"
)

// placing hears the loads of all hosts, its own among them, by which agents are placed.
type placing struct {
	view hostload.View
	sub  *nats.Subscription

	mu    sync.Mutex
	known placement.Loads // as they were given last, for their steps
}

// hearLoads begins to listen. Reports that are lost, or cannot be read, are missing: hosts without one count by their records.
func (s *Service) hearLoads() error {
	sub, err := s.conn.NC.Subscribe(api.LoadSubject(s.conn.Namespace, "*"), func(m *nats.Msg) {
		if l := hostload.Read(s.conn.Namespace, m.Subject, m.Data); l != nil {
			s.placing.view.Hear(l, time.Now())
		}
	})
	if err != nil {
		return fmt.Errorf("listen for the loads of hosts: %w", err)
	}
	s.placing.sub = sub
	if err := s.conn.NC.Publish(api.LoadRequestSubject(s.conn.Namespace), nil); err != nil {
		return err
	}
	_ = s.conn.NC.FlushTimeout(time.Second) // a host that has started hears what is told; while NATS is away nothing is
	return nil
}

// hearNoLoads ends what hearLoads began.
func (s *Service) hearNoLoads() {
	if s.placing.sub != nil {
		_ = s.placing.sub.Unsubscribe()
	}
}

// loads returns the loads that count now.
func (s *Service) loads() placement.Loads {
	p := &s.placing
	p.mu.Lock()
	defer p.mu.Unlock()
	loads := placement.Loads{}
	for lease, h := range p.view.Hosts(time.Now()) {
		if !math.IsNaN(h.CPU) {
			loads[lease] = placement.NewLoad(p.known[lease], h.CPU, h.Memory, int(math.Round(h.Waiting)), h.CPUs)
		}
	}
	p.known = loads
	return loads
}
