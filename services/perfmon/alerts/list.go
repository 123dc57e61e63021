package alerts

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/perfmon/alerts/episode"
	"github.com/mabus-project/mabus/services/perfmon/view"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

func page(limit int) int {
	if limit == 0 {
		return api.DefaultPage
	}
	return limit
}

func (s *Store) known(a *api.Alert, token string) *api.Alert {
	alert := *a
	alert.Revision = token
	return &alert
}

func (s *Store) list(ctx context.Context, r *api.AlertsListRequest) (*api.AlertsListResponse, error) {
	if err := reach(ctx, s.alertBucket, s.alerts, r.MinRevision); err != nil {
		return nil, err
	}
	resp := &api.AlertsListResponse{Alerts: []api.Alert{}, Suppressed: s.suppressed.Load(), Revision: s.alertBucket.Token(s.alerts.Revision())}
	s.alerts.Range(func(_ string, a *api.Alert, rev uint64) bool {
		if a.Status == api.AlertActive {
			resp.Active++
		}
		if (r.Status == "" || r.Status == a.Status) && (r.Severity == "" || r.Severity == a.Severity) && (r.Rule == "" || r.Rule == a.Rule) &&
			(r.Source == "" || r.Source == a.Series.ID) && a.ID > r.Cursor {
			resp.Alerts = append(resp.Alerts, *s.known(a, s.alertBucket.Token(rev)))
		}
		return true
	})
	slices.SortFunc(resp.Alerts, func(a, b api.Alert) int { return strings.Compare(a.ID, b.ID) })
	if n := page(r.Limit); len(resp.Alerts) > n {
		resp.Alerts = resp.Alerts[:n]
		resp.Next = resp.Alerts[n-1].ID
	}
	return resp, nil
}

func noAlert(id string) *api.Error {
	return api.Errorf(api.NotFound, "there is no alert %s", id).WithReason(api.ReasonAlertNotFound)
}

func (s *Store) get(ctx context.Context, r *api.GetRequest) (*api.Alert, error) {
	if err := reach(ctx, s.alertBucket, s.alerts, r.MinRevision); err != nil {
		return nil, err
	}
	if a, rev, ok := s.alerts.Get(r.ID); ok {
		return s.known(a, s.alertBucket.Token(rev)), nil
	}
	res, err := s.alertTable.Get(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	if !res.Existed {
		return nil, noAlert(r.ID)
	}
	return s.known(res.Value, res.Token), nil
}

// change applies a rule to an alert that has to stand.
func (s *Store) change(ctx context.Context, id string, rule func(old *api.Alert, now time.Time, by string) (*api.Alert, string)) (*api.Alert, error) {
	cause := rpc.CauseFrom(ctx)
	res, err := s.alertTable.Update(ctx, cause, id, func(old *api.Alert, now time.Time) (*api.Alert, string, error) {
		if old == nil {
			return nil, "", noAlert(id)
		}
		if old.Status != api.AlertActive {
			return nil, "", api.Errorf(api.FailedPrecondition, "the alert %s is over", id).WithReason(api.ReasonAlertNotActive)
		}
		next, event := rule(old, now.UTC(), cause.Principal)
		return next, event, nil
	})
	if err != nil {
		return nil, err
	}
	return s.known(res.Value, res.Token), nil
}

func (s *Store) ack(ctx context.Context, r *api.AlertChangeRequest) (*api.Alert, error) {
	return s.change(ctx, r.ID, func(old *api.Alert, now time.Time, by string) (*api.Alert, string) {
		return episode.Acknowledge(old, by, r.Note, now)
	})
}

func (s *Store) clear(ctx context.Context, r *api.AlertChangeRequest) (*api.Alert, error) {
	return s.change(ctx, r.ID, func(old *api.Alert, now time.Time, _ string) (*api.Alert, string) {
		s.cfg.Look(func(v *view.View) {
			if at := v.AsOf(); !at.IsZero() {
				now = at // by the clock of the log, so that what comes after it counts
			}
		})
		next, event := episode.End(old, now, api.EndByHand)
		next.Note = r.Note
		return next, event
	})
}

// Counts counts what stands, for what tells of health.
func (s *Store) Counts() api.AlertHealth {
	n := api.AlertHealth{Undelivered: s.letters.Len()}
	s.alerts.Range(func(_ string, a *api.Alert, _ uint64) bool {
		if a.Status != api.AlertActive {
			return true
		}
		n.Active++
		switch a.Severity {
		case api.SeverityCritical:
			n.Critical++
		case api.SeverityInfo:
			n.Info++
		default:
			n.Warning++
		}
		if a.AckedAt.IsZero() {
			n.Unacknowledged++
		}
		if a.Flapping {
			n.Flapping++
		}
		return true
	})
	return n
}
