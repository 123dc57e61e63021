// Package engine holds the pure rules of the replicated log: what one entry of the log does to the state of a machine and to what
// every machine has beside it, that is requests that were answered, timers, effects, members, the version of the rules, and a
// chain of hashes. The same entries give the same state, the same answers and the same bytes wherever they are applied.
package engine

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Machine is a deterministic state machine, with its rules in every version that this binary knows. S is a pointer.
type Machine[S any] struct {
	// Name goes into every entry, so that the log of one machine is never read by another.
	Name string
	// New returns the state before the first entry.
	New func() S
	// Encode writes a state in its canonical form: equal states give equal bytes.
	Encode func(S) ([]byte, error)
	// Decode reads what Encode wrote, of any version.
	Decode func([]byte) (S, error)
	// Freeze returns what Encode would return now, from a function that may be called later and by another goroutine, whatever events come
	// meanwhile. It copies so little that commands can wait for it, and returns nil when there is too much for that. It may be nil.
	Freeze func(S) func() ([]byte, error)
	// Rules by version, from 1 on, without gaps. A new log begins with the lowest version of whoever writes its first entry, and
	// goes on to another when that is logged (KindUse).
	Rules map[int]Rules[S]
}

// Rules are one version of a machine's rules.
type Rules[S any] struct {
	// Decide says what a command does. It must not change the state, and must depend on nothing but its arguments: no clock, no
	// random numbers, no order of a map, no floats. A panic is answered as internal and changes nothing.
	Decide func(state S, c Command) Decision
	// Evolve applies an event of Decide. It cannot fail.
	Evolve func(state S, event any)
	// Upgrade changes a state of the version before into one of these rules; nil when nothing changes. It cannot fail.
	Upgrade func(state S)
}

// Command is something that somebody wants the machine to do.
type Command struct {
	// Kind says what; those that begin with "~" are the engine's own. A timer comes as KindTimer, what an effect has brought as
	// KindOutcome.
	Kind string
	// Principal is who asks; "" for nobody in particular.
	Principal string
	// ID makes the command safe to repeat, for as long as its answer is kept: see Keep. "" when that is not asked for.
	ID string
	// Hash binds the ID to what was asked; another hash under the same id and principal is conflict (request_id_reused).
	Hash string
	// Key is the id of the timer or effect; free for other commands.
	Key string
	// Body is what the command says, in the machine's own form. It is part of the entry: who keeps it keeps a copy.
	Body []byte

	// Seq and Index are the place of the command in the log: the entry, and within it; of timers -1, -2... The engine sets them.
	Seq   uint64
	Index int
	// Time is that of the entry, or for a timer that which it was set for, if that is later than the entry before. It never goes
	// back. The engine sets it.
	Time time.Time
}

// Kinds of commands that reach a machine beside its own.
const (
	KindTimer   = "~timer"   // Key is the timer
	KindOutcome = "~outcome" // Key is the effect, Body what it brought, as the runner returned it
)

// Decision is what a command does.
type Decision struct {
	// Events are applied in order, at once.
	Events []any
	// Answer is the body of the answer, a JSON value; nil reads as {}.
	Answer []byte
	// Err refuses the command: of the decision nothing but the events happens, which may count the refusal.
	Err *api.Error
	// Effects shall happen once outside of the machine.
	Effects []Effect
	// Timers are set; one with the id of another takes its place.
	Timers []Timer
}

// Effect is something to do outside of the machine. It is run by the replica that appended the command, or by another one when that
// has not renewed its claim. What it brings comes back as a command KindOutcome, once. It may happen more than once when a replica
// dies: whoever receives it must know it by its id.
type Effect struct {
	// ID is the effect's name for ever. One that is pending already changes nothing.
	ID string
	// Kind chooses the runner.
	Kind string
	Body []byte
}

// Timer is a command to come.
type Timer struct {
	ID string
	// At is when; the zero time takes the timer away.
	At time.Time
}

// Bounds of a log.
const (
	MaxCommands    = 1024             // commands of one entry
	MaxEntry       = 900 << 10        // bytes of one entry
	MaxCommandSize = 512 << 10        // bytes of a command's body
	MaxFired       = 10_000           // timers that one entry fires; the rest wait for the next
	MaxLag         = 1024             // entries that the writer of one may not have seen; beyond, its commands are not carried out
	MaxStale       = 60 * time.Second // by which the writer of an entry may have been behind; beyond, likewise
	MaxKept        = 64 << 20         // bytes of answers that are kept for repetitions; beyond, the oldest are dropped early, and ids of their time refused; half of it is for ids that tell no time
	Keep           = 10 * time.Minute
	KeepAtLeast    = 2 * time.Second  // under which no answer is dropped: then commands with an id are overloaded
	Claim          = 2 * time.Second  // how long an effect is its runner's, unless the claim is renewed
	MemberTime     = 30 * time.Second // after which a silent replica counts no longer
	ForgetTime     = 2 * time.Minute  // after which a silent writer is forgotten; it must be longer than MaxStale
)
