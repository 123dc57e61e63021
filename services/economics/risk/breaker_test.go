package risk_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/risk"
	"github.com/mabus-project/mabus/shared/api"
)

// state is where a breaker stands.
func (w *world) state(name string) api.SystemicState {
	w.t.Helper()
	b, err := w.risk.Breaker(name)
	if err != nil {
		w.t.Fatal(err)
	}
	return b.State
}

// refuses tells whether the breakers refuse a command.
func (w *world) refuses(principal, kind, body string) bool {
	err := w.risk.Refuses(&act.Act{Time: w.now, Principal: principal, Operator: principal == operator}, kind, []byte(body))
	if err != nil && (api.CodeOf(err) != api.Unavailable || api.ReasonOf(err) != api.ReasonBreakerOpen) {
		w.t.Errorf("%s is refused by %v", kind, err)
	}
	return err != nil
}

func failures(v api.Decimal) api.RiskReport {
	return api.RiskReport{Metric: api.MetricAgentFailures, Value: v}
}

func spec(metric api.RiskMetric, threshold api.Decimal, refuse ...api.BreakerAction) api.SystemicBreakerSpec {
	return api.SystemicBreakerSpec{
		Name: "b", Metric: metric, Threshold: threshold, Refuse: refuse,
		Window: api.Duration(time.Hour), CoolDown: api.Duration(10 * time.Minute),
	}
}

func TestReportedBreaker(t *testing.T) {
	w := newWorld(t)
	refused(w, api.ReasonOperatorOnly, "a", "breakers.set", spec(api.MetricAgentFailures, 300_000, api.RefuseAuctions))
	s := spec(api.MetricAgentFailures, 300_000, api.RefuseAuctions, api.RefuseTransfers)
	s.Above = 5 * unit
	must[api.SystemicBreaker](w, operator, "breakers.set", s)
	must[api.HealthResponse](w, operator, "breakers.report", failures(300_000)) // not above it
	if w.state("b") != api.BreakerClosed || w.refuses("a", "auctions.create", "{}") {
		t.Error("it is not closed")
	}
	h := must[api.HealthResponse](w, operator, "breakers.report", failures(400_000))
	if w.state("b") != api.BreakerOpen || !slices.Equal(h.Open, []string{"b"}) {
		t.Errorf("it is not open: %+v", h)
	}
	for kind, row := range map[string]struct {
		by, body string
		want     bool
	}{
		"auctions.create":   {"a", `{}`, true},
		"auctions.bid":      {"a", `{}`, false},
		"markets.order":     {"a", `{}`, false},
		"accounts.transfer": {"a", `{"amount":"5000001"}`, true},
	} {
		if got := w.refuses(row.by, kind, row.body); got != row.want {
			t.Errorf("%s: refused %v", kind, got)
		}
	}
	if w.refuses("a", "accounts.transfer", `{"amount":"5000000"}`) || w.refuses("a", "accounts.transfer", `{`) || w.refuses(operator, "auctions.create", `{}`) {
		t.Error("it refuses too much")
	}
	// Worse reports while it is open are no new trip.
	must[api.HealthResponse](w, operator, "breakers.report", failures(900_000))
	w.pass(9 * time.Minute)
	if w.state("b") != api.BreakerOpen {
		t.Error("it has closed before its cool-down is over")
	}
	w.pass(time.Minute)
	if w.state("b") != api.BreakerHalfOpen || w.refuses("a", "auctions.create", "{}") {
		t.Error("it is not half open: what was reported before does not count")
	}
	must[api.HealthResponse](w, operator, "breakers.report", failures(900_000))
	if w.state("b") != api.BreakerOpen {
		t.Error("half open, it does not trip")
	}
	w.pass(10 * time.Minute)
	must[api.HealthResponse](w, operator, "breakers.report", failures(100_000))
	w.pass(time.Hour)
	list := w.risk.ListBreakers()
	if w.state("b") != api.BreakerClosed || len(list.Trips) != 2 || list.Trips[0].Value != 900_000 || list.Trips[1].Value != 400_000 ||
		list.Breakers[0].Trips != 2 {
		t.Errorf("%+v", list)
	}
	if len(w.timers) != 0 {
		t.Errorf("timers %v are left", w.timers)
	}
	refused(w, api.ReasonBreakerNotFound, operator, "breakers.reset", api.NameRequest{Name: "c"})
	must[api.HealthResponse](w, operator, "breakers.report", failures(900_000))
	must[api.SystemicBreaker](w, operator, "breakers.reset", api.NameRequest{Name: "b"})
	if w.state("b") != api.BreakerClosed || w.refuses("a", "auctions.create", "{}") {
		t.Error("it is not reset")
	}
	must[api.HealthResponse](w, operator, "breakers.report", failures(900_000))
	must[api.DeregisterResponse](w, operator, "breakers.remove", api.NameRequest{Name: "b"})
	if len(w.risk.Breakers) != 0 || w.refuses("a", "auctions.create", "{}") || len(w.timers) != 0 {
		t.Error("it is not gone")
	}
}

