package loadbalancer

import (
	"container/heap"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
)

// assignments are the picks that count as outstanding, until they are reported or their hold is over.
type assignments struct {
	mu  sync.Mutex
	of  map[string]*assignment
	due byTime
}

type assignment struct {
	id    string
	pick  balance.Pick
	at    time.Duration // by the picker's clock
	until time.Duration
	place int // in due
}

func (a *assignments) init() { a.of = map[string]*assignment{} }

// add counts assignments, all or none of them: false when there are too many.
func (a *assignments) add(list ...*assignment) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.of)+len(list) > api.MaxAssignments {
		return false
	}
	for _, x := range list {
		a.of[x.id] = x
		heap.Push(&a.due, x)
	}
	return true
}

// take ends an assignment; nil if it has ended.
func (a *assignments) take(id string) *assignment {
	a.mu.Lock()
	defer a.mu.Unlock()
	x := a.of[id]
	if x != nil {
		delete(a.of, id)
		heap.Remove(&a.due, x.place)
	}
	return x
}

// expired ends the assignments whose hold is over.
func (a *assignments) expired(now time.Duration) (over []*assignment) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.due) > 0 && a.due[0].until <= now {
		x := heap.Pop(&a.due).(*assignment)
		delete(a.of, x.id)
		over = append(over, x)
	}
	return over
}

func (a *assignments) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.of)
}

// byTime is a heap of assignments, the first to run out on top.
type byTime []*assignment

func (b byTime) Len() int           { return len(b) }
func (b byTime) Less(i, j int) bool { return b[i].until < b[j].until }
func (b byTime) Swap(i, j int) {
	b[i], b[j] = b[j], b[i]
	b[i].place, b[j].place = i, j
}

func (b *byTime) Push(x any) {
	a := x.(*assignment)
	a.place = len(*b)
	*b = append(*b, a)
}

func (b *byTime) Pop() any {
	old := *b
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*b = old[:len(old)-1]
	return last
}

// expire ends assignments whose hold is over. Nobody knows what became of them.
func (s *Service) expire() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.base.Done():
			return
		case <-tick.C:
		}
		now := s.now()
		for _, x := range s.open.expired(now) {
			s.picker.Done(x.pick, balance.Outcome{Now: now, Latency: now - x.at, Unknown: true})
			s.count.expired.Add(1)
		}
		s.router.expire(now)
	}
}
