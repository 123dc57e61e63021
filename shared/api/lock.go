package api

import (
	"encoding/json"
	"time"
)

// Bounds of locks.
const (
	MaxLockWaiters  = 1024     // tickets of one lock; further ones are refused as overloaded
	MaxLockCapacity = 1 << 30  // permits of a semaphore
	MaxLockGone     = 64       // tickets that are remembered as given back
	MaxLockData     = 16 << 10 // bytes of what a candidate says of itself
)

// LockKind says what a lock is. A name has one kind for as long as it has tickets.
type LockKind string

// The kinds of locks. They are one mechanism: tickets in the order of their arrival, each of which takes a part of the lock's
// capacity. A ticket is granted when all before it are granted and its part is free.
const (
	LockMutex     LockKind = "mutex"     // capacity 1
	LockRW        LockKind = "rw"        // a writer takes all of the capacity, a reader one of it
	LockSemaphore LockKind = "semaphore" // as many permits as the first ticket said
	LockElection  LockKind = "election"  // capacity 1; the holder is the leader, its token the term
)

// LockKinds lists every kind.
var LockKinds = []LockKind{LockMutex, LockRW, LockSemaphore, LockElection}

// Lock is a lock with its tickets.
type Lock struct {
	Name string   `json:"name"`
	Kind LockKind `json:"kind"`
	// Capacity is what the holders may take together.
	Capacity int `json:"capacity"`
	// Last is the newest fencing token that was given.
	Last uint64 `json:"last,omitempty"`
	// Tickets are in the order of their arrival. The granted ones come first.
	Tickets []LockTicket `json:"tickets,omitempty"`
	// Gone are tickets, the newest last, that were given back while a request for them might still be on its way: it is refused.
	Gone     []string `json:"gone,omitempty"`
	Revision string   `json:"revision,omitempty"`
}

// LockTicket is somebody's place in the queue of a lock.
type LockTicket struct {
	// ID names the ticket; whoever asked for it chose it, or was given it.
	ID string `json:"id"`
	// Owner is the principal who asked; nobody else may release the ticket. Empty in an open namespace.
	Owner string `json:"owner,omitempty"`
	// Lease is the process lease that the ticket lives by.
	Lease string `json:"lease"`
	// Token fences: it is greater than that of every ticket before, of this lock and of every former one of its name.
	Token uint64 `json:"token,omitempty"`
	// Takes is the part of the capacity.
	Takes int `json:"takes"`
	// Granted says that the ticket holds the lock.
	Granted bool `json:"granted,omitempty"`
	// Until is when a ticket that is not granted loses its place, by the store's clock: some time after its owner has given up.
	Until time.Time `json:"until,omitzero"`
	// Data is what a candidate says of itself.
	Data json.RawMessage `json:"data,omitempty"`
}

// LockGrant is a ticket that holds its lock.
type LockGrant struct {
	Name   string   `json:"name"`
	Kind   LockKind `json:"kind"`
	Ticket string   `json:"ticket"`
	// Token is the fencing token, and the term of an election.
	Token    uint64 `json:"token"`
	Revision string `json:"revision,omitempty"`
}

