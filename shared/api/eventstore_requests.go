package api

import "time"

// EventReceipt tells of one event that was appended.
type EventReceipt struct {
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	// Revision is the store's after it: a read with it as min_revision finds the event.
	Revision string `json:"revision"`
}

// EventAppendManyRequest appends events all at once or not at all.
type EventAppendManyRequest struct {
	Events []Event `json:"events"`
}

// Validate implements Validator.
func (r *EventAppendManyRequest) Validate() error {
	if len(r.Events) > MaxEventBatch {
		return Errorf(Invalid, "events has %d entries, at most %d are allowed at once", len(r.Events), MaxEventBatch).WithFields("events")
	}
	seen := make(map[string]bool, len(r.Events))
	for i := range r.Events {
		e := &r.Events[i]
		if err := e.Validate(); err != nil {
			return err
		}
		if e.ID != "" && seen[e.ID] {
			return Errorf(Invalid, "two of the events have the id %s", e.ID).WithFields("events")
		}
		seen[e.ID] = true
	}
	return nil
}

// EventAppendManyResponse has a receipt for each event, in their order.
type EventAppendManyResponse struct {
	Receipts []EventReceipt `json:"receipts"`
	Revision string         `json:"revision,omitempty"`
}

// EventGetRequest asks for one event.
type EventGetRequest struct {
	ID string `json:"id"`
	// Principal is whose event is meant, where several have used the same id; the oldest unless given.
	Principal   string `json:"principal,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *EventGetRequest) Validate() error {
	if r.ID == "" {
		return Errorf(Invalid, "id is required").WithReason(ReasonMissingFields).WithFields("id")
	}
	if err := checkEventText("id", r.ID); err != nil {
		return err
	}
	return CheckOptionalID("principal", r.Principal)
}

// EventOrder is what events are ordered by.
type EventOrder string

// The orders of events.
const (
	EventsByAppend EventOrder = "append" // as the store took them
	EventsByTime   EventOrder = "time"   // by their own time, and where that is equal as the store took them
)

// EventOrders lists every order.
var EventOrders = []EventOrder{EventsByAppend, EventsByTime}

// EventQueryRequest asks for events, a page at a time.
type EventQueryRequest struct {
	EventFilter
	Order EventOrder `json:"order,omitempty"` // append unless given
	// Newest has the newest come first.
	Newest bool `json:"newest,omitempty"`
	// Cursor is the next of the page before.
	Cursor string `json:"cursor,omitempty"`
	// Limit is the most of one page; 100 unless given, at most 1000. A page ends earlier when its events are large.
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *EventQueryRequest) Validate() error {
	if r.Order != "" && r.Order != EventsByAppend && r.Order != EventsByTime {
		return Errorf(Invalid, "order must be one of %v", EventOrders).WithFields("order")
	}
	if err := checkPage(r.Limit); err != nil {
		return err
	}
	return r.check()
}

// EventQueryResponse is a page of events.
type EventQueryResponse struct {
	Events []Event `json:"events"`
	// Next is the cursor of the next page; absent at the end. A page may have fewer events than were asked for, or none, and still have a
	// next one, when those that meet the conditions are rare. Events that are appended meanwhile repeat nothing and skip nothing: they
	// are on a later page if their place in the order is behind the cursor.
	Next     string `json:"next,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// EventFollowRequest asks for events after a position, as the store took them.
type EventFollowRequest struct {
	EventFilter
	// After is the next of the answer before. Without it and From, the events from now on are meant.
	After string `json:"after,omitempty"`
	// From begins with the first event that the store took at this time or later.
	From  time.Time `json:"from,omitzero"`
	Limit int       `json:"limit,omitempty"` // 100 unless given, at most 1000
	// Wait is how long to wait for an event when there is none.
	Wait Duration `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *EventFollowRequest) Validate() error {
	if r.Wait < 0 || r.Wait > Duration(MaxEventWait*time.Second) {
		return Errorf(Invalid, "wait must be at most %ds", MaxEventWait).WithFields("wait")
	}
	if err := checkPage(r.Limit); err != nil {
		return err
	}
	if err := checkEventTime("from", r.From); err != nil {
		return err
	}
	return r.check()
}

// EventFollowResponse has the events after a position.
type EventFollowResponse struct {
	Events []Event `json:"events"`
	// Next is the position behind all that was looked at. It is always there, and asking again with it goes on, at any replica.
	Next string `json:"next"`
	// Lost says that events after the position were no longer kept.
	Lost bool `json:"lost,omitempty"`
}

// EventChainRequest asks for what belongs together.
type EventChainRequest struct {
	CorrelationID string `json:"correlationid"`
	// Brief leaves out the events' data.
	Brief       bool   `json:"brief,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *EventChainRequest) Validate() error {
	if r.CorrelationID == "" {
		return Errorf(Invalid, "correlationid is required").WithReason(ReasonMissingFields).WithFields("correlationid")
	}
	return checkEventText("correlationid", r.CorrelationID)
}

// EventChainResponse is the tree of a correlation, every event before what it has caused.
type EventChainResponse struct {
	Events []EventLink `json:"events"`
	// Missing are the causes that are not of the correlation, or are no longer kept.
	Missing []string `json:"missing,omitempty"`
	// Truncated says that there are more than the answer has: the latest are left out.
	Truncated bool   `json:"truncated,omitempty"`
	Revision  string `json:"revision,omitempty"`
}

// EventLink is an event in its place in a tree.
type EventLink struct {
	Event Event `json:"event"`
	// Depth is how many events lie between it and the root that it comes from, itself counted; 0 for a root.
	Depth int `json:"depth"`
	// Orphan says that its cause is among the missing.
	Orphan bool `json:"orphan,omitempty"`
	// Cycle says that it is among its own causes: the tree is cut before it, where it is the oldest of the cycle.
	Cycle bool `json:"cycle,omitempty"`
}

// EventPruneRequest removes events for good, the oldest first. At least one of its bounds is given.
type EventPruneRequest struct {
	// Before removes what the store took strictly before this time.
	Before time.Time `json:"before,omitzero"`
	// MaxBytes removes as much as is needed for the rest to take no more than that, as the store counts it.
	MaxBytes *int64 `json:"max_bytes,omitempty"`
}

// Validate implements Validator.
func (r *EventPruneRequest) Validate() error {
	if r.Before.IsZero() && r.MaxBytes == nil {
		return Errorf(Invalid, "before or max_bytes is required").WithReason(ReasonMissingFields).WithFields("before", "max_bytes")
	}
	if r.MaxBytes != nil && *r.MaxBytes < 0 {
		return Errorf(Invalid, "max_bytes must not be negative").WithFields("max_bytes")
	}
	return checkEventTime("before", r.Before)
}

// EventPruneResponse tells how many events were removed.
type EventPruneResponse struct {
	Pruned uint64 `json:"pruned"`
}

// EventStatsRequest asks for statistics.
type EventStatsRequest struct {
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (*EventStatsRequest) Validate() error { return nil }

// EventStatsResponse counts events.
type EventStatsResponse struct {
	// Stored were ever appended; Current are kept, and take Bytes; Pruned are gone, by age, by size or by prune.
	Stored  uint64 `json:"stored"`
	Current uint64 `json:"current"`
	Pruned  uint64 `json:"pruned"`
	Bytes   uint64 `json:"bytes"`
	// Oldest and Newest are when the store took the first and the last that is kept.
	Oldest time.Time `json:"oldest,omitzero"`
	Newest time.Time `json:"newest,omitzero"`
	// LastMinute were appended in the last minute, PerSecond is the same by second.
	LastMinute int     `json:"last_minute"`
	PerSecond  Measure `json:"per_second"`
	// Types are the 100 most frequent types, the most frequent first; Others are of further types.
	Types  []EventTypeCount `json:"types,omitempty"`
	Others int              `json:"others,omitempty"`
	// Duplicates are events that were delivered to the store more than once, Junk messages that are no events: since this replica has begun.
	Duplicates int    `json:"duplicates,omitempty"`
	Junk       int    `json:"junk,omitempty"`
	Revision   string `json:"revision,omitempty"`
}

// EventTypeCount counts the events of a type.
type EventTypeCount struct {
	Type  string `json:"type"`
	Count int    `json:"count"`
}

// EventReplayRequest publishes events once more.
type EventReplayRequest struct {
	EventFilter
	// To names the subject that they are published to: <namespace>.replay.<to>.
	To string `json:"to"`
	// After and From are as EventFollowRequest has them; without them the oldest comes first.
	After string    `json:"after,omitempty"`
	From  time.Time `json:"from,omitzero"`
	// Limit is the most of one request, and Rate the most in a second; 1000 each unless given, at most 100,000.
	Limit int `json:"limit,omitempty"`
	Rate  int `json:"rate,omitempty"`
}

// Validate implements Validator.
func (r *EventReplayRequest) Validate() error {
	if err := CheckID("to", r.To); err != nil {
		return err
	}
	if r.Limit < 0 || r.Limit > MaxEventReplay || r.Rate < 0 || r.Rate > MaxEventReplay {
		return Errorf(Invalid, "limit and rate must be 1 to %d", MaxEventReplay).WithFields("limit", "rate")
	}
	if err := checkEventTime("from", r.From); err != nil {
		return err
	}
	return r.check()
}

// EventReplayResponse tells what was replayed.
type EventReplayResponse struct {
	Subject  string `json:"subject"`
	Replayed int    `json:"replayed"`
	// Next is where the next request goes on.
	Next string `json:"next"`
	// Done says that nothing was left when the request ended.
	Done bool `json:"done,omitempty"`
}