func TestContractFailures(t *testing.T) {
	w := newWorld(t)
	w.figures = risk.Figures{Breached: 500, Ended: 1000} // before the window: they do not count
	must[api.SystemicBreaker](w, operator, "breakers.set", spec(api.MetricContractFailures, 200_000, api.RefuseOrders))
	step := func(breached, ended int64) {
		w.figures.Breached += breached
		w.figures.Ended += ended
		w.pass(time.Hour/16 + time.Second)
	}
	step(9, 9) // fewer than ten are no sample
	if w.state("b") != api.BreakerClosed {
		t.Error("it tripped of nine contracts")
	}
	step(0, 41)
	if b, _ := w.risk.Breaker("b"); b.State != api.BreakerClosed || b.Value == nil || *b.Value != 180_000 {
		t.Errorf("%+v", b)
	}
	step(2, 2)
	if b, _ := w.risk.Breaker("b"); b.State != api.BreakerOpen || *b.Value != 211_538 || !w.refuses("a", "markets.trade", "{}") {
		t.Errorf("%+v", b)
	}
	w.pass(10 * time.Minute)
	step(0, 100)
	w.pass(2 * time.Hour)
	if w.state("b") != api.BreakerClosed {
		t.Error("it has not closed")
	}
}

func TestSlashingRate(t *testing.T) {
	w := newWorld(t)
	must[api.SystemicBreaker](w, operator, "breakers.set", func() any {
		s := spec(api.MetricSlashing, 100_000, api.RefusePolicies)
		s.Window = api.Duration(2 * day)
		return s
	}())
	w.stake("a", 100*unit)
	w.stake("b", 300*unit)
	w.convict("v1", "b", "task_abandonment", 0) // 30 of 400
	w.pass(day + 4*time.Hour)
	if b, _ := w.risk.Breaker("b"); b.State != api.BreakerClosed || *b.Value != 75_000 {
		t.Errorf("%+v", b)
	}
	w.convict("v2", "a", "quality_fraud", 0)
	w.pass(day + 4*time.Hour)
	if got := w.risk.ListBreakers(); len(got.Trips) != 1 || got.Trips[0].Metric != api.MetricSlashing {
		t.Errorf("%+v", got)
	}
}

func TestReputationDrop(t *testing.T) {
	w := newWorld(t)
	for i := range 4 {
		w.stake(fmt.Sprint("a", i), 100*unit)
		w.rate(fmt.Sprint("a", i), api.One, 20)
	}
	must[api.SystemicBreaker](w, operator, "breakers.set", spec(api.MetricReputationDrop, 100_000, api.RefuseTenders))
	w.pass(10 * time.Minute)
	if b, _ := w.risk.Breaker("b"); b.State != api.BreakerClosed || b.Value == nil || *b.Value > 1000 {
		t.Errorf("%+v", b)
	}
	for i := range 2 {
		w.rate(fmt.Sprint("a", i), 0, 20)
	}
	w.pass(5 * time.Minute)
	if !w.refuses("a", "tenders.announce_many", "{}") {
		t.Error("it has not tripped")
	}
}

