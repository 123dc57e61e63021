package economics

import (
	"context"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

// DefaultWaiters is how many requests wait at a replica at most.
const DefaultWaiters = 16 << 10

// DefaultOperator is the principal who may mint unless others are named.
const DefaultOperator = "operator"

// Config describes one replica of the service.
type Config struct {
	// Replicas is the number of copies of every stream and bucket in a cluster; that of the connection unless given.
	Replicas int
	// Operators are the principals who may mint, burn, judge and act for the system, unless economics.operators of the configuration names
	// others; DefaultOperator unless given. All replicas should have the same.
	Operators []string
	// Waiters is how many requests may wait for a change at this replica; DefaultWaiters unless given. Further ones are refused as
	// overloaded.
	Waiters int
	// Version is the semantic version shown by discovery; 0.0.0 unless given.
	Version string
	// Limit is the number of other requests under way above which further ones are refused; rpc.DefaultLimit unless given.
	Limit int
	// Strict refuses changes that name no principal.
	Strict  bool
	Log     zerolog.Logger
	Metrics prometheus.Registerer

	machine func() engine.Machine[*realm.State] // with other versions of the rules, for tests; realm.Machine unless given
}

// Service is a running replica.
type Service struct {
	economy  *economy
	stopOnce sync.Once
}

// Start returns a replica. It keeps trying while JetStream is not ready, until ctx ends.
func Start(ctx context.Context, conn *rpc.Conn, cfg Config) (*Service, error) {
	if cfg.Replicas == 0 {
		cfg.Replicas = conn.Replicas
	}
	if cfg.Limit == 0 {
		cfg.Limit = rpc.DefaultLimit
	}
	if cfg.Version == "" {
		cfg.Version = "0.0.0"
	}
	if cfg.machine == nil {
		cfg.machine = realm.Machine
	}
	e, err := open(ctx, conn, cfg)
	if err != nil {
		return nil, fmt.Errorf("economics: %w", err)
	}
	return &Service{economy: e}, nil
}

// Ready tells whether the replica can answer now with a current view.
func (s *Service) Ready() bool { return s.economy.log.Ready() }

// Stop leaves the queue group, tells those who wait to ask another replica, finishes the other requests under way until ctx ends,
// and stops everything else. A second call does nothing.
func (s *Service) Stop(ctx context.Context) (err error) {
	s.stopOnce.Do(func() { err = s.economy.close(ctx) })
	return err
}
