package alerts_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/services/perfmon/alerts"
	"github.com/mabus-project/mabus/services/perfmon/alerts/episode"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// patience bounds what a loaded machine may take for something that should come at once.
const patience = 30 * time.Second

// quick applies rules and repeats deliveries as often as a test wants.
var quick = alerts.Config{Every: 20 * time.Millisecond, Pause: 20 * time.Millisecond, AckWait: time.Second}

// world is a server, replicas and a client.
type world struct {
	*client.Client
	srv      *natstest.Server
	replicas []*replica
}

// replica is a replica on a connection of its own.
type replica struct {
	*perfmon.Service
	conn *rpc.Conn
	stop func() // early; it is stopped when the test ends
}

func newWorld(t testing.TB, replicas int, cfg alerts.Config) *world {
	t.Helper()
	w := &world{srv: natstest.Start(t)}
	for range replicas {
		w.start(t, cfg)
	}
	c, err := client.Connect(t.Context(), client.Options{URL: w.srv.URL(), Principal: "ann", Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w.Client = c
	return w
}

func (w *world) start(t testing.TB, cfg alerts.Config) *replica {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: w.srv.URL(), Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := perfmon.Start(ctx, conn, perfmon.Config{Interval: 20 * time.Millisecond, Alerts: cfg})
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{Service: s, conn: conn}
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		_ = s.Stop(ctx) // one whose connection was cut cannot end in good order
		conn.Close()
	}
	t.Cleanup(r.stop)
	natstest.Eventually(t, patience, s.Ready, "the replica is ready")
	w.replicas = append(w.replicas, r)
	return r
}

// record records a sample of a custom source.
func (w *world) record(t testing.TB, id string, value float64) {
	t.Helper()
	v := api.Measure(value)
	natstest.Eventually(t, patience, func() bool { // who has it may die
		return w.Metrics.Record(t.Context(), api.MetricRecord{Metric: "heat", ID: id, Value: &v}) == nil
	}, "it is recorded")
}

// add adds a rule about heat above 100, which looks at the last second.
func (w *world) add(t testing.TB, change func(r *api.AlertRule)) *api.AlertRule {
	t.Helper()
	threshold := api.Measure(100)
	r := api.AlertRule{ID: "hot", Metric: "heat", Kind: api.SourceCustom, Statistic: api.StatMax, Comparison: api.GreaterThan, Threshold: &threshold, Window: api.Duration(time.Second)}
	if change != nil {
		change(&r)
	}
	rule, err := w.Alerts.AddRule(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return rule
}

// comes records a value until the alert about a source is as it should be.
func (w *world) comes(t testing.TB, id string, value float64, should func(a *api.Alert) bool, what string) *api.Alert {
	t.Helper()
	var got *api.Alert
	natstest.Eventually(t, patience, func() bool {
		w.record(t, id, value)
		got = w.alert(t, id)
		return got != nil && should(got)
	}, "%s: %s", id, what)
	return got
}

func active(a *api.Alert) bool  { return a.Status == api.AlertActive }
func cleared(a *api.Alert) bool { return a.Status == api.AlertCleared }

// inThe has an alert be as it should be in one of its episodes: a replica that is asked by chance, and has not read the latest of the
// bucket yet, still tells of the one before.
func inThe(episode uint64, should func(a *api.Alert) bool) func(a *api.Alert) bool {
	return func(a *api.Alert) bool { return a.Episode >= episode && should(a) }
}

// alert returns the alert about a source, or nil.
func (w *world) alert(t testing.TB, id string) *api.Alert {
	t.Helper()
	for a, err := range w.Alerts.List(t.Context(), api.AlertsListRequest{Source: id}) {
		if err != nil {
			t.Fatal(err)
		}
		return &a
	}
	return nil
}

// told returns what has happened to the alert of a source, in the order in which it has: of the replicas that tell of it, each tells what it
// gets.
func (w *world) told(t testing.TB, id string) (list []string) {
	t.Helper()
	a := w.alert(t, id)
	if a == nil {
		return nil
	}
	for e, err := range w.Events.Query(t.Context(), api.EventQueryRequest{EventFilter: api.EventFilter{Type: "mabus.alerts.*", Subject: a.ID}, Order: api.EventsByTime}) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e.Type[len("mabus.alerts."):])
	}
	return list
}

// toldIs waits until all that has happened is known, and is that.
func (w *world) toldIs(t testing.TB, id string, want ...string) {
	t.Helper()
	var got []string
	natstest.Eventually(t, patience, func() bool {
		got = w.told(t, id)
		return len(got) >= len(want)
	}, "%s has %v happen", id, want)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", id, got, want)
	}
}

var raised, over = episode.Raised, episode.Cleared