// The methods of services/coordination about locks and elections.
var (
	LocksAcquire = Method[LockAcquireRequest, LockGrant]{
		Service: "coordination", Noun: "locks", Verb: "acquire", Write: true,
		Doc: "Takes a lock, first come first served. What is not granted within wait is conflict (lock_held) and leaves no ticket. Repeat a request whose answer was lost with the same ticket: it keeps its place. A ticket that is granted goes only by release or with its lease, never because a request for it has ended: whoever has no answer may hold the lock.",
	}
	LocksRelease = Method[LockReleaseRequest, Empty]{
		Service: "coordination", Noun: "locks", Verb: "release", Write: true,
		Doc: "Gives a lock, or a place in its queue, back. A ticket that is gone because its lease ended is fenced (lock_lost); that of another principal is permission_denied.",
	}
	LocksGet = Method[GetRequest, Lock]{
		Service: "coordination", Noun: "locks", Verb: "get",
		Doc: "Returns a lock with its holders and waiters, or not_found (lock_not_found). Its name is the id.",
	}
	LocksList = Method[LocksListRequest, LocksListResponse]{
		Service: "coordination", Noun: "locks", Verb: "list",
		Doc: "Returns the locks that somebody holds or waits for, in the order of their names, a page at a time.",
	}

	ElectionsCampaign = Method[CampaignRequest, LockGrant]{
		Service: "coordination", Noun: "elections", Verb: "campaign", Write: true,
		Doc: "Stands for election and waits until the candidate leads: the token is its term, and terms only grow. Otherwise as locks.acquire.",
	}
	ElectionsResign = Method[LockReleaseRequest, Empty]{
		Service: "coordination", Noun: "elections", Verb: "resign", Write: true,
		Doc: "Gives leadership, or candidacy, up. Otherwise as locks.release.",
	}
	ElectionsObserve = Method[ObserveRequest, Election]{
		Service: "coordination", Noun: "elections", Verb: "observe",
		Doc: "Returns who leads. With wait it waits for a leader of a term above after, and returns how things stand when the wait is over.",
	}
	ElectionsList = Method[LocksListRequest, ElectionsListResponse]{
		Service: "coordination", Noun: "elections", Verb: "list",
		Doc: "Returns the elections that have a leader or candidates, in the order of their names, a page at a time.",
	}
)

// LockAcquireRequest asks for a lock.
type LockAcquireRequest struct {
	Name string `json:"name"`
	// Kind is mutex unless given.
	Kind LockKind `json:"kind,omitempty"`
	// Shared asks for an rw lock as one of its readers.
	Shared bool `json:"shared,omitempty"`
	// Capacity is how many permits a semaphore has; needed for a semaphore, and the same for all who use it.
	Capacity int `json:"capacity,omitempty"`
	// Permits is how many of them are wanted; 1 unless given.
	Permits int `json:"permits,omitempty"`
	// Lease is the process lease that the lock is held by; see registry.leases.acquire.
	Lease string `json:"lease"`
	// Wait is for how long to wait; 0 tries once. The request's own deadline limits it too.
	Wait Duration `json:"wait,omitzero"`
	// Ticket names the ticket, so that the request can be repeated and the lock released without its answer. One is made
	// from the request id, or at random, unless it is given. A name is used once.
	Ticket string `json:"ticket,omitempty"`
}

// Validate implements Validator.
func (r *LockAcquireRequest) Validate() error {
	if err := checkTicket(r.Name, r.Lease, r.Ticket, r.Wait); err != nil {
		return err
	}
	switch r.Kind {
	case "", LockMutex, LockElection:
		if r.Shared || r.Capacity > 1 || r.Permits > 1 {
			return Errorf(Invalid, "shared goes with an rw lock, capacity and permits with a semaphore").WithFields("shared", "capacity", "permits")
		}
	case LockRW:
		if r.Capacity != 0 || r.Permits != 0 {
			return Errorf(Invalid, "capacity and permits go with a semaphore").WithFields("capacity", "permits")
		}
	case LockSemaphore:
		if r.Shared {
			return Errorf(Invalid, "shared goes with an rw lock").WithFields("shared")
		}
		if r.Capacity < 1 || r.Capacity > MaxLockCapacity {
			return Errorf(Invalid, "capacity must be 1 to %d", MaxLockCapacity).WithFields("capacity")
		}
		if r.Permits < 0 || r.Permits > r.Capacity {
			return Errorf(Invalid, "permits must be 1 to the capacity of %d", r.Capacity).WithFields("permits")
		}
	default:
		return Errorf(Invalid, "kind must be one of %v", LockKinds).WithFields("kind")
	}
	if r.Kind == LockElection {
		return Errorf(Invalid, "stand for election by elections.campaign").WithFields("kind")
	}
	return nil
}

func checkTicket(name, lease, ticket string, wait Duration) error {
	if err := CheckID("name", name); err != nil {
		return err
	}
	if err := CheckID("lease", lease); err != nil {
		return err
	}
	if err := checkWait(wait); err != nil {
		return err
	}
	return CheckOptionalID("ticket", ticket)
}

