package chaos

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// strikes lets the faults of a plan happen, and returns when all are over. A plan begins at the call.
func (w *world) strikes(ctx context.Context, plan []Fault) error {
	var running sync.WaitGroup
	var mu sync.Mutex // starts are one at a time
	var first error
	begin := time.Now()
	for _, f := range plan {
		rest(ctx, time.Until(begin.Add(f.At)))
		running.Go(func() {
			if err := w.strike(ctx, &mu, f); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if first == nil {
					first = fmt.Errorf("%s: %w", f, err)
				}
			}
		})
	}
	running.Wait()
	return first
}

// strike lets one fault happen from its beginning to its end.
func (w *world) strike(ctx context.Context, mu *sync.Mutex, f Fault) error {
	if f.Kind == Cut || f.Kind == Lose || f.Kind == Refuse {
		w.sever(ctx, f)
		return nil
	}
	mu.Lock()
	p := w.target(ctx, f.Target)
	if p == nil {
		mu.Unlock()
		return nil // no leader, or the process has ended by itself, which ready finds out
	}
	w.cfg.Log("%s: %s", f, p.name)
	if f.Kind == Stop {
		p.signal(syscall.SIGSTOP)
		mu.Unlock()
		rest(ctx, f.For)
		mu.Lock() // on a busy machine the next fault of the same process may have begun
		defer mu.Unlock()
		p.signal(syscall.SIGCONT)
		return nil
	}
	p.kill()
	mu.Unlock()
	rest(ctx, f.For)
	mu.Lock()
	defer mu.Unlock()
	if m := w.members[p.name]; m != nil && m.probe == "" {
		return w.startLocker(p.name)
	}
	return p.start()
}

// sever cuts or resets links for the time of a fault.
func (w *world) sever(ctx context.Context, f Fault) {
	w.cfg.Log("%s", f)
	var links []*Link
	for n, l := range w.members[f.Target].links {
		if f.Node < 0 || f.Node == n {
			links = append(links, l)
		}
	}
	for _, l := range links {
		if f.Kind == Refuse {
			l.Refuse()
		} else {
			l.Cut()
		}
	}
	rest(ctx, f.For)
	for _, l := range links {
		l.Mend(f.Kind == Lose)
	}
}

// target returns the process that a fault hits.
func (w *world) target(ctx context.Context, name string) *process {
	if m := w.members[name]; m != nil {
		return m.process
	}
	switch name {
	case LocksLeader:
		name = w.leader(ctx, "locks")
	case AgentsLeader:
		name = w.leader(ctx, "agents")
	}
	for _, n := range w.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

// leader returns the node that leads a bucket, or "".
func (w *world) leader(ctx context.Context, bucket string) string {
	if w.cfg.Nodes == 1 {
		return w.nodes[0].name
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s, err := w.js.Stream(ctx, "KV_"+api.DefaultNamespace+"_"+bucket)
	if err != nil || s.CachedInfo().Cluster == nil {
		return ""
	}
	return s.CachedInfo().Cluster.Leader
}
