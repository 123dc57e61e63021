package lockcheck

import (
	"slices"
	"strconv"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lock/queue"
)

// replica is one process of the service that keeps locks and cells, with the watcher of leases.
type replica struct {
	*proc
	locks   *mirror
	leases  *mirror
	watcher watcher
	waiting []*wait
	counter uint64 // of the bug that gives tokens from it
}

func (w *world) newReplica(name string) *replica {
	r := &replica{proc: w.newProc(name)}
	r.watcher = watcher{r: r}
	r.locks = w.store.newMirror(r.proc, false, r.lockChanged)
	r.leases = w.store.newMirror(r.proc, true, r.leaseChanged)
	r.after(w.between(1, second), r.watcher.tick)
	r.after(w.between(1, second), r.tidy)
	return r
}

// request is what a client asks of a replica.
type request struct {
	what   Kind
	ticket api.LockTicket
	owner  string
	wait   int64
	token  uint64
	value  string
	answer func(answer)
}

// verdict is how a request ended.
type verdict int

const (
	granted verdict = iota // or done
	held                   // not granted in time, and no ticket is left
	gone                   // the ticket is not there, or the token is too low
	unsure                 // the replica gave up in the middle
)

var verdictNames = [...]string{"granted", "held", "gone", "unsure"}

type answer struct {
	verdict verdict
	token   uint64
	value   string
}

func (r *replica) handle(q *request) {
	switch q.what {
	case Acquire:
		r.acquire(q)
	case Release:
		r.release(q, r.locks.get(lockKey), false, false)
	default:
		r.cell(q)
	}
}

// lockOf decodes a record, so that rules have their own.
func lockOf(e entry) *api.Lock {
	stored, _ := e.value.(*api.Lock)
	if stored == nil {
		return nil
	}
	l := *stored
	l.Tickets = slices.Clone(stored.Tickets)
	queue.Fill(&l, e.rev)
	return &l
}

// put writes a lock by compare-and-set.
func (r *replica) put(e entry, l *api.Lock, then func(outcome, uint64)) {
	var value any
	if l != nil {
		r.spoil(e, l)
		value = l
	}
	rev := e.rev
	if r.w.bug == BlindWrite {
		rev = anyRevision
	}
	r.w.store.write(r.proc, lockKey, rev, value, then)
}

// release gives a ticket back. Tried says that an earlier write may have done so.
func (r *replica) release(q *request, e entry, fresh, tried bool) {
	look := func(tried bool) {
		r.w.store.read(r.proc, lockKey, func(e entry, ok bool) {
			if ok {
				r.release(q, e, true, tried)
			} else {
				q.answer(answer{verdict: unsure})
			}
		})
	}
	old := lockOf(e)
	ticket, owner := r.whose(q, old)
	next, err := queue.Leave(old, ticket, owner, r.storeTime())
	switch {
	case err != nil && !fresh:
		look(tried)
	case err != nil && tried:
		q.answer(answer{verdict: granted})
	case err != nil:
		q.answer(answer{verdict: gone})
	default:
		r.put(e, next, func(o outcome, _ uint64) {
			if o == stored {
				q.answer(answer{verdict: granted})
			} else {
				look(tried || o == unclear)
			}
		})
	}
}

// dead tells whether a lease is known to be dead, which is final.
func (r *replica) dead(lease string) bool {
	key, _ := strconv.Atoi(lease)
	v, ok := r.leases.get(key).value.(*leaseRecord)
	return ok && v.dead || !ok && r.w.bug == UnknownIsDead
}

func (r *replica) lockChanged(e entry) {
	if e.key == lockKey {
		r.waiting = slices.DeleteFunc(r.waiting, func(v *wait) bool { return v.over || r.settled(v, e) })
	}
}

func (r *replica) leaseChanged(e entry) {
	r.watcher.seen(e)
	if v, _ := e.value.(*leaseRecord); v.dead {
		r.prune()
	}
}

// prune removes the tickets of the dead. If it fails the next tidy does it.
func (r *replica) prune() {
	e := r.locks.get(lockKey)
	old := lockOf(e)
	next := queue.Prune(r.spoilPrune(old), r.dead, r.storeTime())
	if next != nil && len(next.Tickets) != len(old.Tickets) {
		r.say("prunes")
		r.put(e, next, func(outcome, uint64) {})
	}
}

// tidy prunes, and sweeps a record away that nobody uses.
func (r *replica) tidy() {
	r.prune()
	if e := r.locks.get(lockKey); e.value != nil && len(e.value.(*api.Lock).Tickets) == 0 && r.w.chance(10) {
		r.put(e, nil, func(outcome, uint64) {})
	}
	r.after(2*second, r.tidy)
}
