package engine

import (
	"cmp"
	"container/heap"
)

// timer is a command to come.
type timer struct {
	id    string
	at    int64
	index int // in the heap
}

// timers are a heap by time and id.
type timers struct {
	byID  map[string]*timer
	queue timerHeap
}

// set sets or moves a timer, or takes it away if its time is never.
func (t *timers) set(id string, at int64) {
	old := t.byID[id]
	switch {
	case old == nil && at == never:
	case old == nil:
		if t.byID == nil {
			t.byID = map[string]*timer{}
		}
		n := &timer{id: id, at: at}
		t.byID[id] = n
		heap.Push(&t.queue, n)
	case at == never:
		heap.Remove(&t.queue, old.index)
		delete(t.byID, id)
	default:
		old.at = at
		heap.Fix(&t.queue, old.index)
	}
}

// due takes the earliest timer away if its time has come.
func (t *timers) due(now int64) (timer, bool) {
	if len(t.queue) == 0 || t.queue[0].at > now {
		return timer{}, false
	}
	first := heap.Pop(&t.queue).(*timer)
	delete(t.byID, first.id)
	return *first, true
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool { return compareTimers(h[i], h[j]) < 0 }

func compareTimers(a, b *timer) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id))
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return t
}
