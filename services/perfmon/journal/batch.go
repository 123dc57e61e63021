package journal

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	magic   = 'P'
	version = 1

	itemDelta  = 1
	itemGroup  = 2
	itemSeries = 3
)

// Flags of a message.
const (
	// FlagLast marks the last word of a replica that ends in good order.
	FlagLast = 1 << iota
)

// Head is what a message says of itself.
type Head struct {
	Flags  byte
	Number uint64 // of the batch, from 1 on
	Part   int    // from 0 to Parts-1
	Parts  int
	Minute int64 // Unix minutes; 0 for a log message
	// Records is how many foreign samples are in the batch.
	Records uint64
	// Overrun is how many messages at least the replica has lost since its last batch, because they came too fast.
	Overrun uint64
}

// Delta tells that a delta of a source is in the batch.
type Delta struct {
	Source, Incarnation string
	Seq                 uint64
	Interval            time.Duration // to the millisecond
	Dropped             uint64
}

// Group is the series of one source, or of one aggregate.
type Group struct {
	Scope          Scope
	Kind           api.SourceKind
	ID, Type, Host string
	Series         []Item
}

// Item is one series of a group.
type Item struct {
	Metric string
	Sketch []byte // of the message's own memory
}

// Batch is one message, or several parts of one that were put together.
type Batch struct {
	Head
	Deltas []Delta
	Groups []Group
}

// Scope is what a group stands for.
type Scope byte

// The scopes, in the order of api.MetricScopes.
const (
	Source Scope = iota
	Type
	Host
	Fleet
)

// Name returns the scope's name in the API.
func (s Scope) Name() api.MetricScope { return api.MetricScopes[s] }

// ScopeOf is the opposite of Name; false for what is no scope.
func ScopeOf(name api.MetricScope) (Scope, bool) {
	i := slices.Index(api.MetricScopes, name)
	return Scope(max(i, 0)), i >= 0
}
