package budgets

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/spend"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Tidy carries out what hosts have left undone that have died: of all budgets, or of those for which something is held. Holds that no
// budget knows are given back.
func (s *Store) Tidy(ctx context.Context, all bool) error {
	keys, err := s.funded(ctx)
	if err != nil {
		return err
	}
	if all {
		if keys, err = s.keys(ctx, ""); err != nil {
			return err
		}
	}
	var errs []error
	for _, key := range keys {
		res, err := s.table.Get(ctx, key)
		if err == nil && res.Value != nil && !res.Value.Rests(time.Now()) {
			_, err = s.carryOn(ctx, keyIn(key), "")
		}
		if err != nil { // which keeps nobody from the others
			errs = append(errs, fmt.Errorf("carry on with the budget %s: %w", key, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// funded returns the keys of budgets for which something is held, and gives back what is held for none.
func (s *Store) funded(ctx context.Context) (keys []string, err error) {
	conn, seen := s.conn.WithPrincipal(spend.Collector), map[string]bool{}
	for after := ""; ; {
		page, err := rpc.Call(ctx, conn, api.HoldsList, &api.HoldsListRequest{Beneficiary: spend.Collector, After: after, Limit: api.MaxPage})
		if err != nil {
			return nil, err
		}
		for i := range page.Holds {
			h := &page.Holds[i]
			key, ours := strings.CutPrefix(h.Ref, notePrefix)
			if k := keyIn(key); !ours || k.Validate() != nil {
				continue
			}
			res, err := s.table.Get(ctx, key)
			if err != nil {
				return nil, err
			}
			if res.Value == nil || !res.Value.Has(strings.TrimPrefix(h.ID, api.HoldPrefix)) {
				if time.Since(h.CreatedAt) > s.orphans {
					if err := s.release(ctx, h.ID); err != nil {
						return nil, err
					}
				}
				continue
			}
			if !seen[key] {
				seen[key] = true
				keys = append(keys, key)
			}
		}
		if after = page.Next; after == "" {
			return keys, nil
		}
	}
}

// orphanAge is how old a hold is that no budget will know any more.
const orphanAge = 2 * time.Minute

// keyIn reads a key of the bucket.
func keyIn(key string) api.BudgetKey {
	scope, id, _ := strings.Cut(key, ".")
	return api.BudgetKey{Scope: api.BudgetScope(scope), ID: id}
}
