package alerts_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// pager is a webhook that remembers what it took.
type pager struct {
	*httptest.Server
	mu     sync.Mutex
	hits   int
	events []api.Event
	faults []string
	answer func(w http.ResponseWriter, hit int) bool // writes another answer, and the event is not taken
}

func newPager(t testing.TB, token string, answer func(w http.ResponseWriter, hit int) bool) *pager {
	p := &pager{answer: answer}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var e api.Event
		p.mu.Lock()
		p.hits++
		hit := p.hits
		if err != nil || codec.Read(body, &e) != nil || r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/cloudevents+json") ||
			r.Header.Get("Idempotency-Key") != e.ID || token != "" && r.Header.Get("Authorization") != "Bearer "+token {
			p.faults = append(p.faults, r.Method+" "+string(body))
		}
		p.mu.Unlock()
		if p.answer != nil && p.answer(w, hit) {
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if !slices.ContainsFunc(p.events, func(o api.Event) bool { return o.ID == e.ID }) { // as receivers are told to
			p.events = append(p.events, e)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// took returns what it took about a source, in the order of the changes.
func (p *pager) took(source string) (list []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	type one struct {
		at   time.Time
		name string
	}
	var all []one
	for _, e := range p.events {
		var a api.Alert
		if codec.Read(e.Data, &a) == nil && (source == "" || a.Series.ID == source) {
			all = append(all, one{e.Time, strings.TrimPrefix(e.Type, "mabus.alerts.")})
		}
	}
	slices.SortFunc(all, func(a, b one) int { return a.at.Compare(b.at) })
	for _, o := range all {
		list = append(list, o.name)
	}
	return list
}

func TestRoutesGetExactlyTheEpisodes(t *testing.T) {
	t.Setenv("MABUS_ALERT_TOKEN", "s3cret")
	w := newWorld(t, 3, quick)
	p := newPager(t, "s3cret", nil)
	t.Setenv("MABUS_ALERT_URL", p.URL+"/hidden")
	var mu sync.Mutex
	heard, ids := map[string]int{}, map[string]bool{}
	nc := w.srv.Connect(t)
	sub, err := nc.Subscribe("mabus.alert.ops.pager", func(m *nats.Msg) {
		var e api.Event
		mu.Lock()
		defer mu.Unlock()
		if codec.Read(m.Data, &e) == nil && !ids[e.ID] { // it may come twice, with the same id
			ids[e.ID] = true
			heard[e.Type]++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	w.add(t, func(r *api.AlertRule) {
		r.Route = &api.AlertRoute{Subject: "ops.pager", Webhook: &api.AlertWebhook{URLEnv: "MABUS_ALERT_URL", KeyEnv: "MABUS_ALERT_TOKEN"}}
	})
	a := w.comes(t, "oven", 200, active, "it is raised")
	if _, err := w.Alerts.Ack(t.Context(), a.ID, ""); err != nil { // which is nobody's business
		t.Fatal(err)
	}
	w.comes(t, "oven", 1, cleared, "it ends")
	w.comes(t, "oven", 200, inThe(2, active), "it is raised again")
	natstest.Eventually(t, patience, func() bool { return len(p.took("oven")) >= 3 }, "the webhook has it all")
	if got := p.took("oven"); !slices.Equal(got, []string{raised, over, raised}) || len(p.faults) > 0 {
		t.Errorf("got %v, faults %v", got, p.faults)
	}
	natstest.Eventually(t, patience, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return heard["mabus.alerts.raised"] == 2 && heard["mabus.alerts.cleared"] == 1 && len(heard) == 2
	}, "the subject has it all")
	for e, err := range w.Events.Query(t.Context(), api.EventQueryRequest{EventFilter: api.EventFilter{Type: "mabus.alerts.*"}}) {
		if err != nil || strings.Contains(string(e.Data), "s3cret") || strings.Contains(string(e.Data), "hidden") {
			t.Errorf("%v: an event tells a secret: %s", err, e.Data)
		}
	}
}

// While the webhook is down it is asked rarely; when it is back it gets what it missed.
func TestAWebhookThatWasDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, quick)
	var down sync.Mutex
	up := false
	p := newPager(t, "", func(w http.ResponseWriter, _ int) bool {
		down.Lock()
		defer down.Unlock()
		if !up {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return !up
	})
	w.add(t, func(r *api.AlertRule) {
		r.Route = &api.AlertRoute{Webhook: &api.AlertWebhook{URL: p.URL, Guard: api.GuardSpec{
			Retry: &api.RetrySpec{Attempts: 1}, Breaker: &api.BreakerSpec{Failures: 2, Open: api.Duration(100 * time.Millisecond)},
		}}}
	})
	w.comes(t, "oven", 200, active, "it is raised")
	w.comes(t, "oven", 1, cleared, "it ends")
	natstest.Eventually(t, patience, func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.hits >= 4 }, "it is tried")
	if got := p.took("oven"); len(got) > 0 {
		t.Fatalf("it was down and took %v", got)
	}
	down.Lock()
	up = true
	down.Unlock()
	natstest.Eventually(t, patience, func() bool { return slices.Equal(p.took("oven"), []string{raised, over}) }, "it gets what it missed")
	if u, err := w.Alerts.Undelivered(t.Context(), 0); err != nil || u.Total != 0 {
		t.Errorf("%v %+v", err, u)
	}
}

// The breaker keeps from a dead webhook what would be tried, and what is given up is kept and counted.
func TestWhatIsGivenUpIsKept(t *testing.T) {
	t.Parallel()
	cfg := quick
	cfg.GiveUp = 5 * time.Second // in which a slow machine makes two tries, too
	w := newWorld(t, 1, cfg)
	p := newPager(t, "", func(w http.ResponseWriter, _ int) bool { w.WriteHeader(http.StatusBadGateway); return true })
	w.add(t, func(r *api.AlertRule) {
		r.Route = &api.AlertRoute{Webhook: &api.AlertWebhook{URL: p.URL, Guard: api.GuardSpec{
			Retry: &api.RetrySpec{Attempts: 1}, Breaker: &api.BreakerSpec{Failures: 2, Open: api.Duration(time.Hour)},
			Bulkhead: &api.BulkheadSpec{Concurrent: 2, Waiting: 5}, // or one that finds two there is refused for want of room
		}}}
	})
	sources := []string{"a", "b", "c", "d", "e"}
	for _, id := range sources {
		w.record(t, id, 200)
	}
	var u *api.UndeliveredResponse
	natstest.Eventually(t, patience, func() (all bool) {
		for _, id := range sources {
			w.record(t, id, 200)
		}
		var err error
		if u, err = w.Alerts.Undelivered(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		return u.Total == len(sources)
	}, "all are given up")
	for _, l := range u.Undelivered {
		if !strings.Contains(l.Error, "open") || l.Tries < 2 || l.Rule != "hot" || !strings.Contains(p.URL, l.To) || l.Event.Type != "mabus.alerts.raised" {
			t.Errorf("got %+v", l)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hits > 4 { // two failures open it, with as many under way
		t.Errorf("a webhook behind an open breaker was asked %d times", p.hits)
	}
	if h, err := w.Health(t.Context()); err != nil || h.Alerts.Undelivered != len(sources) {
		t.Errorf("%v %+v", err, h.Alerts)
	}
}

// A replica dies while it delivers: another one does.
func TestADeliveryThatDiesWithItsReplica(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, quick)
	hangs, end := make(chan struct{}, 1), make(chan struct{})
	p := newPager(t, "", func(http.ResponseWriter, int) bool {
		select {
		case <-end:
			return false
		default:
		}
		hangs <- struct{}{}
		<-end
		return true // who asked is gone
	})
	w.add(t, func(r *api.AlertRule) {
		r.Route = &api.AlertRoute{Webhook: &api.AlertWebhook{URL: p.URL, Guard: api.GuardSpec{Timeout: api.Duration(patience), Bulkhead: &api.BulkheadSpec{Concurrent: 1}}}}
	})
	for alive := true; alive; {
		w.record(t, "oven", 200)
		select {
		case <-hangs:
			alive = false
		default:
		}
	}
	w.replicas[0].conn.NC.Close()
	close(end)
	w.start(t, quick)
	natstest.Eventually(t, patience, func() bool { return slices.Equal(p.took("oven"), []string{raised}) }, "another replica delivers it")
}
