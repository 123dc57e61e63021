package api

import (
	"strings"
	"time"
)

// Bounds of the event store.
const (
	MaxEventData   = 1_000_000 // bytes of the data of one event; less where the server takes less in one message
	MaxEventText   = 256       // bytes of a type, a source, a subject, a correlation or a causation
	MaxEventBatch  = 1000      // events of one atomic batch
	MaxEventBytes  = 16 << 20  // bytes of all events of one atomic batch
	MaxEventChain  = 1000      // events of a correlation that one answer has
	MaxEventReplay = 100_000   // events that one request replays, and how many of them in a second
	MaxEventWait   = 60        // seconds that one request may follow
	MaxEvents      = 4_000_000 // events that are kept, the oldest going first
	MaxEventTypes  = 100       // types that statistics name
)

// Reasons of the event store.
const (
	ReasonEventNotFound = "event_not_found" // not_found: there is none of the id, or it is no longer kept
	ReasonEventExists   = "already_exists"  // conflict: another event of the same principal has the id
	ReasonDataTooLarge  = "data_too_large"  // invalid: details.size is more than details.max_size
)

// reservedType begins the types of what Mabus itself tells.
const reservedType = "mabus."

// AppendedSubject is where an event is published that a principal appends under an id that it has chosen: the id is in the subject, so
// that the stream sees that there is one of it. Events with new ids, of which there is one in any case, may share NewEventID for that,
// which costs a stream less. Nobody in particular is "-".
func AppendedSubject(namespace, principal, id string) string {
	return EventSubject(namespace, "as", orNobody(principal), id)
}

// NewEventID stands for any new id in a subject. It is none itself.
const NewEventID = "="

func orNobody(principal string) string {
	if principal == "" {
		return "-"
	}
	return principal
}

// Validate implements Validator. It checks what an appender says: a type, and what else it likes. Principal, revision and what else
// the store knows better are the store's.
func (e *Event) Validate() error {
	switch {
	case e.SpecVersion != "" && e.SpecVersion != "1.0":
		return Errorf(Invalid, "specversion must be 1.0, or left out").WithFields("specversion")
	case e.Principal != "" || e.Revision != "" || e.Traceparent != "":
		return Errorf(Invalid, "principal, revision and traceparent are the store's to say: leave them out").WithFields("principal", "revision", "traceparent")
	case e.Type == "":
		return Errorf(Invalid, "type is required").WithReason(ReasonMissingFields).WithFields("type")
	case strings.HasPrefix(e.Type, reservedType):
		return Errorf(Invalid, "types that begin with %q are of what Mabus itself tells: choose another", reservedType).WithFields("type")
	case e.DataContentType != "" && e.DataContentType != "application/json":
		return Errorf(Invalid, "datacontenttype must be application/json, or left out: data is a JSON value").WithFields("datacontenttype")
	}
	if err := CheckOptionalID("id", e.ID); err != nil {
		return err
	}
	if err := checkEventTime("time", e.Time); err != nil {
		return err
	}
	if err := checkEventText("type", e.Type, "source", e.Source, "subject", e.Subject, "correlationid", e.CorrelationID, "causationid", e.CausationID); err != nil {
		return err
	}
	if strings.HasSuffix(e.Type, "*") || strings.ContainsRune(e.Type, ' ') || strings.ContainsRune(e.Source, ' ') {
		return Errorf(Invalid, "type and source have no spaces, and a type does not end in '*'").WithFields("type", "source")
	}
	if len(e.Data) > MaxEventData {
		return dataTooLarge(len(e.Data), MaxEventData)
	}
	if err := checkDepth("data", e.Data); err != nil {
		return err
	}
	return nil
}

func dataTooLarge(size, most int) *Error {
	e := Errorf(Invalid, "data has %d bytes, at most %d are allowed: keep it elsewhere and say where", size, most).WithReason(ReasonDataTooLarge).WithFields("data")
	e.Details.Size, e.Details.MaxSize = int64(size), int64(most)
	return e
}

// EventTooLarge is the error of an event that the server does not take in one message: most is what it takes of all of it.
func EventTooLarge(e *Event, size, most int) *Error {
	return dataTooLarge(len(e.Data), max(len(e.Data)-size+most, 0))
}

