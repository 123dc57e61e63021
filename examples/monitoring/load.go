package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/sketch"
)

// seen is what callers have seen of one part of the load.
type seen struct {
	name           string
	asked, failed  int
	took           time.Duration
	p50, p99, most time.Duration
}

// ask has callers ask any agent with a capability, each again as soon as it has its answer, until ctx ends.
func ask(ctx context.Context, c *client.Client, capability, name string, callers int) (*seen, error) {
	all, s := sketch.New(), &seen{name: name}
	var mu sync.Mutex
	var work sync.WaitGroup
	var wrong error
	begin := time.Now()
	for range callers {
		work.Go(func() {
			mine := sketch.New()
			asked, failed := 0, 0
			for ctx.Err() == nil {
				sent := time.Now()
				_, err := c.CallCapability(context.WithoutCancel(ctx), capability, order{})
				if asked++; err != nil {
					failed++
				}
				if err := mine.Add(time.Since(sent).Seconds(), 1); err != nil {
					mu.Lock()
					wrong = errors.Join(wrong, err)
					mu.Unlock()
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all.Merge(mine)
			s.asked, s.failed = s.asked+asked, s.failed+failed
		})
	}
	work.Wait()
	s.took = time.Since(begin)
	for _, q := range []struct {
		of float64
		to *time.Duration
	}{{0.5, &s.p50}, {0.99, &s.p99}, {1, &s.most}} {
		if v, ok := all.Quantile(q.of); ok {
			*q.to = time.Duration(v * float64(time.Second))
		}
	}
	return s, wrong
}
