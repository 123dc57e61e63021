package tender

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract/desk"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Kinds of effects: to submit the durable task, and to look how it stands.
const (
	ExecuteEffect = "execute"
	CheckEffect   = "check"
)

// The times between two looks at a durable task: a quarter of its age, within bounds.
const (
	lookTimer = "/look"
	lookLeast = 250 * time.Millisecond
	lookMost  = 30 * time.Second
)

// Check is the body of CheckEffect: the task to look at, and until when that matters.
type Check struct {
	Task  string    `json:"task"`
	Until time.Time `json:"until"`
}

// Seen is what the effects bring: how the task stands. An Error without a status means that there is no such task, and will be none.
type Seen struct {
	Status api.TaskStatus  `json:"status,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// execute has the task submitted, under the id of the contract, so that it is there once.
func execute(a *act.Act, t *Tender, b *Bid) {
	a.Run("tender."+ExecuteEffect, t.Spec.ID, api.TaskSpec{
		ID: t.Award.Contract, Job: t.Spec.Task.Job, Name: t.Spec.Task.Name, Capability: api.OwnCapability(b.Bidder), Payload: t.Spec.Task.Payload,
		Timeout: b.Time, Deadline: a.Time.Add(b.Time.Std()),
	})
}

func look(a *act.Act, t *Tender) {
	c, err := a.Contracts.Get(t.Award.Contract)
	if err != nil || c.State != api.ContractOpen {
		return
	}
	t.Looks++
	a.Run("tender."+CheckEffect, t.Spec.ID+"/"+strconv.Itoa(t.Looks), Check{t.Award.Task, c.Due})
}

// Outcome takes in how the durable task of a tender stands. A result that is there is accepted, unless the announcer or a judge checks
// it; what has failed is a breach.
func Outcome(a *act.Act, d *Draft, _, id string, body []byte) error {
	t, err := d.edit(tenderOf(id))
	if err != nil || t.State != api.TenderAwarded {
		return nil //nolint:nilerr // it has ended, and was dropped
	}
	var seen Seen
	if err := codec.Read(body, &seen); err != nil {
		return err
	}
	c, err := a.Contracts.Live(t.Award.Contract)
	if err != nil || c.State != api.ContractOpen {
		return nil //nolint:nilerr // its time was up before
	}
	switch {
	case seen.Status == api.TaskSucceeded && len(seen.Result) > 0 && string(seen.Result) != "null":
		if _, err = desk.Deliver(a, c.ID, seen.Result); err == nil && !t.Spec.Check && c.Terms.Judge == "" {
			_, err = desk.Fulfil(a, c.ID, desk.Verdict{Reason: "the task has a result"})
		}
	case seen.Status == api.TaskSucceeded:
		_, err = desk.Breach(a, c.ID, "", "the task has no result")
	case seen.Status == api.TaskCancelled, seen.Status == "" && seen.Error != "":
		_, err = desk.Cancel(a, c.ID, "", "the task was not carried out: "+seen.Error)
	case seen.Status == api.TaskFailed:
		_, err = desk.Breach(a, c.ID, "", seen.Error)
	default:
		a.At(Entity(t.Spec.ID)+lookTimer, a.Time.Add(min(max(a.Time.Sub(t.Award.At)/4, lookLeast), lookMost)))
	}
	return err
}