func checkWait(wait Duration) error {
	if wait < 0 || wait.Std().Seconds() > MaxRequestTimeout {
		return Errorf(Invalid, "wait must be 0s to %ds", MaxRequestTimeout).WithFields("wait")
	}
	return nil
}

// LockReleaseRequest gives a ticket back.
type LockReleaseRequest struct {
	Name   string `json:"name"`
	Ticket string `json:"ticket"`
	// Strays says that a request for the ticket may still be on its way, because it was sent twice or nobody has answered it. When it
	// arrives after this it is refused, and a ticket that is not there is no error.
	Strays bool `json:"strays,omitempty"`
}

// Validate implements Validator.
func (r *LockReleaseRequest) Validate() error {
	if err := CheckID("name", r.Name); err != nil {
		return err
	}
	return CheckID("ticket", r.Ticket)
}

// LocksListRequest asks for a page of locks, or of elections.
type LocksListRequest struct {
	// Kind selects locks of one kind; elections.list needs none.
	Kind LockKind `json:"kind,omitempty"`
	// Owner selects what a principal holds or waits for.
	Owner string `json:"owner,omitempty"`
	// Limit is the size of a page; 100 unless given.
	Limit int `json:"limit,omitempty"`
	// Cursor is next of the page before.
	Cursor      string `json:"cursor,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *LocksListRequest) Validate() error {
	switch r.Kind {
	case "", LockMutex, LockRW, LockSemaphore, LockElection:
	default:
		return Errorf(Invalid, "kind must be one of %v", LockKinds).WithFields("kind")
	}
	if err := checkPage(r.Limit); err != nil {
		return err
	}
	if err := CheckOptionalID("owner", r.Owner); err != nil {
		return err
	}
	return CheckOptionalID("cursor", r.Cursor)
}

// LocksListResponse is one page of locks.
type LocksListResponse struct {
	Locks    []Lock `json:"locks"`
	Next     string `json:"next,omitempty"`
	Revision string `json:"revision"`
}

// CampaignRequest stands for election.
type CampaignRequest struct {
	Name  string `json:"name"`
	Lease string `json:"lease"`
	// Wait, and Ticket, are as in locks.acquire.
	Wait   Duration `json:"wait,omitzero"`
	Ticket string   `json:"ticket,omitempty"`
	// Data is what observers are told of the leader: a JSON object of at most 16 KiB, its address for example.
	Data json.RawMessage `json:"data,omitempty"`
}

// Validate implements Validator.
func (r *CampaignRequest) Validate() error {
	if err := checkTicket(r.Name, r.Lease, r.Ticket, r.Wait); err != nil {
		return err
	}
	if len(r.Data) > MaxLockData {
		return Errorf(Invalid, "data has %d bytes, at most %d are allowed", len(r.Data), MaxLockData).WithFields("data")
	}
	return checkObject("data", r.Data)
}

// ObserveRequest asks who leads.
type ObserveRequest struct {
	Name string `json:"name"`
	// After is the term that the observer has seen; a later one is waited for.
	After uint64 `json:"after,omitempty"`
	// Wait is for how long to wait for a leader of a later term; 0 means not at all.
	Wait Duration `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *ObserveRequest) Validate() error {
	if err := checkWait(r.Wait); err != nil {
		return err
	}
	return CheckID("name", r.Name)
}

// Election is how an election stands.
type Election struct {
	Name string `json:"name"`
	// Leader is the leader's ticket; absent while nobody leads.
	Leader *LockTicket `json:"leader,omitempty"`
	// Term is the leader's, or the last that was.
	Term uint64 `json:"term"`
	// Candidates is how many others stand.
	Candidates int    `json:"candidates"`
	Revision   string `json:"revision,omitempty"`
}

// ElectionsListResponse is one page of elections.
type ElectionsListResponse struct {
	Elections []Election `json:"elections"`
	Next      string     `json:"next,omitempty"`
	Revision  string     `json:"revision"`
}
