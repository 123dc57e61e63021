package upgrade_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

var keep = flag.String("keep", "", "directory for the logs of the processes")

func short(t testing.TB) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), 5*time.Second)
}

// judge compares what is there with what was acknowledged.
func (l *load) judge() {
	ctx, t, c := l.t.Context(), l.t, l.as["operator"]
	for n := range l.done["registry"] {
		if a, err := c.Agents.Get(ctx, api.GetRequest{ID: fmt.Sprintf("ext%d", n)}); err != nil || a.Type != "outside" || len(a.Tags) != 1 || a.Tags[0] != "b" {
			t.Errorf("ext%d was registered and changed: %+v, %v", n, a, err)
		}
	}
	if got, err := c.Counters.Get(ctx, "c"); err != nil || got.Value != int64(l.done["counter"]) {
		t.Errorf("the counter was raised %d times: %+v, %v", l.done["counter"], got, err)
	}
	if got, err := c.Counters.Get(ctx, "cli"); err != nil || got.Value < int64(l.done["command"]) {
		t.Errorf("the commands' counter was raised at least %d times: %+v, %v", l.done["command"], got, err)
	}
	for n := range l.done["task"] {
		id := fmt.Sprintf("task%d", n)
		task, err := sure(ctx, l, "outcome", func(ctx context.Context) (*api.Task, error) {
			task, err := c.Tasks.Get(ctx, api.TaskGetRequest{ID: id, Wait: api.Duration(2 * time.Second)})
			if err == nil && !task.Status.Ended() {
				err = api.Errorf(api.Unavailable, "%s is %s", id, task.Status)
			}
			return task, err
		})
		if err != nil || task.Status != api.TaskSucceeded || string(task.Result) != fmt.Sprint(n) {
			t.Errorf("%s: %+v, %v", id, task, err)
		}
	}
	l.judgeMoney(ctx)
	for n := range l.done["event"] {
		if e, err := c.Events.Get(ctx, fmt.Sprintf("e%d", n)); err != nil || string(e.Data) != fmt.Sprint(n) {
			t.Errorf("e%d was appended: %+v, %v", n, e, err)
		}
	}
	for n := range l.done["variable"] {
		if v, err := c.Variables.Get(ctx, fmt.Sprintf("v%d", n)); err != nil || string(v.Value) != "2" {
			t.Errorf("v%d was changed: %+v, %v", n, v, err)
		}
	}
	for n := range l.done["session"] {
		if x, err := c.Sessions.Get(ctx, fmt.Sprintf("vote%d", n)); err != nil || x.EndedAt.IsZero() {
			t.Errorf("vote%d has ended: %+v, %v", n, x, err)
		}
	}
	for n := range counters {
		id := fmt.Sprintf("counter%d", n)
		if a, err := c.Agents.Get(ctx, api.GetRequest{ID: id}); err != nil || a.Status != api.AgentRunning {
			t.Errorf("%s: %+v, %v", id, a, err)
		}
	}
}

// judgeMoney demands that nothing was made or lost: each auction was worth 2 to its seller, and each transfer 1 to carol.
func (l *load) judgeMoney(ctx context.Context) {
	t, c := l.t, l.as["operator"]
	audit, err := c.Ledger.Audit(ctx)
	if err != nil || !audit.Agree || audit.Holds != 0 {
		t.Errorf("the audit: %+v, %v", audit, err)
	}
	has := map[string]api.Micro{}
	var sum api.Micro
	for _, who := range []string{"ann", "bob", "carol", "seller"} {
		a, err := c.Ledger.Account(ctx, api.Account(who, "", ""))
		if err != nil {
			t.Fatal(err)
		}
		has[who] = a.Available
		sum += a.Available
	}
	if sum != 2*minted {
		t.Errorf("there is %s, and %s was made: %v", sum, api.Micro(2*minted), has)
	}
	if want := api.Micro(l.done["auction"]) * 2 * unit; has["seller"] != want {
		t.Errorf("the seller has %s of %d auctions", has["seller"], l.done["auction"])
	}
	if spent := minted - has["ann"]; spent != api.Micro(l.done["transfer"])*unit {
		t.Errorf("ann has spent %s in %d transfers", spent, l.done["transfer"])
	}
}

// judge looks for what must be in no log.
func (d *deployment) judge() {
	for _, m := range d.members {
		data, err := os.ReadFile(m.log)
		if err != nil {
			d.t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			for _, bad := range []string{"panic", "fatal error:", "[running]:", "contradict", "cannot be read", "is not readable", "unknown_field"} {
				if bytes.Contains(line, []byte(bad)) {
					d.t.Errorf("%s: %s", filepath.Base(m.log), bytes.TrimSpace(line))
				}
			}
		}
	}
}

// configured changes a setting: only this tree's services know of it.
func (d *deployment) configured(l *load) {
	ctx, end := short(d.t)
	defer end()
	if _, err := l.as["operator"].Config.Set(ctx, "coordination.waiters", 5000); err != nil {
		d.t.Errorf("set: %v", err)
	}
}
