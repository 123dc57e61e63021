package lockcheck

import (
	"cmp"
	"fmt"
	"slices"
)

// Kind is what an operation does.
type Kind string

// The kinds of operations.
const (
	Acquire Kind = "acquire" // a lock: OK if it was granted
	Release Kind = "release" // a lock: OK if the ticket was given back, not OK if it was not there
	Lost    Kind = "lost"    // the holder knows at Call that its lease has ended, or has died: from then on the lock may be another's
	Open    Kind = "open"    // a cell: OK with its value if the token was accepted, not OK if it was fenced
	Put     Kind = "put"     // a cell: OK if the token was accepted, not OK if it was fenced
	Get     Kind = "get"     // a cell: OK with its value
)

// Op is one operation of a client, from its first request to the answer that it went by: repetitions of a request belong to
// the same Op.
type Op struct {
	Client int
	Kind   Kind
	// Lock and Ticket name what is acquired, released or lost. A ticket is acquired once.
	Lock, Ticket string
	// Takes and Capacity are those of an acquisition; 1 unless given. All of a lock have the same capacity.
	Takes, Capacity int
	// Cell and Value name what is opened, put or got, and what it was given or held; "" is a cell without a value,
	// so that to remove is to put "".
	Cell, Value string
	// Token is the fencing token that an acquisition gave, or that an open or put carried.
	Token uint64
	// Call and Return are nanoseconds on one clock for all clients. Return means nothing for Lost, and where Unknown is set.
	// A holder no longer acts on a lock from the Call of its Release on.
	Call, Return int64
	OK           bool
	// Unknown says that no answer came: the operation may have happened at any time after Call, or may not.
	Unknown bool
}

func (o Op) String() string {
	outcome := "refused"
	if o.OK {
		outcome = "ok"
	}
	if o.Unknown {
		outcome = "unknown"
	}
	if o.Cell != "" {
		return fmt.Sprintf("client %d %s %s token %d value %q: %s in [%d, %d]", o.Client, o.Kind, o.Cell, o.Token, o.Value, outcome, o.Call, o.Return)
	}
	return fmt.Sprintf("client %d %s %s ticket %s token %d: %s in [%d, %d]", o.Client, o.Kind, o.Lock, o.Ticket, o.Token, outcome, o.Call, o.Return)
}

// Check tells what is wrong with a history, in any order of its operations, or returns nil. It demands, of each lock, that
// tokens are unique, that they grow from one acquisition to one that began after it, and that there is an order of all
// acquisitions and releases, in keeping with the clock and the tokens, in which the holders never take more than the
// capacity; and of each cell that it is linearizable and fences.
//
// An acquisition without a known grant asks for nothing: a ticket that nobody knows of can only keep others waiting.
func Check(ops []Op) error {
	locks, cells := map[string][]Op{}, map[string][]Op{}
	var lockNames, cellNames []string
	for _, o := range ops {
		if !o.Unknown && o.Kind != Lost && o.Return < o.Call {
			return fmt.Errorf("not a history: %v", o)
		}
		switch o.Kind {
		case Acquire, Release, Lost:
			if locks[o.Lock] == nil {
				lockNames = append(lockNames, o.Lock)
			}
			locks[o.Lock] = append(locks[o.Lock], o)
		case Open, Put, Get:
			if cells[o.Cell] == nil {
				cellNames = append(cellNames, o.Cell)
			}
			cells[o.Cell] = append(cells[o.Cell], o)
		default:
			return fmt.Errorf("not a history: %v", o)
		}
	}
	slices.Sort(lockNames)
	slices.Sort(cellNames)
	for _, name := range lockNames {
		if err := checkLock(name, locks[name]); err != nil {
			return err
		}
	}
	for _, name := range cellNames {
		if err := checkCell(name, cells[name]); err != nil {
			return err
		}
	}
	return nil
}

// checkLock brings the operations of one lock into the form of the model.
func checkLock(name string, ops []Op) error {
	grants := map[string]*Op{}
	var order []*Op
	capacity := 0
	for i := range ops {
		o := &ops[i]
		if o.Kind != Acquire || !o.OK || o.Unknown {
			continue
		}
		o.Takes, o.Capacity = max(o.Takes, 1), max(o.Capacity, 1)
		if grants[o.Ticket] != nil {
			return fmt.Errorf("not a history: ticket %s of lock %s is acquired twice", o.Ticket, name)
		}
		if capacity != 0 && capacity != o.Capacity {
			return fmt.Errorf("not a history: lock %s has capacity %d and %d", name, capacity, o.Capacity)
		}
		capacity = o.Capacity
		grants[o.Ticket] = o
		order = append(order, o)
	}
	if err := checkTokens(name, order); err != nil {
		return err
	}
	steps := make([]step, 0, 2*len(order))
	for _, o := range order {
		steps = append(steps, step{op: *o, call: o.Call, ret: o.Return})
	}
	// A hold ends for this purpose when its holder stops acting on it, known at Call. The store gives the ticket up later, which only
	// delays others; so an ending happens at that instant, after the grant.
	ends := map[string]int{} // where the ending of a ticket is
	for _, o := range ops {
		grant := grants[o.Ticket]
		if o.Kind == Acquire || grant == nil {
			continue
		}
		o.Takes = grant.Takes
		at := max(o.Call, grant.Return+1)
		if i, again := ends[o.Ticket]; again {
			at = min(at, steps[i].call)
			steps[i].call, steps[i].ret = at, at
			continue
		}
		ends[o.Ticket] = len(steps)
		steps = append(steps, step{op: o, call: at, ret: at})
	}
	return linearize("lock "+name, lockModel(capacity), steps)
}

// checkTokens demands that tokens are unique and grow with time.
func checkTokens(name string, grants []*Op) error {
	byToken := slices.Clone(grants)
	slices.SortFunc(byToken, func(a, b *Op) int {
		return cmp.Compare(a.Token, b.Token)
	})
	var latest *Op // the call that came last, of those with lower tokens
	for i, o := range byToken {
		if o.Token == 0 || i > 0 && byToken[i-1].Token == o.Token {
			return fmt.Errorf("lock %s: token %d was given twice, or is none: %v", name, o.Token, o)
		}
		if latest != nil && latest.Call > o.Return {
			return fmt.Errorf("lock %s: %v had returned before this began, which has a lower token: %v", name, o, latest)
		}
		if latest == nil || o.Call > latest.Call {
			latest = o
		}
	}
	return nil
}

// checkCell brings the operations of one cell into the form of the model. It leaves out what has no outcome and that nobody
// can have noticed, because each such operation multiplies the orders to look at.
func checkCell(name string, ops []Op) error {
	seen := map[string]bool{}
	opened := map[uint64]int64{} // when a token was first known to be accepted
	for _, o := range ops {
		if !o.OK || o.Unknown {
			continue
		}
		if o.Kind != Put {
			seen[o.Value] = true
		}
		if at, ok := opened[o.Token]; o.Kind != Get && (!ok || o.Return < at) {
			opened[o.Token] = o.Return
		}
	}
	steps := make([]step, 0, len(ops))
	for _, o := range ops {
		s := step{op: o, call: o.Call, ret: o.Return}
		if o.Unknown {
			at, ok := opened[o.Token]
			if o.Kind == Get || ok && at < o.Call && (o.Kind == Open || !seen[o.Value]) {
				continue
			}
			s.ret = never
		}
		if o.Kind == Get && !o.OK {
			continue
		}
		steps = append(steps, s)
	}
	return linearize("cell "+name, cellModel, steps)
}