// Complete gives an event that has been checked what its appender has left out: one without a correlation begins one of its own, by
// its id. It refuses a source that is another's: below
// /<namespace>/ a principal has /<namespace>/as/<principal> alone.
func (e *Event) Complete(namespace, principal, id string, now time.Time) error {
	own := "/" + namespace + "/as/" + orNobody(principal)
	switch {
	case e.Source == "":
		e.Source = own
	case e.Source != own && strings.HasPrefix(e.Source, "/"+namespace+"/"):
		return Errorf(Invalid, "source must not begin with /%s/, unless it is %s: leave it out, or choose another", namespace, own).WithFields("source")
	}
	if e.ID == "" {
		e.ID = id
	}
	if e.Time.IsZero() {
		e.Time = now
	}
	e.Time = e.Time.UTC()
	if e.CorrelationID == "" {
		e.CorrelationID = e.ID
	}
	if len(e.Data) > 0 {
		e.DataContentType = "application/json"
	}
	e.SpecVersion, e.Principal = "1.0", principal
	return nil
}

// Brief returns a completed event without what Complete gives it again for certain: the form in which it is stored, which is a
// CloudEvent all the same.
func (e Event) Brief() Event {
	if e.CorrelationID == e.ID {
		e.CorrelationID = ""
	}
	e.DataContentType, e.Principal = "", ""
	return e
}

// checkEventText checks pairs of a name and a value that may be empty.
func checkEventText(pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if s := pairs[i+1]; len(s) > MaxEventText || strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f || r == 0xfffd }) {
			return Errorf(Invalid, "%s is at most %d bytes of printable text", pairs[i], MaxEventText).WithFields(pairs[i])
		}
	}
	return nil
}

// ValidEventRef tells whether s can be the id of an event that is told elsewhere: printable ASCII without spaces.
func ValidEventRef(s string) bool {
	return s != "" && len(s) <= MaxEventText && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// checkEventTime accepts no time, or one that all stores can tell.
func checkEventTime(field string, t time.Time) error {
	if y := t.Year(); !t.IsZero() && (y < 1970 || y > 2200) {
		return Errorf(Invalid, "%s must be between 1970 and 2200, or left out", field).WithFields(field)
	}
	return nil
}

// EventFilter says which events are meant: those that meet every given condition.
type EventFilter struct {
	// Type is a type, or the beginning of one with a '*' behind it: "mabus.agents.*".
	Type          string `json:"type,omitempty"`
	Source        string `json:"source,omitempty"`
	Subject       string `json:"subject,omitempty"`
	Principal     string `json:"principal,omitempty"`
	CorrelationID string `json:"correlationid,omitempty"`
	CausationID   string `json:"causationid,omitempty"`
	// Since and Until bound the events' own time, both inclusive.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

func (f *EventFilter) check() error {
	if err := checkEventText("type", f.Type, "source", f.Source, "subject", f.Subject, "correlationid", f.CorrelationID, "causationid", f.CausationID); err != nil {
		return err
	}
	if err := checkEventTime("since", f.Since); err != nil {
		return err
	}
	if err := checkEventTime("until", f.Until); err != nil {
		return err
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && f.Until.Before(f.Since) {
		return Errorf(Invalid, "until is before since").WithFields("since", "until")
	}
	return CheckOptionalID("principal", f.Principal)
}

// Meets tells whether an event meets every condition.
func (f *EventFilter) Meets(e *Event) bool {
	return f.TypeMeets(e.Type) && (f.Source == "" || f.Source == e.Source) && (f.Subject == "" || f.Subject == e.Subject) &&
		(f.Principal == "" || f.Principal == e.Principal) && (f.CorrelationID == "" || f.CorrelationID == e.CorrelationID) &&
		(f.CausationID == "" || f.CausationID == e.CausationID) && (f.Since.IsZero() || !e.Time.Before(f.Since)) && (f.Until.IsZero() || !e.Time.After(f.Until))
}

// TypeMeets tells whether a type meets the condition on types.
func (f *EventFilter) TypeMeets(t string) bool {
	if begin, ok := strings.CutSuffix(f.Type, "*"); ok {
		return strings.HasPrefix(t, begin)
	}
	return f.Type == "" || f.Type == t
}
