package budgets

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/services/agenthost/spend"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

const (
	listTimeout = 5 * time.Second
	parallel    = 16 // reads of one list that are under way at once
)

// List returns a page of budgets in the order of their keys, each as it stands when it is read.
func (s *Store) List(ctx context.Context, r *api.BudgetsListRequest) (*api.BudgetsListResponse, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	limit := r.Limit
	if limit == 0 {
		limit = api.DefaultPage
	}
	keys, err := s.keys(ctx, r.Scope)
	if err != nil {
		return nil, err
	}
	page := &api.BudgetsListResponse{Budgets: []api.Budget{}}
	at, found := slices.BinarySearch(keys, r.Cursor)
	if found {
		at++
	}
	for keys = keys[at:]; len(keys) > 0; { // removed budgets leave a trace, which does not count
		n := min(limit-len(page.Budgets), len(keys))
		if err := s.load(ctx, keys[:n], page); err != nil {
			return nil, err
		}
		last := keys[n-1]
		keys = keys[n:]
		if len(page.Budgets) == limit && len(keys) > 0 {
			page.Next = last
			break
		}
	}
	return page, nil
}

// keys returns the keys that the bucket's leader knows, removed ones included, in order.
func (s *Store) keys(ctx context.Context, scope api.BudgetScope) ([]string, error) {
	filter := ">"
	switch scope {
	case api.BudgetNamespace:
		filter = string(scope)
	case api.BudgetAgent, api.BudgetJob:
		filter = string(scope) + ".*"
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	name := s.table.Bucket().Name()
	prefix := "$KV." + name + "."
	stream, err := s.conn.JS.Stream(ctx, "KV_"+name)
	if err == nil {
		var info *jetstream.StreamInfo
		if info, err = stream.Info(ctx, jetstream.WithSubjectFilter(prefix+filter)); err == nil {
			keys := make([]string, 0, len(info.State.Subjects))
			for subject := range maps.Keys(info.State.Subjects) {
				keys = append(keys, strings.TrimPrefix(subject, prefix))
			}
			slices.Sort(keys)
			return keys, nil
		}
	}
	return nil, api.Errorf(api.Unavailable, "the budgets cannot be listed now, try again: %v", err).WithReason(api.ReasonDependencyDown)
}

// load appends the budgets of the keys that still have one.
func (s *Store) load(ctx context.Context, keys []string, page *api.BudgetsListResponse) error {
	got := make([]kv.Result[spend.Account], len(keys))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, key := range keys {
		group.Go(func() (err error) {
			if got[i], err = s.table.Get(ctx, key); err != nil {
				return fmt.Errorf("read the budget %s: %w", key, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, res := range got {
		if res.Existed {
			page.Budgets = append(page.Budgets, *answer(res.Value, res.Token))
		}
	}
	return nil
}
