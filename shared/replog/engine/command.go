package engine

import (
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
		hash, body := first.says()
		if hash != c.Hash {
			r.Err = api.Errorf(api.Conflict, "this request id was used for another request: choose a new one").WithReason(api.ReasonRequestReused)
			return nil
		}
		if r.Err, r.Repeated = first.err, true; r.Err == nil {
			r.Answer = []byte(body)
		}
		return nil
	}
	made, timed := idTime(c.ID)
	if r.Err = checkAge(made, timed, e.time, e.kept.floor); r.Err != nil {
		return nil
	}
	if !e.kept.makeRoom(timed, e.time) {
		r.Err = api.Errorf(api.Overloaded, "too many answers are kept for repetitions: try again later").WithReason(api.ReasonServerFull)
		return nil
	}
	if err := e.execute(a, c, r); err != nil {
		return err
	}
	if r.Err == nil || r.Err.Code != api.Overloaded && r.Err.Code != api.Unavailable { // those are for now
		e.kept.add(newAnswer(e.key, c.Hash, r.Answer, r.Err), keepUntil(made, timed, e.time), timed)
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
