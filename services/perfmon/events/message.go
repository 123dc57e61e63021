package events

import (
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/perfmon/events/index"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// row returns the row of a message, without its place in the stream; ok is false for one that is no event. The memory of e is used for it.
func (s *Store) row(e *api.Event, subject string, body []byte) (index.Row, bool) {
	*e = api.Event{Data: e.Data[:0]}
	if !s.decode(e, subject, body) {
		return index.Row{}, false
	}
	return index.RowOf(e), true
}

// decode reads the event of a message into an empty one, and tells whether it is one. What a principal has appended is what the method would have made of it, whoever has published
// it: the subject tells whose it is, and nothing of it can pass for what a service tells.
func (s *Store) decode(e *api.Event, subject string, body []byte) bool {
	rest, ok := strings.CutPrefix(subject, s.prefix)
	if !ok || codec.Read(body, e) != nil || e.ID == "" || e.Type == "" {
		return false
	}
	if own, ok := strings.CutPrefix(rest, "as."); ok {
		return s.appended(e, own)
	}
	const most = api.MaxEventText
	return len(e.ID) <= most && len(e.Type) <= most && len(e.Source) <= most && len(e.CorrelationID) <= most && e.Time.Year() >= 1970 && e.Time.Year() <= 2200
}

// appended checks an event that was published below event.as.
func (s *Store) appended(e *api.Event, place string) bool {
	principal, id, ok := strings.Cut(place, ".")
	if !ok || id != e.ID && id != api.NewEventID || e.Time.IsZero() {
		return false
	}
	if principal == "-" {
		principal = ""
	} else if !api.ValidID(principal) {
		return false
	}
	trace := e.Traceparent
	e.Principal, e.Revision, e.Traceparent = "", "", ""
	if e.Validate() != nil || e.Complete(s.conn.Namespace, principal, e.ID, time.Time{}) != nil {
		return false
	}
	e.Traceparent = trace
	return true
}
