// Package act holds the pure rules of one command of the economy: who asks, when, what it changes, and what shall happen because of it.
// All that a command does it does on drafts, so that it may be refused half-way and nothing has happened.
package act

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// Act is one command. It must not be kept.
type Act struct {
	// Time is that of the log. It never goes back.
	Time time.Time
	// Principal is who asks; "" for timers and what effects have brought.
	Principal string
	// Operator says that the principal is one of the operators.
	Operator bool
	// ID is an id that nobody has used before: for what the command creates, unless the request names it, and as a salt.
	ID string
	// Taken says that the archive has an entity of the id that the request wants to use.
	Taken bool
	// Order is the place of the command in the log: it grows.
	Order uint64

	Ledger     *ledger.Draft
	Reputation *reputation.Draft
	Contracts  *contract.Draft

	changed []string
	opened  []string
	effects []engine.Effect
	timers  []engine.Timer
	err     error // of an effect whose body cannot be written
}

// Operators act for the system, and for everybody.
const operatorOnly = "only an operator may do that"

// NeedPrincipal refuses a request that does not say who asks, and one in the name of the system: unauthenticated (principal_missing),
// permission_denied (not_owner).
func (a *Act) NeedPrincipal() error {
	switch a.Principal {
	case "":
		return api.Errorf(api.Unauthenticated, "say who asks: send the request as a principal").WithReason(api.ReasonPrincipalMissing)
	case api.SystemOwner: // whose accounts would be its own
		return api.Errorf(api.PermissionDenied, "nobody may be %q: the rules act as it", a.Principal).WithReason(api.ReasonNotOwner)
	}
	return nil
}

// NeedOperator refuses everybody but operators: permission_denied (operator_only).
func (a *Act) NeedOperator() error {
	if !a.Operator {
		return api.Errorf(api.PermissionDenied, operatorOnly).WithReason(api.ReasonOperatorOnly)
	}
	return nil
}

// Owns refuses who may not spend from an account: permission_denied (not_owner). Operators may.
func (a *Act) Owns(id api.AccountID) error {
	if a.Operator {
		return nil
	}
	if err := a.NeedPrincipal(); err != nil {
		return err
	}
	if owner := id.Owner(); owner != a.Principal || owner == api.SystemOwner {
		return api.Errorf(api.PermissionDenied, "the account %s belongs to %s", id, owner).WithReason(api.ReasonNotOwner)
	}
	return nil
}

// At sets a timer, "<domain>/<what>", or another time of it; the zero time takes it away.
func (a *Act) At(timer string, t time.Time) {
	a.timers = append(a.timers, engine.Timer{ID: timer, At: t})
}

// Run has something done outside of the machine: kind is "<domain>.<what>", id is unique for ever within the kind.
func (a *Act) Run(kind, id string, body any) {
	raw, err := codec.Marshal(body)
	if err != nil {
		a.err = err
		return
	}
	a.RunRaw(kind, id, raw)
}

// RunRaw is Run for a body that is written already.
func (a *Act) RunRaw(kind, id string, raw []byte) {
	a.effects = append(a.effects, engine.Effect{ID: kind + "/" + id, Kind: kind, Body: raw})
}

// Changed wakes who waits for an entity, "<domain>/<id>".
func (a *Act) Changed(entity string) { a.changed = append(a.changed, entity) }

// Opened is Changed for an entity that is new, which is told as an event.
func (a *Act) Opened(entity string) {
	a.Changed(entity)
	a.opened = append(a.opened, entity)
}

// New returns the entities that the command has opened.
func (a *Act) New() []string { return a.opened }

// Kinds of effects that every entity may have.
const (
	SaveEffect = "save" // an ended entity goes to the archive
	PageEffect = "page" // steps of its transcript do
)

// Page is the body of PageEffect.
type Page struct {
	Entity string `json:"entity"`
	From   uint64 `json:"from"`
}

// Save is the body of SaveEffect.
type Save struct {
	Entity string `json:"entity"`
}

// Ended has an entity archived with its transcript, and dropped afterwards.
func (a *Act) Ended(entity string) {
	a.Changed(entity)
	a.Run(SaveEffect, entity, Save{entity})
}

// Step adds a step to the transcript of an entity, and has a page of it archived when it is full. It returns the new head.
func (a *Act) Step(l *transcript.Log, entity, what, by string, body any) (head string, err error) {
	if err := l.Add(entity, a.Time, what, by, body, a.ID); err != nil {
		return "", err
	}
	if from, due := l.Due(); due {
		a.Run(PageEffect, entity+"/"+decimal(from), Page{entity, from})
	}
	return l.Head, nil
}

// Outside is what shall happen because of the command: who to wake, effects and timers.
func (a *Act) Outside() (changed []string, effects []engine.Effect, timers []engine.Timer, err error) {
	return a.changed, a.effects, a.timers, a.err
}
