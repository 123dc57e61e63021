package mailbox_test

import (
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/agenthost/mailbox"
)

type item struct {
	id   int
	cast bool
}

// model is the rules of the box, said as plainly as possible.
type model struct {
	limit, concurrency int
	queue, active      []item
	reserved           int
	paused, closed     bool
	started, refused   []int
	workers            bool // whether start takes messages
}

func (m *model) gate() bool {
	return slices.ContainsFunc(m.active, func(i item) bool { return i.cast })
}

func (m *model) free() bool {
	return !m.paused && !m.gate() && len(m.active)+m.reserved < m.concurrency
}

func (m *model) advance() {
	for len(m.queue) > 0 && m.free() {
		next := m.queue[0]
		m.queue = m.queue[1:]
		m.started = append(m.started, next.id)
		if m.workers {
			m.active = append(m.active, next)
		} else {
			m.refused = append(m.refused, next.id)
		}
	}
}

func TestBoxAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{limit: rapid.IntRange(1, 6).Draw(t, "limit"), concurrency: rapid.IntRange(1, 4).Draw(t, "concurrency"), workers: true}
		var started, refused []int
		box := mailbox.New(m.limit, m.concurrency, func(i item) bool {
			started = append(started, i.id)
			return m.workers
		}, func(i item) { refused = append(refused, i.id) })
		id := 0
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				id++
				i := item{id, rapid.Bool().Draw(t, "cast")}
				want := mailbox.Taken
				switch {
				case m.closed:
					want = mailbox.Closed
				case len(m.queue) >= m.limit:
					want = mailbox.Full
				default:
					m.queue = append(m.queue, i)
					m.advance()
				}
				if got := box.Put(i, i.cast); got != want {
					t.Fatalf("put: %d, want %d", got, want)
				}
			},
			"done": func(t *rapid.T) {
				if len(m.active) == 0 {
					t.Skip("nothing is under way")
				}
				n := rapid.IntRange(0, len(m.active)-1).Draw(t, "which")
				i := m.active[n]
				m.active = slices.Delete(m.active, n, n+1)
				m.advance()
				box.Done(i.cast)
			},
			"reserve": func(t *rapid.T) {
				want := !m.closed && len(m.queue) == 0 && m.free()
				if want {
					m.reserved++
				}
				if got := box.Reserve(); got != want {
					t.Fatalf("reserve: %v, want %v", got, want)
				}
			},
			"give back": func(t *rapid.T) {
				if m.reserved == 0 {
					t.Skip("nothing is reserved")
				}
				m.reserved--
				m.advance()
				box.Done(false)
			},
			"pause":   func(*rapid.T) { m.paused = true; box.Pause() },
			"resume":  func(*rapid.T) { m.paused = false; m.advance(); box.Resume() },
			"workers": func(t *rapid.T) { m.workers = rapid.Bool().Draw(t, "workers") },
			"close": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rarely") > 0 {
					t.Skip("not yet")
				}
				m.closed = true
				left := box.Close()
				if !slices.Equal(left, m.queue) {
					t.Fatalf("left: %v, want %v", left, m.queue)
				}
				m.queue = nil
			},
			"": func(t *rapid.T) {
				if !slices.Equal(started, m.started) || !slices.Equal(refused, m.refused) {
					t.Fatalf("started %v and refused %v, want %v and %v", started, refused, m.started, m.refused)
				}
				if waiting, active := box.Load(); waiting != len(m.queue) || active != len(m.active)+m.reserved {
					t.Fatalf("load %d and %d, want %d and %d", waiting, active, len(m.queue), len(m.active)+m.reserved)
				}
				if got, want := drained(box), m.closed && len(m.active)+m.reserved == 0; got != want {
					t.Fatalf("drained: %v, want %v", got, want)
				}
			},
		})
	})
}

func drained(b *mailbox.Box[item]) bool {
	select {
	case <-b.Drained():
		return true
	default:
		return false
	}
}

// A long queue that nobody takes is refused message by message, without a stack as deep as the queue is long.
func TestLongQueueWithoutWorkers(t *testing.T) {
	const n = 1_000_000
	refused := 0
	box := mailbox.New(n, 1, func(int) bool { return false }, func(int) { refused++ })
	box.Pause()
	for i := range n {
		if box.Put(i, false) != mailbox.Taken {
			t.Fatalf("message %d was not taken", i)
		}
	}
	if box.Put(0, false) != mailbox.Full {
		t.Error("there was room for one more")
	}
	box.Resume()
	if waiting, active := box.Load(); refused != n || waiting != 0 || active != 0 {
		t.Errorf("%d refused, %d waiting, %d active", refused, waiting, active)
	}
}

// Many senders, of which each alternates casts and calls: a cast is alone, calls stay within the concurrency, and what one
// sender sent comes in its order.
func TestStress(t *testing.T) {
	const senders, each, concurrency = 8, 500, 4
	type letter struct {
		sender, n int
		cast      bool
	}
	var box *mailbox.Box[letter]
	var mu sync.Mutex
	var active, casts, most int
	last := make([]int, senders)
	var wg sync.WaitGroup
	box = mailbox.New(senders*each, concurrency, func(l letter) bool {
		go func() {
			defer wg.Done()
			mu.Lock()
			active++
			if l.cast {
				casts++
			}
			most = max(most, active)
			if casts > 1 || l.cast && last[l.sender] >= l.n {
				t.Errorf("%d casts at once; %d after %d", casts, l.n, last[l.sender])
			}
			if l.cast {
				last[l.sender] = l.n
				casts--
			}
			active--
			mu.Unlock()
			box.Done(l.cast)
		}()
		return true
	}, nil)
	wg.Add(senders * each)
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			for n := range each {
				if box.Put(letter{s, n + 1, n%3 == 0}, n%3 == 0) != mailbox.Taken {
					t.Error("not taken")
				}
			}
		})
	}
	sending.Wait()
	wg.Wait()
	if most > concurrency {
		t.Errorf("%d at once, want at most %d", most, concurrency)
	}
	if left := box.Close(); len(left) != 0 {
		t.Errorf("%d are left", len(left))
	}
	<-box.Drained()
}

func BenchmarkPutDone(b *testing.B) {
	box := mailbox.New(1024, 1, func(int) bool { return true }, nil)
	for b.Loop() {
		box.Put(1, false)
		box.Done(false)
	}
}
