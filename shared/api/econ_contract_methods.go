package api

import (
	"encoding/json"
	"slices"
)

// The methods of services/economics about contracts.
var (
	ContractsGet = Method[ContractGetRequest, Contract]{
		Service: "economics", Noun: "contracts", Verb: "get",
		Doc: "Returns a contract, or not_found (contract_not_found). With wait it waits until the contract has another state than since, or has ended.",
	}
	ContractsList = Method[ContractsListRequest, ContractsListResponse]{
		Service: "economics", Noun: "contracts", Verb: "list",
		Doc: "Returns live contracts by party, state and origin, in the order of their ids, a page at a time.",
	}
	ContractsDeliver = Method[ContractDeliverRequest, Contract]{
		Service: "economics", Noun: "contracts", Verb: "deliver", Write: true,
		Doc: "The provider has done it: the result goes to the buyer to judge. Refused with not_party, already_delivered, contract_ended.",
	}
	ContractsAccept = Method[ContractAcceptRequest, Contract]{
		Service: "economics", Noun: "contracts", Verb: "accept", Write: true,
		Doc: "The buyer, or the judge of the terms, accepts what was delivered, and the contract is settled: the price and what was earned beside it are paid from the hold, the rest goes back, and the quality counts for the provider's reputation. Refused with not_delivered, not_party, judge_decides, contract_ended.",
	}
	ContractsReject = Method[ContractRejectRequest, Contract]{
		Service: "economics", Noun: "contracts", Verb: "reject", Write: true,
		Doc: "The buyer rejects what was delivered: in breach, or disputed when the terms name a judge, whose rejection is the last. Refused with not_delivered, not_party, contract_ended.",
	}
	ContractsCancel = Method[ContractCancelRequest, Contract]{
		Service: "economics", Noun: "contracts", Verb: "cancel", Write: true,
		Doc: "A party gives the contract up. It is cancelled when the other does too; a provider who does not want to wait for that says forfeit, and is in breach. An operator cancels at once. Refused with not_party, contract_ended.",
	}
	ContractsStats = Method[ContractsStatsRequest, ContractStats]{
		Service: "economics", Noun: "contracts", Verb: "stats",
		Doc: "Counts contracts since the log began and adds up what was paid.",
	}
)

var econContractMethods = []Descriptor{
	ContractsGet.Describe(), ContractsList.Describe(), ContractsDeliver.Describe(), ContractsAccept.Describe(), ContractsReject.Describe(),
	ContractsCancel.Describe(), ContractsStats.Describe(),
}

// ContractGetRequest asks for a contract.
type ContractGetRequest struct {
	ID string `json:"id"`
	// Since is the state that is known.
	Since ContractState `json:"since,omitempty"`
	// Wait is how long to wait until it has another one; the request's own deadline limits it too.
	Wait        Duration `json:"wait,omitzero"`
	MinRevision string   `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *ContractGetRequest) Validate() error {
	return first(CheckID("id", r.ID), checkContractState("since", r.Since), checkWait(r.Wait))
}

func checkContractState(field string, s ContractState) error {
	if s != "" && !slices.Contains(ContractStates, s) {
		return Errorf(Invalid, "%s must be one of %v", field, ContractStates).WithFields(field)
	}
	return nil
}

// ContractsListRequest selects contracts.
type ContractsListRequest struct {
	// Party keeps those of a buyer or provider.
	Party string        `json:"party,omitempty"`
	State ContractState `json:"state,omitempty"`
	// Origin keeps those whose origin begins so: "bazaar/m1/".
	Origin string `json:"origin,omitempty"`
	After  string `json:"after,omitempty"`
	Limit  int    `json:"limit,omitempty"`

	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *ContractsListRequest) Validate() error {
	return first(CheckOptionalID("party", r.Party), checkContractState("state", r.State), CheckOptionalID("after", r.After), checkPage(r.Limit),
		checkOrigin(r.Origin))
}

func checkOrigin(s string) error {
	if len(s) > 3*MaxIDLength {
		return Errorf(Invalid, "origin has %d bytes, at most %d are allowed", len(s), 3*MaxIDLength).WithFields("origin")
	}
	return nil
}

// ContractsListResponse is a page of contracts, without items and results.
type ContractsListResponse struct {
	Contracts []Contract `json:"contracts"`
	Next      string     `json:"next,omitempty"`
	Revision  string     `json:"revision,omitempty"`
}

// ContractDeliverRequest delivers what a contract is about.
type ContractDeliverRequest struct {
	ID     string          `json:"id"`
	Result json.RawMessage `json:"result,omitempty"`
}

// Validate implements Validator.
func (r *ContractDeliverRequest) Validate() error {
	return first(CheckID("id", r.ID), checkContractItem("result", r.Result))
}

// ContractAcceptRequest accepts what was delivered.
type ContractAcceptRequest struct {
	ID string `json:"id"`
	// Quality is 0 to 1; the guarantee unless given. Below the guarantee the price is less.
	Quality *Decimal `json:"quality,omitempty"`
	// Satisfaction is 0 to 1; the quality unless given.
	Satisfaction *Decimal `json:"satisfaction,omitempty"`
	Reason       string   `json:"reason,omitempty"`
}

// Validate implements Validator.
func (r *ContractAcceptRequest) Validate() error {
	err := first(CheckID("id", r.ID), checkContractReason(r.Reason))
	if err == nil && r.Quality != nil {
		err = checkShare("quality", *r.Quality)
	}
	if err == nil && r.Satisfaction != nil {
		err = checkShare("satisfaction", *r.Satisfaction)
	}
	return err
}

// ContractRejectRequest rejects what was delivered.
type ContractRejectRequest struct {
	ID     string `json:"id"`
	Reason string `json:"reason,omitempty"`
}

// Validate implements Validator.
func (r *ContractRejectRequest) Validate() error {
	return first(CheckID("id", r.ID), checkContractReason(r.Reason))
}

// ContractCancelRequest gives a contract up.
type ContractCancelRequest struct {
	ID     string `json:"id"`
	Reason string `json:"reason,omitempty"`
	// Forfeit is the provider's word that it will not deliver, whether or not the buyer agrees.
	Forfeit bool `json:"forfeit,omitempty"`
}

// Validate implements Validator.
func (r *ContractCancelRequest) Validate() error {
	return first(CheckID("id", r.ID), checkContractReason(r.Reason))
}

// ContractsStatsRequest asks for counts.
type ContractsStatsRequest struct {
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *ContractsStatsRequest) Validate() error { return nil }

// ContractStats are counts and sums since the log began.
type ContractStats struct {
	Opened    int64 `json:"opened"`
	Fulfilled int64 `json:"fulfilled"`
	Breached  int64 `json:"breached"`
	Cancelled int64 `json:"cancelled"`
	// Paid is what providers got and the system took, Fees the part of the system, Refunded what went back to buyers.
	Paid     Micro `json:"paid"`
	Fees     Micro `json:"fees"`
	Refunded Micro `json:"refunded"`
	// Quality and Satisfaction are the means over fulfilled and breached contracts; 0 when there are none.
	Quality      Decimal `json:"quality"`
	Satisfaction Decimal `json:"satisfaction"`
	// Duration is the mean time from the opening to the delivery of the fulfilled ones.
	Duration Duration `json:"duration,omitzero"`
	Revision string   `json:"revision,omitempty"`
}
