package budgets

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/agenthost/spend"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Bounds of the bucket. Sizes are in bytes.
const (
	maxBytes  = 256 << 20
	maxRecord = 1 << 20 // spend.MaxHolds reservations under the longest ids fit
	history   = 16      // revisions, from which events are made
	// forget is the age at which nobody has a use for the trace of a removed budget.
	forget = 48 * time.Hour
)

// Store is the budgets of a namespace. It is safe for concurrent use.
type Store struct {
	conn  *rpc.Conn
	table *kv.Table[spend.Account]

	mu    sync.Mutex
	lanes map[string]*lane
	// step is called after each step of a reservation, and of what is done in the ledger; tests end it there with an error.
	step func(name string) error
	// orphans is the age from which on holds are given back that no budget knows.
	orphans time.Duration
}

// Open opens the bucket, or makes it, trying until JetStream is ready or ctx ends.
func Open(ctx context.Context, conn *rpc.Conn) (*Store, error) {
	requests, err := kv.OpenRequests(ctx, conn.JS, conn.Namespace, conn.Replicas, 0)
	if err != nil {
		return nil, err
	}
	bucket, err := kv.Open(ctx, conn.JS, kv.Config{
		Namespace: conn.Namespace, Name: "budgets", Replicas: conn.Replicas, History: history, MaxBytes: maxBytes, MaxValueSize: maxRecord,
	})
	if err != nil {
		return nil, err
	}
	s := &Store{conn: conn, table: kv.NewTable[spend.Account](bucket, "budgets", requests), lanes: map[string]*lane{}}
	s.step, s.orphans = func(string) error { return nil }, orphanAge
	sweep, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, _ = bucket.Sweep(sweep, forget, api.MaxPage) // what is left is for the next start
	return s, nil
}

// Outbox returns what tells of caps that are set and removed as events, mabus.budgets.<what>; it has not been started.
func (s *Store) Outbox(log zerolog.Logger) *kv.Outbox {
	o := kv.NewOutbox(s.table.Bucket(), "agenthost", "budgets", log)
	o.Shorten(shown)
	return o
}

// shown is what an event shows of a stored budget; nil if it is none.
func shown(data []byte) []byte {
	var b api.Budget
	if codec.Read(data, &b) != nil {
		return nil
	}
	data, err := codec.Marshal(&b)
	if err != nil {
		return nil
	}
	return data
}

// keyOf is the key of a budget in the bucket.
func keyOf(k api.BudgetKey) string {
	if k.ID == "" {
		return string(k.Scope)
	}
	return string(k.Scope) + "." + k.ID
}

// answer is a stored budget as callers see it.
func answer(a *spend.Account, revision string) *api.Budget {
	b := a.Budget
	b.Revision = revision
	return &b
}

func notFound(k api.BudgetKey) error {
	return api.Errorf(api.NotFound, "there is no cap on what the calls of %s may cost: set one with `mabus budgets set %s --cap N`", spend.Title(k), spend.Words(k)).WithReason(api.ReasonBudgetNotFound)
}

// Get returns a budget as it stands; not_found (budget_not_found) where there is no cap.
func (s *Store) Get(ctx context.Context, k *api.BudgetKey) (*api.Budget, error) {
	if err := k.Validate(); err != nil {
		return nil, err
	}
	res, err := s.table.Get(ctx, keyOf(*k))
	if err != nil {
		return nil, err
	}
	if !res.Existed {
		return nil, notFound(*k)
	}
	return answer(res.Value, res.Token), nil
}
