package api

import (
	"encoding/json"
	"time"
)

// Event is a CloudEvents 1.0 event in its JSON form (https://github.com/cloudevents/spec, JSON format). It tells of one
// change that has happened. Ids are unique within a source; the same event may be delivered twice with the same id.
type Event struct {
	SpecVersion     string          `json:"specversion"` // always "1.0"
	ID              string          `json:"id"`
	Source          string          `json:"source"`            // "/<namespace>/<service>"
	Type            string          `json:"type"`              // "mabus.<noun>.<what happened>", for example "mabus.agents.registered"
	Subject         string          `json:"subject,omitempty"` // id of the thing that changed
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"` // the thing after the change; absent when it is gone
	// Extension attributes.
	Principal     string `json:"principal,omitempty"`     // who asked for the change
	CorrelationID string `json:"correlationid,omitempty"` // the request id behind it, or what an appender has events belong together by
	CausationID   string `json:"causationid,omitempty"`   // id of the event that caused this one
	Traceparent   string `json:"traceparent,omitempty"`   // W3C trace context of the request
	Revision      string `json:"revision,omitempty"`      // the store's revision of the change
}

// WatchResponse tells where changes are published. Subscribe first, then list: an event whose revision is not newer than
// the list's tells nothing new.
type WatchResponse struct {
	// Subject carries an Event for every change; add nothing to it, subscribe to it as it is.
	Subject string `json:"subject"`
	// Stream is the JetStream stream that keeps the events, for those that want them from an earlier time.
	Stream string `json:"stream"`
}
