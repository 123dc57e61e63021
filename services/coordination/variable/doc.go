// Package variable holds the pure rules of variables: values that agents share, with who may do what with them, what a value must
// be, how a change is decided, and how the agents take it up.
//
// A State is changed by Apply alone. What somebody asks for is a method that looks at the state and returns a Plan: the events that
// make the change, the answer as it will be after them, and the session to start when others decide. A record is never changed:
// whatever happens to a variable makes a new one, so that a reader may keep what it has read, and must not write to it.
//
// A state is bounded: by api.MaxVariables, by MaxBytes in all, and for each variable by what is said at MaxHistoryBytes,
// MaxCoordinationBytes and MaxReason.
package variable

// Bounds of what is kept.
const (
	MaxBytes             = 256 << 20 // bytes of a state, estimated; what would make it larger is overloaded (too_many_variables)
	MaxHistoryBytes      = 256 << 10 // bytes of values in one history; the oldest changes are forgotten first, the last never
	MaxCoordinationBytes = 64 << 10  // bytes of a coordination's result, and likewise of its outcomes' answers; what is beyond is in the sessions alone
	MaxReason            = 1024      // bytes of a reason
	MaxGone              = 1000      // removed names that are remembered
	MaxConstraintBytes   = 64 << 10  // bytes of an enum
	MaxPattern           = 512       // bytes of a pattern
	MaxDepth             = 100       // levels of arrays and objects in a value
	MaxPageBytes         = 1 << 20   // bytes after which a page of a list ends
	maxOutcomeError      = 128       // bytes of why one agent has no answer
	maxVerdicts          = 10        // ends of proposed changes that are remembered of a variable
)
