package client

import (
	"context"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	listedEvery = time.Second     // between two looks whether anything has changed
	listedTime  = 5 * time.Second // for one look
)

// listed is a copy of the agents for connections that may not read the store: once a second it asks the registry whether anything has
// changed, and lists the agents anew if so.
type listed struct {
	agents  Agents
	request api.AgentsListRequest
	stop    context.CancelFunc
	done    sync.WaitGroup

	mu       sync.RWMutex
	byID     map[string]*api.Agent
	revision string    // that was listed
	current  time.Time // when a look began that found the copy true
	synced   bool      // the last look succeeded
}

// newListed returns a copy that has loaded.
func newListed(ctx context.Context, a Agents, request api.AgentsListRequest) (*listed, error) {
	request.Limit = api.MaxPage
	m := &listed{agents: a, request: request}
	if err := m.look(ctx); err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.Background())
	m.stop = stop
	m.done.Go(func() {
		for pause(life, listedEvery) {
			_ = m.look(life) // a failure shows in Age
		}
	})
	return m, nil
}

func (m *listed) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, listedTime)
	defer cancel()
	begin := time.Now()
	err := m.refresh(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.synced = err == nil; m.synced {
		m.current = begin
	}
	return err
}

// refresh lists the agents unless the registry says that nothing has changed. A list whose pages are of different revisions is looked at
// again by the next one.
func (m *listed) refresh(ctx context.Context) error {
	stats, err := m.agents.Stats(ctx)
	if err != nil {
		return err
	}
	m.mu.RLock()
	same := m.byID != nil && stats.Revision == m.revision
	m.mu.RUnlock()
	if same {
		return nil
	}
	found := map[string]*api.Agent{}
	request := m.request
	request.MinRevision = stats.Revision
	for agent, err := range m.agents.All(ctx, request) {
		if err != nil {
			return err
		}
		agent.Revision = ""
		found[agent.ID] = &agent
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byID, m.revision = found, stats.Revision
	return nil
}

func (m *listed) Get(id string) (*api.Agent, uint64, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	a, ok := m.byID[id]
	return a, 0, ok
}

func (m *listed) Range(f func(id string, a *api.Agent, rev uint64) bool) {
	m.mu.RLock()
	all := m.byID // which is never changed, but replaced
	m.mu.RUnlock()
	for id, a := range all {
		if !f(id, a, 0) {
			return
		}
	}
}

func (m *listed) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.byID)
}

func (m *listed) Synced() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.synced
}

func (m *listed) Age() time.Duration {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return time.Since(m.current)
}

func (m *listed) Stop() {
	m.stop()
	m.done.Wait()
}
