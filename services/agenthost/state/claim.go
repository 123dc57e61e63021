package state

import (
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// Claim says for whom a state is read and written: one claim of one registration of an agent.
type Claim struct {
	Agent string
	// Registered is when the agent was registered. It tells registrations of one id apart, and nothing more.
	Registered time.Time
	Epoch      uint64
	// Revision is that of the agent's record at the claim, or later while the claim holds: it orders registrations.
	Revision string
}

// ClaimOf returns the claim that an agent's record is under.
func ClaimOf(a *api.Agent) Claim {
	return Claim{Agent: a.ID, Registered: a.RegisteredAt, Epoch: a.Epoch, Revision: a.Revision}
}

// record is what is kept of an agent.
type record struct {
	Registered time.Time `json:"registered_at"`
	Epoch      uint64    `json:"epoch"`
	Revision   string    `json:"claim_revision,omitempty"`
	// Instance names the instance that the record belongs to.
	Instance string `json:"instance"`
	// Save numbers the instance's calls of Save, so that it knows its own again.
	Save uint64 `json:"save,omitempty"`
	// Version counts the states that were saved; 0 means none.
	Version uint64 `json:"version"`
	// Data is the state, unless it is kept in parts.
	Data json.RawMessage `json:"data,omitempty"`
	Body *body           `json:"body,omitempty"`
	// Rubbish names bodies of which parts may be left.
	Rubbish []string `json:"rubbish,omitempty"`
}

// taken returns the record as it is when an instance of the claim has taken it over from whoever had it.
func (r *record) taken(c Claim, instance string) *record {
	next := &record{Registered: c.Registered, Epoch: c.Epoch, Revision: c.Revision, Instance: instance}
	if r == nil {
		return next
	}
	next.Rubbish = r.Rubbish
	switch {
	case r.Registered.Equal(c.Registered):
		next.Version, next.Data, next.Body = r.Version, r.Data, r.Body
	case r.Body != nil:
		next.Rubbish = append(next.Rubbish[:len(next.Rubbish):len(next.Rubbish)], r.Body.ID)
	}
	return next
}

// later tells whether the record belongs to a later claim than c.
func (r *record) later(c Claim) bool {
	if r.Registered.Equal(c.Registered) {
		return r.Epoch > c.Epoch
	}
	return kv.Later(r.Revision, c.Revision) != c.Revision
}

// unseen tells whether an instance of the claim that found no record has missed a state of its agent.
func (r *record) unseen(c Claim) bool { return r.Version > 0 && r.Registered.Equal(c.Registered) }
