package engine

import (
	"bytes"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// command carries out a command of a batch, or gives the answer that it had.
func (e *Engine[S]) command(a *Applied, c *Command, r *Reply) error {
	if c.ID == "" {
		return e.execute(a, c, r)
	}
	e.key = requestKey(e.key[:0], c)
	if first := e.kept.byKey[string(e.key)]; first != nil {
		if first.hash != c.Hash {
			r.Err = api.Errorf(api.Conflict, "this request id was used for another request: choose a new one").WithReason(api.ReasonRequestReused)
			return nil
		}
		r.Answer, r.Err, r.Repeated = first.body, first.err, true
		return nil
	}
	if r.Err = checkAge(c.ID, e.time, e.kept.floor); r.Err != nil {
		return nil
	}
	if !e.kept.makeRoom(c.ID, e.time) {
		r.Err = api.Errorf(api.Overloaded, "too many answers are kept for repetitions: try again later").WithReason(api.ReasonServerFull)
		return nil
	}
	key := string(e.key)
	if err := e.execute(a, c, r); err != nil {
		return err
	}
	if r.Err == nil || r.Err.Code != api.Overloaded && r.Err.Code != api.Unavailable { // those are for now
		e.kept.add(&answer{key: key, hash: strings.Clone(c.Hash), body: bytes.Clone(r.Answer), err: r.Err, until: keepUntil(c.ID, e.time)})
	}
	return nil
}

// execute carries out a command: the engine's own, or the machine's.
func (e *Engine[S]) execute(a *Applied, c *Command, r *Reply) error {
	if strings.HasPrefix(c.Kind, "~") {
		return e.own(a, c, r)
	}
	return e.decide(a, c, r)
}
