package alerts

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/mabus-project/mabus/services/perfmon/alerts/episode"
	"github.com/mabus-project/mabus/services/perfmon/view"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
)

const (
	seldom    = 30 * time.Second // a rule is applied as often at least
	share     = 20               // of the time that a rule takes passes before it is applied again
	still     = 5 * time.Second  // a log that has not moved for so long tells nothing
	writeTime = 5 * time.Second  // for one change of an alert
)

// applied is what the replica knows of the rules that it applies.
type applied struct {
	mu sync.Mutex
	by map[string]*application
}

// application is one rule at work. But for state it is of the goroutine of evaluate alone.
type application struct {
	version uint64 // of the rule, and when it was changed
	changed time.Time
	watch   episode.Watch
	due     time.Time

	state api.AlertRuleState // under the lock of applied; without the rule
}

// state returns how a rule is applied.
func (a *applied) state(id string) api.AlertRuleState {
	a.mu.Lock()
	defer a.mu.Unlock()
	if app := a.by[id]; app != nil {
		return app.state
	}
	return api.AlertRuleState{}
}

// pulse tells since when the log was followed without a break.
type pulse struct {
	asOf    time.Time // of the last look, by the log's clock
	moved   time.Time // when it was first seen, by this machine's
	since   time.Time // by the log's clock
	current bool
}

func (p *pulse) look(asOf time.Time, ready bool, now time.Time) bool {
	if !p.asOf.Equal(asOf) {
		p.asOf, p.moved = asOf, now
	}
	alive := ready && !asOf.IsZero() && now.Sub(p.moved) < still
	if alive && !p.current {
		p.since = asOf
	}
	p.current = alive
	return alive
}

// evaluate applies the rules until ctx ends.
func (s *Store) evaluate(ctx context.Context) {
	var p pulse
	for await.Pause(ctx, s.every()) {
		var asOf time.Time
		s.cfg.Look(func(v *view.View) { asOf = v.AsOf() })
		if !p.look(asOf, s.cfg.Current() && s.Ready(), time.Now()) {
			continue
		}
		active := s.active()
		s.endStrays(ctx, active, asOf)
		for _, r := range s.rulesNow() {
			if ctx.Err() != nil {
				return
			}
			s.apply(ctx, r, active[r.ID], p.since)
		}
	}
}

// rulesNow returns the rules that are not disabled, with their defaults, and forgets the others.
func (s *Store) rulesNow() []*api.AlertRule {
	var list []*api.AlertRule
	s.rules.Range(func(_ string, r *api.AlertRule, _ uint64) bool {
		if !r.Disabled {
			rule := r.WithDefaults()
			list = append(list, &rule)
		}
		return true
	})
	known := make(map[string]bool, len(list))
	for _, r := range list {
		known[r.ID] = true
	}
	s.applied.mu.Lock()
	defer s.applied.mu.Unlock()
	for id := range s.applied.by {
		if !known[id] {
			delete(s.applied.by, id)
		}
	}
	return list
}

// active returns the alerts that stand, by their rules.
func (s *Store) active() map[string][]*api.Alert {
	by := map[string][]*api.Alert{}
	s.alerts.Range(func(_ string, a *api.Alert, _ uint64) bool {
		if a.Status == api.AlertActive {
			by[a.Rule] = append(by[a.Rule], a)
		}
		return true
	})
	return by
}

