package client

import (
	"context"
	"iter"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Alerts keeps the rules by which alerts are raised, and tells which stand.
type Alerts struct {
	conn        *rpc.Conn
	rules, seen *session // the rules and the alerts stand in two stores
}

func revisionOfRule(r *api.AlertRule) string { return r.Revision }
func revisionOfAlert(a *api.Alert) string    { return a.Revision }

// AddRule adds a rule: invalid (missing_required_fields), conflict (rule_exists), overloaded (too_many_rules).
func (s Alerts) AddRule(ctx context.Context, r api.AlertRule) (*api.AlertRule, error) {
	resp, err := change(ctx, s.conn, api.AlertRulesAdd, &r)
	return changed(s.rules, revisionOfRule, resp, err)
}

// SetRule replaces a rule, of the version that is given or any: not_found (rule_not_found), conflict (version_mismatch).
func (s Alerts) SetRule(ctx context.Context, r api.AlertRuleSetRequest) (*api.AlertRule, error) {
	resp, err := change(ctx, s.conn, api.AlertRulesSet, &r)
	return changed(s.rules, revisionOfRule, resp, err)
}

// RemoveRule removes a rule; its alerts end: not_found (rule_not_found).
func (s Alerts) RemoveRule(ctx context.Context, id string) error {
	resp, err := change(ctx, s.conn, api.AlertRulesRemove, &api.DeregisterRequest{ID: id})
	_, err = changed(s.rules, func(r *api.DeregisterResponse) string { return r.Revision }, resp, err)
	return err
}

// Rule returns a rule: not_found (rule_not_found).
func (s Alerts) Rule(ctx context.Context, id string) (*api.AlertRule, error) {
	return read(s.rules, "", func(revision string) (*api.AlertRule, error) {
		return look(ctx, s.conn, api.AlertRulesGet, &api.GetRequest{ID: id, MinRevision: revision})
	})
}

// Rules returns every rule, and how the replica that answers applies it.
func (s Alerts) Rules(ctx context.Context) ([]api.AlertRuleState, error) {
	resp, err := read(s.rules, "", func(revision string) (*api.AlertRulesListResponse, error) {
		return look(ctx, s.conn, api.AlertRulesList, &api.AlertRulesListRequest{MinRevision: revision})
	})
	if err != nil {
		return nil, err
	}
	return resp.Rules, nil
}

// Page returns a page of the alerts that meet every given condition.
func (s Alerts) Page(ctx context.Context, r api.AlertsListRequest) (*api.AlertsListResponse, error) {
	return read(s.seen, r.MinRevision, func(revision string) (*api.AlertsListResponse, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.AlertsList, &r)
	})
}

// List yields the alerts that meet every given condition. Limit is that of one page.
func (s Alerts) List(ctx context.Context, r api.AlertsListRequest) iter.Seq2[api.Alert, error] {
	return pages(func(cursor string) ([]api.Alert, string, error) {
		r.Cursor = cursor
		page, err := s.Page(ctx, r)
		if err != nil {
			return nil, "", err
		}
		return page.Alerts, page.Next, nil
	})
}

// Get returns an alert: not_found (alert_not_found).
func (s Alerts) Get(ctx context.Context, id string) (*api.Alert, error) {
	return read(s.seen, "", func(revision string) (*api.Alert, error) {
		return look(ctx, s.conn, api.AlertsGet, &api.GetRequest{ID: id, MinRevision: revision})
	})
}

// Ack takes note of an alert that stands, until its next episode: not_found (alert_not_found), failed_precondition (alert_not_active).
func (s Alerts) Ack(ctx context.Context, id, note string) (*api.Alert, error) {
	resp, err := change(ctx, s.conn, api.AlertsAck, &api.AlertChangeRequest{ID: id, Note: note})
	return changed(s.seen, revisionOfAlert, resp, err)
}

// Clear ends an alert by hand: not_found (alert_not_found), failed_precondition (alert_not_active).
func (s Alerts) Clear(ctx context.Context, id, note string) (*api.Alert, error) {
	resp, err := change(ctx, s.conn, api.AlertsClear, &api.AlertChangeRequest{ID: id, Note: note})
	return changed(s.seen, revisionOfAlert, resp, err)
}

// Undelivered returns what could not be delivered to a route, the newest first, and how much of it there is.
func (s Alerts) Undelivered(ctx context.Context, limit int) (*api.UndeliveredResponse, error) {
	return look(ctx, s.conn, api.AlertsUndelivered, &api.UndeliveredRequest{Limit: limit})
}

// AlertChange is something that has happened to an alert.
type AlertChange struct {
	// Event is raised, cleared, flapping, steadied or acknowledged, in its type; Alert is how the alert was after it.
	Event api.Event
	Alert api.Alert
}

// Watch yields what happens to alerts from now on, until ctx ends. An error ends it.
func (s Alerts) Watch(ctx context.Context) iter.Seq2[AlertChange, error] {
	return func(yield func(AlertChange, error) bool) {
		r := api.EventFollowRequest{EventFilter: api.EventFilter{Type: "mabus.alerts.*", Source: "/" + s.conn.Namespace + "/perfmon"}}
		for page, err := range (Events{s.conn, &session{}}).Follow(ctx, r) {
			if err != nil {
				yield(AlertChange{}, err)
				return
			}
			for _, e := range page.Events {
				c := AlertChange{Event: e}
				if codec.Read(e.Data, &c.Alert) != nil {
					continue
				}
				if !yield(c, nil) {
					return
				}
			}
		}
	}
}

// Health asks how the namespace does. What does not answer is said to be unknown, and an unknown state is no error.
func (c *Client) Health(ctx context.Context) (*api.Health, error) {
	return look(ctx, c.conn, api.HealthGet, &api.HealthRequest{})
}
