package api

import (
	"encoding/json"
	"slices"
)

// The methods of services/economics about task markets.
var (
	TendersAnnounce = Method[TenderSpec, Tender]{
		Service: "economics", Noun: "tenders", Verb: "announce", Write: true,
		Doc: "Announces a task for bids, and holds its budget. Refused with insufficient_funds, tender_exists, too_many_tenders.",
	}
	TendersAnnounceMany = Method[TendersAnnounceManyRequest, TendersAnnounceManyResponse]{
		Service: "economics", Noun: "tenders", Verb: "announce_many", Write: true,
		Doc: "Announces up to 1000 tasks, each by itself and all at the same time: the answer has one result for each, in order.",
	}
	TendersBid = Method[TenderBidRequest, TenderBid]{
		Service: "economics", Noun: "tenders", Verb: "bid", Write: true,
		Doc: "Bids for a task. A further bid of the same principal takes the place of the one before. Bids are sealed until the award. Refused with tender_not_open, over_budget, own_tender, not_invited, too_many_bidders, insufficient_reputation.",
	}
	TendersBidMany = Method[TendersBidManyRequest, TendersBidManyResponse]{
		Service: "economics", Noun: "tenders", Verb: "bid_many", Write: true,
		Doc: "Bids for up to 1000 tasks, for each by itself and all at the same time: the answer has one result for each, in order.",
	}
	TendersWithdraw = Method[TenderWithdrawRequest, Tender]{
		Service: "economics", Noun: "tenders", Verb: "withdraw", Write: true,
		Doc: "Takes the principal's bid back while the tender is open. Taking back none changes nothing.",
	}
	TendersAward = Method[TenderAwardRequest, Tender]{
		Service: "economics", Noun: "tenders", Verb: "award", Write: true,
		Doc: "The announcer awards the task now, to the best of the bids there are. Refused with not_owner, tender_not_open, tender_no_bids.",
	}
	TendersCancel = Method[TenderCancelRequest, Tender]{
		Service: "economics", Noun: "tenders", Verb: "cancel", Write: true,
		Doc: "The announcer gives an open tender up, and has the budget back. Once it is awarded there is a contract to cancel: cannot_cancel.",
	}
	TendersComplete = Method[TenderCompleteRequest, Tender]{
		Service: "economics", Noun: "tenders", Verb: "complete", Write: true,
		Doc: "The announcer tells what came of an awarded task, and the contract is settled: done pays the winner by the quality, failed pays nothing, unless the terms name a judge. Failed needs a delivery, or a tender that the announcer executes. Refused with not_owner, tender_not_awarded, judge_decides.",
	}
	TendersGet = Method[TenderGetRequest, Tender]{
		Service: "economics", Noun: "tenders", Verb: "get",
		Doc: "Returns a tender, or not_found (tender_not_found). With wait it waits until the tender has another state than since, or has ended.",
	}
	TendersList = Method[TendersListRequest, TendersListResponse]{
		Service: "economics", Noun: "tenders", Verb: "list",
		Doc: "Returns live tenders by state, capability, announcer and job, in the order of their ids, a page at a time. With wait it waits until there is one.",
	}
)

var econTenderMethods = []Descriptor{
	TendersAnnounce.Describe(), TendersAnnounceMany.Describe(), TendersBid.Describe(), TendersBidMany.Describe(), TendersWithdraw.Describe(),
	TendersAward.Describe(), TendersCancel.Describe(), TendersComplete.Describe(), TendersGet.Describe(), TendersList.Describe(),
}

// TendersAnnounceManyRequest announces several tasks.
type TendersAnnounceManyRequest struct {
	Tenders []TenderSpec `json:"tenders"`
}

// Validate implements Validator; the tenders themselves are checked one by one.
func (r *TendersAnnounceManyRequest) Validate() error {
	if len(r.Tenders) == 0 || len(r.Tenders) > MaxBulk {
		return Errorf(Invalid, "tenders must have 1 to %d entries", MaxBulk).WithFields("tenders")
	}
	return nil
}

// TenderResult is what became of one announcement or bid of a bulk request: Error is set if it was refused.
type TenderResult struct {
	ID    string `json:"id"`
	Error *Error `json:"error,omitempty"`
}

// TendersAnnounceManyResponse has one result per tender, in the order of the request.
type TendersAnnounceManyResponse struct {
	Results  []TenderResult `json:"results"`
	Revision string         `json:"revision,omitempty"`
}

// TenderBidRequest bids for a task.
type TenderBidRequest struct {
	ID    string `json:"id"`
	Price Micro  `json:"price"`
	// Time and Quality are promised; see TenderBid.
	Time    Duration `json:"time,omitzero"`
	Quality Decimal  `json:"quality,omitzero"`
}

// Validate implements Validator.
func (r *TenderBidRequest) Validate() error {
	err := first(CheckID("id", r.ID), checkPrice("price", r.Price), checkContractTime("time", r.Time), checkShare("quality", r.Quality))
	if err == nil && r.Price < 1 {
		err = badTerm("price", "at least \"1\"")
	}
	return err
}