func TestVolatility(t *testing.T) {
	w := newWorld(t)
	must[api.SystemicBreaker](w, operator, "breakers.set", spec(api.MetricVolatility, 300_000, api.RefuseOrders))
	for _, step := range []struct {
		m, n api.Micro
		want api.Decimal // of the mean, or -1
	}{
		{100, 0, -1}, {100, 0, 0}, {80, 50, 200_000}, {100, 50, 100_000}, {20, 50, 400_000},
	} {
		w.figures.Prices = []risk.Price{{Market: "m", Price: step.m * unit}}
		if step.n > 0 {
			w.figures.Prices = append(w.figures.Prices, risk.Price{Market: "n", Price: step.n * unit})
		}
		w.pass(time.Hour/16 + time.Second)
		b, _ := w.risk.Breaker("b")
		if (b.Value == nil) != (step.want < 0) || b.Value != nil && *b.Value != step.want {
			t.Errorf("%+v: %v", step, b.Value)
		}
	}
	if w.state("b") != api.BreakerOpen {
		t.Error("it has not tripped")
	}
	h := w.risk.Health(w.reputation.Draft(), w.now)
	if h.Volatility == nil || *h.Volatility != 400_000 || h.Health == nil || *h.Health != 600_000 || h.Reputation != nil || h.AgentFailures != nil {
		t.Errorf("%+v", h)
	}
}

// The reference counted a loss of confidence of 0.3 as a volatility of -0.3, so that it did the health good: 0.8125.
func TestHealth(t *testing.T) {
	d := func(v api.Decimal) *api.Decimal { return &v }
	for _, row := range []struct {
		agents, coordination, reputation, volatility *api.Decimal
		want                                         api.Decimal
	}{
		{d(400_000), d(350_000), d(700_000), d(-300_000), 812_500},
		{d(400_000), d(350_000), d(700_000), d(300_000), 662_500},
		{d(0), d(0), d(800_000), d(0), 950_000},
		{d(400_000), nil, nil, nil, 600_000},
	} {
		if got, ok := risk.Health(row.agents, row.coordination, row.reputation, row.volatility); !ok || got != row.want {
			t.Errorf("%s, want %s", got, row.want)
		}
	}
	if _, ok := risk.Health(nil, nil, nil, nil); ok {
		t.Error("there is a health of nothing")
	}
}

func TestBreakersAreBounded(t *testing.T) {
	w := newWorld(t)
	for i := range api.MaxBreakers {
		s := spec(api.MetricAgentFailures, 0, api.RefuseOrders)
		s.Name = fmt.Sprint("b", i)
		must[api.SystemicBreaker](w, operator, "breakers.set", s)
	}
	refused(w, api.ReasonManyBreakers, operator, "breakers.set", spec(api.MetricAgentFailures, 0, api.RefuseOrders))
	for range 5 {
		must[api.HealthResponse](w, operator, "breakers.report", failures(1))
		w.pass(10 * time.Minute)
	}
	if got := w.risk.ListBreakers(); len(got.Trips) != api.MaxTrips || len(w.risk.Books["book"].Trips) > 2*api.MaxTrips {
		t.Errorf("%d trips", len(got.Trips))
	}
	for _, s := range []api.SystemicBreakerSpec{
		{},
		{Name: "b", Metric: "x"},
		{Name: "b", Metric: api.MetricSlashing},
		{Name: "b", Metric: api.MetricSlashing, Refuse: []api.BreakerAction{"all"}},
		{Name: "b", Metric: api.MetricSlashing, Threshold: api.One, Refuse: api.BreakerActions},
		{Name: "b", Metric: api.MetricSlashing, Refuse: api.BreakerActions, Window: 1},
	} {
		refused(w, string(api.Invalid), operator, "breakers.set", s)
	}
	refused(w, string(api.Invalid), operator, "breakers.report", api.RiskReport{Metric: api.MetricSlashing})
	refused(w, string(api.Invalid), operator, "breakers.report", failures(2*api.One))
}
