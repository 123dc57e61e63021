package alerts_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/mabus-project/mabus/services/perfmon/alerts/episode"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestWatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, quick)
	w.add(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var seen []string
	var done sync.WaitGroup
	done.Go(func() {
		for change, err := range w.Alerts.Watch(ctx) {
			if err != nil {
				return
			}
			mu.Lock()
			if change.Alert.Series.ID == "oven" {
				seen = append(seen, change.Event.Type)
			}
			mu.Unlock()
		}
	})
	defer done.Wait()
	defer cancel()
	has := func(kind string) bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(seen, "mabus.alerts."+kind)
	}
	// It may begin to watch a little later than this begins: then it sees a later episode.
	natstest.Eventually(t, patience, func() bool {
		w.comes(t, "oven", 200, active, "it is raised")
		w.comes(t, "oven", 1, func(a *api.Alert) bool { return cleared(a) || a.Flapping }, "it ends")
		return has(episode.Raised) && has(episode.Cleared) || has(episode.Flapping)
	}, "it is seen")
}
