package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/shared/api"
)

// Contract is an agreement.
type Contract = api.Contract

// State has the live contracts, and what all that ever were add up to.
type State struct {
	Contracts draft.Table[*Contract] `json:"contracts"`
	// Tallies has one row: what all contracts add up to.
	Tallies draft.Table[*Tally] `json:"tallies"`
}

const all = "all"

// New returns a state without contracts.
func New() *State {
	return &State{Contracts: draft.Table[*Contract]{}, Tallies: draft.Table[*Tally]{}}
}

// Draft begins changes of the state.
func (s *State) Draft() *Draft { return &Draft{draft.Of(s.Contracts), draft.Of(s.Tallies)} }

// Draft has the changes of one command.
type Draft struct {
	contracts draft.Draft[*Contract]
	tallies   draft.Draft[*Tally]
}

// Apply makes the changes.
func (d *Draft) Apply() {
	d.contracts.Apply()
	d.tallies.Apply()
}

// ID returns the id of the contract that comes of an origin: "tender-t1" of "tender/t1", and a digest where that would be too long, or
// would not tell two origins apart.
func ID(origin string) string {
	if id := strings.Replace(origin, "/", "-", 1); api.ValidID(id) {
		return id
	}
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:16])
}

// Entity is what those who wait for a contract wait for.
func Entity(id string) string { return "contract/" + id }

// Open adds a contract, with the defaults of its terms, and counts its time from now. The hold must be there and cover the price; the
// command that opens a contract uses desk.Open, which checks that and sets the timer. Errors: invalid (invalid_contract), conflict
// (contract_exists), overloaded (too_many_contracts).
func (d *Draft) Open(now time.Time, c Contract) error {
	if err := c.Check(); err != nil {
		return err
	}
	if _, ok := d.contracts.Get(c.ID); ok {
		return api.Errorf(api.Conflict, "there is a contract %s", c.ID).WithReason(api.ReasonContractExists).WithFields("id")
	}
	if d.contracts.Len() >= api.MaxContracts {
		return api.Errorf(api.Overloaded, "%d contracts are live; settle some first", api.MaxContracts).WithReason(api.ReasonManyContracts)
	}
	c.Terms = Fill(c.Terms)
	if c.Ceiling < c.Price {
		c.Ceiling = c.Price
	}
	c.State, c.OpenedAt, c.Due = api.ContractOpen, now, now.Add(c.Terms.Completion.Std())
	c.DeliveredAt, c.EndedAt, c.Result, c.CancelledBy, c.Outcome, c.Revision = time.Time{}, time.Time{}, nil, "", nil, ""
	d.contracts.Put(c.ID, &c)
	d.tally().Opened++
	return nil
}

// Get returns a contract to read: not_found (contract_not_found) if there is none.
func (d *Draft) Get(id string) (*Contract, error) {
	if c, ok := d.contracts.Get(id); ok {
		return c, nil
	}
	return nil, missing(id)
}

// Get returns a contract to read: not_found (contract_not_found) if there is none.
func (s *State) Get(id string) (*Contract, error) {
	if c, ok := s.Contracts[id]; ok {
		return c, nil
	}
	return nil, missing(id)
}

func missing(id string) error {
	return api.Errorf(api.NotFound, "there is no contract %s", id).WithReason(api.ReasonContractNotFound).WithFields("id")
}

// Live returns a copy to change of a contract that has not ended: failed_precondition (contract_ended) if it has.
func (d *Draft) Live(id string) (*Contract, error) {
	c, ok := d.contracts.Edit(id)
	switch {
	case !ok:
		return nil, missing(id)
	case c.State.Over():
		return nil, api.Errorf(api.FailedPrecondition, "contract %s is %s", id, c.State).WithReason(api.ReasonContractEnded)
	}
	return c, nil
}

// Drop forgets a contract that has ended and is archived.
func (d *Draft) Drop(id string) {
	if c, ok := d.contracts.Get(id); ok && c.State.Over() {
		d.contracts.Delete(id)
	}
}