// TendersBidManyRequest bids for several tasks.
type TendersBidManyRequest struct {
	Bids []TenderBidRequest `json:"bids"`
}

// Validate implements Validator; the bids themselves are checked one by one.
func (r *TendersBidManyRequest) Validate() error {
	if len(r.Bids) == 0 || len(r.Bids) > MaxBulk {
		return Errorf(Invalid, "bids must have 1 to %d entries", MaxBulk).WithFields("bids")
	}
	return nil
}

// TendersBidManyResponse has one result per bid, in the order of the request.
type TendersBidManyResponse struct {
	Results  []TenderResult `json:"results"`
	Revision string         `json:"revision,omitempty"`
}

// TenderWithdrawRequest takes a bid back.
type TenderWithdrawRequest struct {
	ID string `json:"id"`
}

// Validate implements Validator.
func (r *TenderWithdrawRequest) Validate() error { return CheckID("id", r.ID) }

// TenderAwardRequest awards a task now.
type TenderAwardRequest struct {
	ID string `json:"id"`
}

// Validate implements Validator.
func (r *TenderAwardRequest) Validate() error { return CheckID("id", r.ID) }

// TenderCancelRequest gives a tender up.
type TenderCancelRequest struct {
	ID     string `json:"id"`
	Reason string `json:"reason,omitempty"`
}

// Validate implements Validator.
func (r *TenderCancelRequest) Validate() error {
	return first(CheckID("id", r.ID), checkContractReason(r.Reason))
}

// TenderOutcome is what came of an awarded task.
type TenderOutcome string

// The outcomes.
const (
	OutcomeDone   TenderOutcome = "done"
	OutcomeFailed TenderOutcome = "failed"
)

// TenderOutcomes lists every outcome.
var TenderOutcomes = []TenderOutcome{OutcomeDone, OutcomeFailed}

// TenderCompleteRequest tells what came of an awarded task.
type TenderCompleteRequest struct {
	ID      string        `json:"id"`
	Outcome TenderOutcome `json:"outcome"`
	// Quality is 0 to 1; the guarantee unless given. Satisfaction is the quality unless given.
	Quality      *Decimal        `json:"quality,omitempty"`
	Satisfaction *Decimal        `json:"satisfaction,omitempty"`
	Result       json.RawMessage `json:"result,omitempty"`
	Reason       string          `json:"reason,omitempty"`
}

// Validate implements Validator.
func (r *TenderCompleteRequest) Validate() error {
	if !slices.Contains(TenderOutcomes, r.Outcome) {
		return Errorf(Invalid, "outcome must be one of %v", TenderOutcomes).WithFields("outcome")
	}
	a := ContractAcceptRequest{ID: r.ID, Quality: r.Quality, Satisfaction: r.Satisfaction, Reason: r.Reason}
	return first(a.Validate(), checkContractItem("result", r.Result))
}

// TenderGetRequest asks for a tender.
type TenderGetRequest struct {
	ID string `json:"id"`
	// Since is the state that is known.
	Since TenderState `json:"since,omitempty"`
	// Wait is how long to wait until it has another one; the request's own deadline limits it too.
	Wait        Duration `json:"wait,omitzero"`
	MinRevision string   `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *TenderGetRequest) Validate() error {
	return first(CheckID("id", r.ID), checkTenderState("since", r.Since), checkWait(r.Wait))
}

func checkTenderState(field string, s TenderState) error {
	if s != "" && !slices.Contains(TenderStates, s) {
		return Errorf(Invalid, "%s must be one of %v", field, TenderStates).WithFields(field)
	}
	return nil
}

// TendersListRequest selects tenders.
type TendersListRequest struct {
	State      TenderState `json:"state,omitempty"`
	Capability string      `json:"capability,omitempty"`
	Announcer  string      `json:"announcer,omitempty"`
	Job        string      `json:"job,omitempty"`
	// Winner keeps those that are awarded to somebody.
	Winner string `json:"winner,omitempty"`
	// Fresh keeps those for which the principal may bid and has not yet.
	Fresh bool   `json:"fresh,omitempty"`
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
	// Wait is how long to wait for the first one.
	Wait        Duration `json:"wait,omitzero"`
	MinRevision string   `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *TendersListRequest) Validate() error {
	return first(checkTenderState("state", r.State), CheckOptionalID("capability", r.Capability), CheckOptionalID("announcer", r.Announcer),
		CheckOptionalID("job", r.Job), CheckOptionalID("winner", r.Winner), CheckOptionalID("after", r.After), checkPage(r.Limit), checkWait(r.Wait))
}

// TendersListResponse is a page of tenders, without bids and contracts.
type TendersListResponse struct {
	Tenders  []Tender `json:"tenders"`
	Next     string   `json:"next,omitempty"`
	Revision string   `json:"revision,omitempty"`
}
