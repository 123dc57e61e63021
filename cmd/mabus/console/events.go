package console

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	maxAlerts  = 200 // alerts of one status that are listed
	maxEvents  = 300 // events that are shown, the last ones
	eventPages = 10  // pages of events that one read takes in; what is left comes with the next
)

// events is the page of what has happened.
func events(string) []feed {
	last := &lastEvents{}
	return []feed{
		{table: "events", slow: 0.5, hint: "event.>", read: last.read},
		{table: "totals", slow: 2, read: func(ctx context.Context, c *client.Client) (rows, error) {
			s, err := c.Events.Stats(ctx)
			if err != nil {
				return rows{}, err
			}
			s.Types, s.Revision = nil, ""
			return one("events", s, nil)
		}},
		{table: "alerts", read: alerts},
	}
}

// alerts lists those that stand and those that have ended of late.
func alerts(ctx context.Context, c *client.Client) (got rows, err error) {
	for _, status := range api.AlertStatuses {
		page, err := rpc.Call(ctx, c.Conn(), api.AlertsList, &api.AlertsListRequest{Status: status, Limit: maxAlerts})
		if err != nil {
			return rows{}, err
		}
		got.open = got.open || page.Next != ""
		for i := range page.Alerts {
			a := &page.Alerts[i]
			a.Route, a.Changes, a.Revision = nil, nil, "" // a route may hold secrets
			got.add(a.ID, a)
		}
	}
	return got, nil
}

// event is one that is shown. It never changes, so it is written once.
type event struct {
	key  string
	body json.RawMessage
}

func newEvent(e api.Event) (event, error) {
	e.Data = shownData(&e)
	body, err := codec.Marshal(&e)
	return event{e.Source + " " + e.ID, body}, err
}

func shownEvents(list []api.Event) ([]event, error) {
	shown := make([]event, len(list))
	for i := range list {
		var err error
		if shown[i], err = newEvent(list[i]); err != nil {
			return nil, err
		}
	}
	return shown, nil
}

// lastEvents follows the store of events from its end. A read that ends before its time goes on in the next one, with less at once: however
// large the events are, and however slow the way to them is, it comes to its end.
type lastEvents struct {
	kept  []event // in the order of the store
	after string  // position in the store; "" before the first read
	older string  // cursor of those before kept
	fill  bool    // those are yet to be read
	page  int     // events that are asked for at once
}

func (l *lastEvents) read(ctx context.Context, c *client.Client) (got rows, err error) {
	if l.page == 0 {
		l.page = maxEvents
	}
	if err = l.take(ctx, c); err != nil {
		l.page = max(l.page/4, 1)
		if api.ReasonOf(err) == api.ReasonForeignRevision || api.CodeOf(err) == api.Invalid { // the position is another store's
			l.after = ""
		}
		return rows{}, err
	}
	l.page = min(2*l.page, maxEvents)
	l.kept = slices.Delete(l.kept, 0, max(0, len(l.kept)-maxEvents))
	got.open = len(l.kept) == maxEvents
	for _, e := range l.kept {
		got.add(e.key, e.body)
	}
	return got, nil
}

// take takes the position first, then the last events, and then what has come: what comes in between is there twice rather than not at all.
func (l *lastEvents) take(ctx context.Context, c *client.Client) error {
	if l.after == "" {
		here, err := l.next(ctx, c)
		if err != nil {
			return err
		}
		l.kept, l.after, l.older, l.fill = nil, here.Next, "", true
	}
	for l.fill {
		page, err := c.Events.Page(ctx, api.EventQueryRequest{Newest: true, Limit: min(l.page, maxEvents-len(l.kept)), Cursor: l.older})
		if err != nil {
			return err
		}
		slices.Reverse(page.Events)
		older, err := shownEvents(page.Events)
		if err != nil {
			return err
		}
		l.kept, l.older = append(older, l.kept...), page.Next
		l.fill = l.older != "" && len(l.kept) < maxEvents
	}
	return l.goOn(ctx, c)
}

// goOn takes what has come since.
func (l *lastEvents) goOn(ctx context.Context, c *client.Client) error {
	for range eventPages {
		page, err := l.next(ctx, c)
		if err != nil {
			return err
		}
		if page.Lost {
			l.after = ""
			return l.take(ctx, c)
		}
		newer, err := shownEvents(page.Events)
		if err != nil {
			return err
		}
		l.kept, l.after = append(l.kept, newer...), page.Next
		if len(newer) == 0 {
			return nil
		}
	}
	return nil
}

// next returns what there is after the position, or where the end is.
func (l *lastEvents) next(ctx context.Context, c *client.Client) (*api.EventFollowResponse, error) {
	for page, err := range c.Events.Follow(ctx, api.EventFollowRequest{After: l.after, Limit: l.page}) {
		return page, err // the first comes at once
	}
	return nil, api.Errorf(api.DeadlineExceeded, "no answer came in time").WithReason(api.ReasonTimeout)
}

// shownData is the data of an event without what may hold secrets, and without what is too much for a row.
func shownData(e *api.Event) json.RawMessage {
	if len(e.Data) > 0 && strings.HasPrefix(e.Type, "mabus.agents.") {
		var a api.Agent
		if codec.Read(e.Data, &a) != nil {
			return nil
		}
		data, err := codec.Marshal(shownAgent(&a))
		if err != nil {
			return nil
		}
		return clip(data)
	}
	return clip(e.Data)
}