// apply applies a rule if it is due.
func (s *Store) apply(ctx context.Context, r *api.AlertRule, active []*api.Alert, since time.Time) {
	begin := time.Now()
	s.applied.mu.Lock()
	app := s.applied.by[r.ID]
	if app == nil || app.version != r.Version || !app.changed.Equal(r.ChangedAt) { // what was seen under another rule does not count
		app = &application{version: r.Version, changed: r.ChangedAt}
		s.applied.by[r.ID] = app
	}
	s.applied.mu.Unlock()
	if begin.Before(app.due) {
		return
	}
	look, err := s.look(r, since)
	state, took := api.AlertRuleState{}, time.Since(begin)
	if err != nil {
		state.Problem = err.Error()
	} else {
		found := app.watch.Step(r, look, active)
		took = time.Since(begin) // and what is stored then takes no processor
		state.EvaluatedAt, state.Series = look.At, len(look.Figures)
		// In no order, so that replicas that find the same do not all try the same first.
		rand.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
		for i := range found {
			if ctx.Err() != nil {
				return
			}
			if err := s.settle(ctx, &found[i]); err != nil {
				state.Problem = "an alert could not be stored: " + err.Error()
				s.cfg.Log.Debug().Err(err).Str("rule", r.ID).Msg("an alert is decided on again")
			}
		}
	}
	every := min(max(r.Window.Std()/12, s.every()), seldom)
	if r.Absent > 0 {
		every = min(every, max(r.Absent.Std()/5, s.every()))
	}
	every = max(every, share*took)
	app.due, state.Every = begin.Add(every), api.Duration(every.Round(time.Millisecond))
	s.applied.mu.Lock()
	app.state = state
	s.applied.mu.Unlock()
}

// look takes out of the view what a rule is about, as of the view's own time.
func (s *Store) look(r *api.AlertRule, since time.Time) (*episode.Look, error) {
	look := &episode.Look{Since: since}
	var sel *view.Selection
	var heard []view.Heard
	var err error
	s.cfg.Look(func(v *view.View) {
		look.At = v.AsOf()
		sel, _, err = v.Select(view.Question{Selector: r.Selector(), Time: api.MetricTime{Last: r.Window}, Now: look.At})
		if r.Absent > 0 {
			heard = v.Heard(r.Selector())
		}
	})
	if err != nil {
		return nil, err
	}
	list := sel.Summaries()
	look.Figures = make([]episode.Figure, 0, len(list)+len(heard))
	for i := range list {
		look.Figures = append(look.Figures, episode.FigureOf(r, &list[i]))
	}
	for _, h := range heard {
		look.Figures = append(look.Figures, episode.Figure{Series: h.Series, Last: h.At})
	}
	return look, nil
}

// settle has a finding decided on, and stores what comes of it.
func (s *Store) settle(ctx context.Context, f *episode.Finding) error {
	old, _, _ := s.alerts.Get(f.ID)
	next, _ := episode.Decide(old, f, s.cfg.Damping)
	if next == old {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	if old == nil || old.Status != api.AlertActive {
		if old == nil && s.alerts.Len() >= api.MaxAlerts {
			s.suppressed.Add(1)
			return nil
		}
		// A rule that was changed a moment ago raises nothing any more.
		now, err := s.ruleTable.Get(ctx, f.Rule.ID)
		if err != nil || now.Value == nil || now.Value.Version != f.Rule.Version || !now.Value.ChangedAt.Equal(f.Rule.ChangedAt) {
			return err
		}
	}
	_, err := s.alertTable.Update(ctx, api.Cause{}, f.ID, func(old *api.Alert, _ time.Time) (*api.Alert, string, error) {
		next, event := episode.Decide(old, f, s.cfg.Damping)
		return next, event, nil
	})
	return err
}

// endStrays ends alerts whose rules are gone or about something else now.
func (s *Store) endStrays(ctx context.Context, active map[string][]*api.Alert, asOf time.Time) {
	for id, list := range active {
		rule, _, _ := s.rules.Get(id)
		for _, a := range list {
			if rule != nil && episode.Covers(rule, a) || ctx.Err() != nil {
				continue
			}
			if err := s.endStray(ctx, a, asOf); err != nil {
				s.cfg.Log.Debug().Err(err).Str("rule", id).Msg("an alert without a rule is ended later")
			}
		}
	}
}

func (s *Store) endStray(ctx context.Context, a *api.Alert, asOf time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	now, err := s.ruleTable.Get(ctx, a.Rule) // the mirror may not know it yet
	if err != nil || now.Value != nil && episode.Covers(now.Value, a) {
		return err
	}
	_, err = s.alertTable.Update(ctx, api.Cause{}, a.ID, func(old *api.Alert, _ time.Time) (*api.Alert, string, error) {
		next, event := episode.End(old, asOf, api.EndRule)
		return next, event, nil
	})
	return err
}
