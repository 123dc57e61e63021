package api

import "encoding/json"

// Bounds of the primitives of coordination.
const (
	MaxParties  = 10_000   // of a barrier
	MaxCell     = 64 << 10 // bytes of the value of a cell
	MaxSequence = 1 << 20  // numbers taken from a sequence at once
)

// Cell is a value that is guarded by fencing tokens: a write with a token below the highest that the cell has seen is fenced.
type Cell struct {
	Name string `json:"name"`
	// Token is the highest that the cell has seen.
	Token uint64 `json:"token"`
	// Value is a JSON value; absent until one is put.
	Value json.RawMessage `json:"value,omitempty"`
	// Version counts the values that were put.
	Version  uint64 `json:"version"`
	Revision string `json:"revision,omitempty"`
}

// Barrier is where parties wait for one another. It can be used again: each time it opens a generation ends.
type Barrier struct {
	Name    string `json:"name"`
	Parties int    `json:"parties"`
	// Generation counts how often the barrier has opened.
	Generation uint64 `json:"generation"`
	// Arrived are the members that wait in this generation, in the order of their arrival.
	Arrived  []string `json:"arrived,omitempty"`
	Revision string   `json:"revision,omitempty"`
}

// Latch is a count that goes down to zero once.
type Latch struct {
	Name     string `json:"name"`
	Count    int64  `json:"count"`
	Revision string `json:"revision,omitempty"`
}

// Counter is an exact number that everybody counts together.
type Counter struct {
	Name     string `json:"name"`
	Value    int64  `json:"value"`
	Revision string `json:"revision,omitempty"`
}

// SequenceRange is a range of numbers that nobody else has or will get: from First to Last, both included.
type SequenceRange struct {
	Name     string `json:"name"`
	First    uint64 `json:"first"`
	Last     uint64 `json:"last"`
	Revision string `json:"revision,omitempty"`
}

// The methods of services/coordination about cells, barriers, latches, counters and sequences.
var (
	CellsOpen = Method[CellOpenRequest, Cell]{
		Service: "coordination", Noun: "cells", Verb: "open", Write: true,
		Doc: "Raises a cell to a token and returns what it holds. From then on whoever has a lower token is fenced, so a new holder of a lock opens a cell before it reads.",
	}
	CellsPut = Method[CellPutRequest, Cell]{
		Service: "coordination", Noun: "cells", Verb: "put", Write: true,
		Doc: "Replaces the value of a cell; a token below the cell's is fenced (stale_token).",
	}
	CellsGet = Method[GetRequest, Cell]{
		Service: "coordination", Noun: "cells", Verb: "get",
		Doc: "Returns a cell as its store's leader has it, or not_found (cell_not_found). Its name is the id.",
	}
	CellsRemove = Method[CellOpenRequest, Empty]{
		Service: "coordination", Noun: "cells", Verb: "remove", Write: true,
		Doc: "Empties a cell; a token below the cell's is fenced (stale_token). The cell still knows its token.",
	}

	BarriersArrive = Method[BarrierArriveRequest, Barrier]{
		Service: "coordination", Noun: "barriers", Verb: "arrive", Write: true,
		Doc: "Arrives at a barrier and waits until all parties have: the answer then has a generation above the one that was joined. When wait is over first it is deadline_exceeded (timeout), and the member has left again.",
	}
	BarriersLeave = Method[BarrierLeaveRequest, Barrier]{
		Service: "coordination", Noun: "barriers", Verb: "leave", Write: true,
		Doc: "Takes back an arrival at a barrier that has not opened.",
	}
	BarriersGet = Method[GetRequest, Barrier]{
		Service: "coordination", Noun: "barriers", Verb: "get",
		Doc: "Returns a barrier, or not_found (barrier_not_found). Its name is the id.",
	}

	LatchesCreate = Method[LatchCreateRequest, Latch]{
		Service: "coordination", Noun: "latches", Verb: "create", Write: true,
		Doc: "Makes a latch with a count. One of that name with another count is conflict (already_registered).",
	}
	LatchesCountDown = Method[LatchCountDownRequest, Latch]{
		Service: "coordination", Noun: "latches", Verb: "count_down", Write: true,
		Doc: "Takes from the count of a latch, which never goes below zero.",
	}
	LatchesWait = Method[LatchWaitRequest, Latch]{
		Service: "coordination", Noun: "latches", Verb: "wait",
		Doc: "Waits until a latch is at zero, or is deadline_exceeded (timeout) when wait is over first. Without wait it tells the count.",
	}
	LatchesRemove = Method[DeregisterRequest, DeregisterResponse]{
		Service: "coordination", Noun: "latches", Verb: "remove", Write: true,
		Doc: "Removes a latch. Who waits for it hears not_found (latch_not_found).",
	}

	CountersAdd = Method[CounterAddRequest, Counter]{
		Service: "coordination", Noun: "counters", Verb: "add", Write: true,
		Doc: "Adds to a counter, which begins at 0, and returns its new value. What does not fit 64 bits is refused. With a request id an addition counts once however often it is repeated.",
	}
	CountersGet = Method[GetRequest, Counter]{
		Service: "coordination", Noun: "counters", Verb: "get",
		Doc: "Returns a counter as its store's leader has it; one that was never added to is 0. Its name is the id.",
	}
	CountersRemove = Method[DeregisterRequest, DeregisterResponse]{
		Service: "coordination", Noun: "counters", Verb: "remove", Write: true,
		Doc: "Removes a counter: it is 0 again.",
	}

	SequencesNext = Method[SequenceNextRequest, SequenceRange]{
		Service: "coordination", Noun: "sequences", Verb: "next", Write: true,
		Doc: "Takes the next numbers of a sequence, which begins at 1 and has no gaps but those whose takers were lost.",
	}
)

