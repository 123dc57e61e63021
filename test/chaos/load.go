package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	agents     = 4
	capability = "count"
	attempts   = 100 // enough that no task fails by the faults alone
)

func agentID(n int) string { return fmt.Sprintf("counter%d", n) }

// count is an answer of a counter.
type count struct {
	agent     string
	value     uint64
	call, ret int64
}

// load calls the agents and submits tasks, and remembers what was answered.
type load struct {
	c     *client.Client
	tasks sync.WaitGroup

	mu       sync.Mutex
	counts   []count
	accepted []string // ids of tasks
}

func (l *load) start(ctx context.Context, seed uint64) {
	for n := range 2 {
		l.tasks.Go(func() { l.call(ctx, rand.New(rand.NewPCG(seed, uint64(n)))) })
	}
	l.tasks.Go(func() { l.submit(ctx) })
}

func (l *load) call(ctx context.Context, rng *rand.Rand) {
	for ctx.Err() == nil {
		_ = l.callOne(ctx, agentID(rng.IntN(agents)))
		rest(ctx, rand64(rng, 60*time.Millisecond))
	}
}

func (l *load) callOne(ctx context.Context, id string) error {
	try, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	began := now()
	answer, err := l.c.Call(try, id, "count")
	ended := now()
	if err != nil {
		return err
	}
	var got kept
	if err := codec.Read(answer, &got); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts = append(l.counts, count{id, got.Count, began, ended})
	return nil
}

// submit submits one task after another, each until it is accepted.
func (l *load) submit(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		spec := api.TaskSpec{ID: fmt.Sprintf("task%d", n), Job: "chaos", Capability: capability, Payload: json.RawMessage(fmt.Sprint(n)), Attempts: attempts}
		for ctx.Err() == nil {
			try, cancel := context.WithTimeout(ctx, 2*time.Second)
			_, err := l.c.Tasks.Submit(try, spec)
			cancel()
			if err == nil {
				l.mu.Lock()
				l.accepted = append(l.accepted, spec.ID)
				l.mu.Unlock()
				break
			}
			rest(ctx, 50*time.Millisecond)
		}
		rest(ctx, 60*time.Millisecond)
	}
}

// rest waits, at most until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// checkCounts demands that no agent gave a number twice, nor a lower one to a call that began after a higher had been given.
func checkCounts(counts []count) error {
	byValue := slices.Clone(counts)
	slices.SortFunc(byValue, func(a, b count) int {
		if a.agent != b.agent {
			return cmp.Compare(a.agent, b.agent)
		}
		return cmp.Compare(a.value, b.value)
	})
	var latest count // the call that came last, of those with lower numbers
	for i, c := range byValue {
		if i == 0 || byValue[i-1].agent != c.agent {
			latest = count{}
		} else if byValue[i-1].value == c.value {
			return fmt.Errorf("%s gave the number %d twice", c.agent, c.value)
		}
		if latest.call > c.ret {
			return fmt.Errorf("%s gave %d, and then %d to a call that began later", c.agent, c.value, latest.value)
		}
		if c.call > latest.call {
			latest = c
		}
	}
	return nil
}
