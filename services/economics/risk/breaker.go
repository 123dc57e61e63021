package risk

import (
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/shared/api"
)

// breakerOf names the entity of a breaker.
func breakerOf(name string) string { return "breaker/" + name }

// Breaker is a breaker, by its name.
type Breaker struct {
	api.SystemicBreaker
	// Since is from when on what is measured counts.
	Since time.Time `json:"since"`
	// Samples are what was measured in the window, the oldest first.
	Samples []Sample `json:"samples,omitempty"`
}

// Clone returns a copy. A sample never changes.
func (b *Breaker) Clone() *Breaker {
	c := *b
	c.Samples = slices.Clone(b.Samples)
	return &c
}

// samplesPerWindow is how often a breaker that measures by itself does so.
const samplesPerWindow = 16

// defaults of a spec.
const (
	defaultWindow     = api.Duration(time.Hour)
	defaultMinSamples = 10
)

func setBreaker(a *act.Act, d *Draft, r *api.SystemicBreakerSpec) (*api.SystemicBreaker, error) {
	if err := a.NeedOperator(); err != nil {
		return nil, err
	}
	if _, ok := d.breakers.Get(r.Name); !ok && d.breakers.Len() >= api.MaxBreakers {
		return nil, api.Errorf(api.Overloaded, "there are %d breakers, which is as many as there can be", api.MaxBreakers).WithReason(api.ReasonManyBreakers)
	}
	spec := *r
	spec.Refuse = slices.Compact(slices.Sorted(slices.Values(r.Refuse)))
	if spec.Window == 0 {
		spec.Window = defaultWindow
	}
	if spec.CoolDown == 0 {
		spec.CoolDown = spec.Window
	}
	if spec.MinSamples == 0 {
		spec.MinSamples = defaultMinSamples
	}
	b := &Breaker{SystemicBreaker: api.SystemicBreaker{SystemicBreakerSpec: spec}}
	if old, ok := d.breakers.Get(r.Name); ok {
		b.Trips = old.Trips
	}
	d.breakers.Put(spec.Name, b)
	d.begin(a, b, api.BreakerClosed, time.Time{})
	return &b.Clone().SystemicBreaker, nil
}

// begin brings a breaker into a state, and sets when it is looked at again. What was measured before does not count any more.
func (d *Draft) begin(a *act.Act, b *Breaker, state api.SystemicState, until time.Time) {
	b.State, b.ChangedAt, b.Until, b.Since, b.Samples = state, a.Time, until, a.Time, nil
	book := d.book()
	book.Open = slices.DeleteFunc(book.Open, func(o OpenBreaker) bool { return o.Name == b.Name })
	if state == api.BreakerOpen {
		book.Open = append(book.Open, OpenBreaker{b.Name, b.Metric, b.Refuse, b.Above})
		slices.SortFunc(book.Open, func(a, b OpenBreaker) int { return strings.Compare(a.Name, b.Name) })
	} else if !b.Metric.Reported() {
		b.Samples = []Sample{d.sample(a, b.Metric)}
	}
	d.wake(a, b)
	a.Changed(breakerOf(b.Name))
}

// wake sets when the breaker is looked at again: when it may close, or measures.
func (d *Draft) wake(a *act.Act, b *Breaker) {
	next := b.Until
	if b.State != api.BreakerOpen && !b.Metric.Reported() {
		tick := a.Time.Add(max(b.Window.Std()/samplesPerWindow, time.Second))
		if next.IsZero() || tick.Before(next) {
			next = tick
		}
	}
	a.At("risk/"+breakerOf(b.Name), next)
}

// tick is a breaker whose time has come.
func (d *Draft) tick(a *act.Act, name string) {
	b, ok := d.breakers.Edit(name)
	if !ok {
		return
	}
	if b.State == api.BreakerOpen {
		if a.Time.Before(b.Until) {
			d.wake(a, b)
			return
		}
		d.begin(a, b, api.BreakerHalfOpen, a.Time.Add(b.Window.Std()))
		return
	}
	d.watch(a, b)
}

// watch measures, and trips the breaker or, after a window without cause, closes it.
func (d *Draft) watch(a *act.Act, b *Breaker) {
	if !b.Metric.Reported() {
		b.add(d.sample(a, b.Metric), a.Time.Add(-b.Window.Std()))
	}
	value, ok := d.measure(b, a.Time)
	if ok {
		b.Value, b.MeasuredAt = &value, a.Time
	}
	switch {
	case ok && value > b.Threshold:
		d.trip(a, b, value)
	case b.State == api.BreakerHalfOpen && !a.Time.Before(b.Until):
		d.begin(a, b, api.BreakerClosed, time.Time{})
	default:
		d.wake(a, b)
	}
}

func (d *Draft) trip(a *act.Act, b *Breaker, value api.Decimal) {
	b.Trips++
	book := d.book()
	if len(book.Trips) >= 2*api.MaxTrips {
		book.Trips = slices.Clone(book.Trips[len(book.Trips)-api.MaxTrips+1:])
	}
	book.Trips = append(book.Trips, api.BreakerTrip{
		Breaker: b.Name, Metric: b.Metric, Value: value, Threshold: b.Threshold, At: a.Time, Refuse: b.Refuse,
	})
	d.begin(a, b, api.BreakerOpen, a.Time.Add(b.CoolDown.Std()))
}

func removeBreaker(a *act.Act, d *Draft, r *api.NameRequest) (*api.DeregisterResponse, error) {
	if err := a.NeedOperator(); err != nil {
		return nil, err
	}
	b, ok := d.breakers.Edit(r.Name)
	if ok {
		d.begin(a, b, api.BreakerClosed, time.Time{})
		d.breakers.Delete(r.Name)
		a.At("risk/"+breakerOf(r.Name), time.Time{})
	}
	return &api.DeregisterResponse{Existed: ok}, nil
}

func noBreaker(name string) error {
	return api.Errorf(api.NotFound, "there is no breaker %s", name).WithReason(api.ReasonBreakerNotFound)
}

func resetBreaker(a *act.Act, d *Draft, r *api.NameRequest) (*api.SystemicBreaker, error) {
	if err := a.NeedOperator(); err != nil {
		return nil, err
	}
	b, ok := d.breakers.Edit(r.Name)
	if !ok {
		return nil, noBreaker(r.Name)
	}
	d.begin(a, b, api.BreakerClosed, time.Time{})
	return &b.Clone().SystemicBreaker, nil
}

// Report is the last report of a metric.
type Report struct {
	Value api.Decimal `json:"value"`
	At    time.Time   `json:"at"`
}

func reportMetric(a *act.Act, d *Draft, r *api.RiskReport) (*api.HealthResponse, error) {
	if err := a.NeedOperator(); err != nil {
		return nil, err
	}
	book := d.book()
	if book.Reports == nil {
		book.Reports = map[api.RiskMetric]Report{}
	}
	book.Reports[r.Metric] = Report{r.Value, a.Time}
	for _, name := range d.breakers.IDs() {
		if b, _ := d.breakers.Get(name); b.Metric == r.Metric && b.State != api.BreakerOpen {
			b, _ = d.breakers.Edit(name)
			d.watch(a, b)
			a.Changed(breakerOf(name))
		}
	}
	a.Changed("health")
	return d.health(a.Reputation, a.Time), nil
}