// CellOpenRequest names a cell and the token of who asks.
type CellOpenRequest struct {
	Name  string `json:"name"`
	Token uint64 `json:"token"`
}

// Validate implements Validator.
func (r *CellOpenRequest) Validate() error { return checkToken(r.Name, r.Token) }

func checkToken(name string, token uint64) error {
	if token == 0 {
		return Errorf(Invalid, "token is required: it comes with the grant of a lock").WithReason(ReasonMissingFields).WithFields("token")
	}
	return CheckID("name", name)
}

// CellPutRequest replaces the value of a cell.
type CellPutRequest struct {
	Name  string          `json:"name"`
	Token uint64          `json:"token"`
	Value json.RawMessage `json:"value"`
}

// Validate implements Validator.
func (r *CellPutRequest) Validate() error {
	if len(r.Value) == 0 {
		return Errorf(Invalid, "value is required: any JSON value").WithReason(ReasonMissingFields).WithFields("value")
	}
	if len(r.Value) > MaxCell {
		return Errorf(Invalid, "value has %d bytes, at most %d are allowed", len(r.Value), MaxCell).WithFields("value")
	}
	return checkToken(r.Name, r.Token)
}

// BarrierArriveRequest arrives at a barrier.
type BarrierArriveRequest struct {
	Name string `json:"name"`
	// Parties is how many the barrier waits for; all give the same number.
	Parties int `json:"parties"`
	// Member names who arrives: arriving twice in a generation counts once. One is made from the request id, or at random,
	// unless it is given.
	Member string `json:"member,omitempty"`
	// Wait is for how long to wait; until the request's own deadline unless given.
	Wait Duration `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *BarrierArriveRequest) Validate() error {
	if r.Parties < 1 || r.Parties > MaxParties {
		return Errorf(Invalid, "parties must be 1 to %d", MaxParties).WithFields("parties")
	}
	if err := checkWait(r.Wait); err != nil {
		return err
	}
	if err := CheckOptionalID("member", r.Member); err != nil {
		return err
	}
	return CheckID("name", r.Name)
}

// BarrierLeaveRequest takes an arrival back.
type BarrierLeaveRequest struct {
	Name   string `json:"name"`
	Member string `json:"member"`
}

// Validate implements Validator.
func (r *BarrierLeaveRequest) Validate() error {
	if err := CheckID("member", r.Member); err != nil {
		return err
	}
	return CheckID("name", r.Name)
}

// LatchCreateRequest makes a latch.
type LatchCreateRequest struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

// Validate implements Validator.
func (r *LatchCreateRequest) Validate() error {
	if r.Count < 1 {
		return Errorf(Invalid, "count must be 1 or more").WithFields("count")
	}
	return CheckID("name", r.Name)
}

// LatchCountDownRequest takes from a latch.
type LatchCountDownRequest struct {
	Name string `json:"name"`
	// By is 1 unless given.
	By int64 `json:"by,omitempty"`
}

// Validate implements Validator.
func (r *LatchCountDownRequest) Validate() error {
	if r.By < 0 {
		return Errorf(Invalid, "by must be 1 or more").WithFields("by")
	}
	return CheckID("name", r.Name)
}

// LatchWaitRequest waits for a latch.
type LatchWaitRequest struct {
	Name string   `json:"name"`
	Wait Duration `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *LatchWaitRequest) Validate() error {
	if err := checkWait(r.Wait); err != nil {
		return err
	}
	return CheckID("name", r.Name)
}

// CounterAddRequest adds to a counter.
type CounterAddRequest struct {
	Name string `json:"name"`
	// By may be negative; 1 unless given.
	By *int64 `json:"by,omitempty"`
}

// Validate implements Validator.
func (r *CounterAddRequest) Validate() error { return CheckID("name", r.Name) }

// SequenceNextRequest takes numbers from a sequence.
type SequenceNextRequest struct {
	Name string `json:"name"`
	// N is how many; 1 unless given.
	N int `json:"n,omitempty"`
}

// Validate implements Validator.
func (r *SequenceNextRequest) Validate() error {
	if r.N < 0 || r.N > MaxSequence {
		return Errorf(Invalid, "n must be 1 to %d", MaxSequence).WithFields("n")
	}
	return CheckID("name", r.Name)
}
