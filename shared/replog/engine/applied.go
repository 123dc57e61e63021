package engine

import (
	"errors"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Errors of Apply and Restore. After ErrVersion and ErrEvolve the engine takes no more entries.
var (
	// ErrGap says that the entry is not the one after the last: nothing was applied, and the right one still can be.
	ErrGap = errors.New("not the next entry of the log")
	// ErrVersion says that the log goes by rules, or has a format, that this binary lacks.
	ErrVersion = errors.New("the log uses rules that this binary lacks: upgrade it")
	// ErrEvolve says that a machine panicked where it must not fail: its state is not to be trusted any more.
	ErrEvolve = errors.New("the machine failed to apply an event")
)

// SkipReason says why the commands of an entry were not carried out; "" when they were.
type SkipReason string

// The reasons.
const (
	SkipJunk     SkipReason = "junk"     // not a batch at all: it changes nothing but the chain
	SkipForeign  SkipReason = "foreign"  // of another machine or log, or no beginning of one: likewise
	SkipRepeated SkipReason = "repeated" // a batch of this or a higher number was carried out
	SkipNumber   SkipReason = "number"   // the batch before has not come; when it has, this one may come again
	SkipUnknown  SkipReason = "unknown"  // a writer that was forgotten, or begins with another number than 1: it must take a new id
	SkipStale    SkipReason = "stale"    // the writer had not seen too much of the log; no later copy of this batch will be carried out
	SkipAhead    SkipReason = "ahead"    // the writer has seen more than there is: the log was cut, or the writer errs
)

// Applied is what came of an entry.
type Applied struct {
	Seq  uint64
	Time time.Time // of the log, after the entry
	// Batch is nil for junk. Writer and Number are its own.
	Batch   *Batch
	Writer  string
	Number  uint64
	Skipped SkipReason
	// Replies are those to the commands, one for each, unless the batch was skipped.
	Replies []Reply
	// Events are those of all timers and commands, in order.
	Events []any
	// Fired counts the timers that fired.
	Fired int
	// Started are the effects that came to be or changed their owner, Settled the ids of those that had an outcome. The same id may be
	// in both, and more than once: Engine.Effect says what is in the end.
	Started []Pending
	Settled []string
	// Contradicts says that the writer's chain has another hash, where it was, than ours: one of the two is wrong.
	Contradicts bool
	// Disputed says that the digests of a proposed snapshot differ, so that it was dropped; Verified that there is a new verified one.
	Disputed bool
	Verified bool
	// Upgraded says that other rules are in force.
	Upgraded bool
	// Panics are those of timers, for a log; those of commands are in their replies.
	Panics []string
}

// Reply is the answer to a command.
type Reply struct {
	// Answer is a JSON value; nil with Err. It must not be changed.
	Answer []byte
	Err    *api.Error
	// Repeated says that it is the answer to the first command with this id.
	Repeated bool
	// Panic is what the machine panicked with, for a log: the answer is internal then.
	Panic string
}

// Pending is an effect without an outcome.
type Pending struct {
	Effect
	// Owner is the replica that runs it.
	Owner string
	// Deadline is when another may claim it.
	Deadline time.Time
}
