package client_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natsd"
)

// localLocks returns a client of a Mabus of the example's own, with coordination.
func localLocks(ctx context.Context) (*client.Client, func()) {
	dir, err := os.MkdirTemp("", "mabus-example-")
	check(err)
	srv, err := natsd.Start(ctx, natsd.Config{DataDir: dir, MaxStore: 1 << 40})
	check(err)
	w, err := startCoordinated(ctx, srv.URL(), 1, lease.Timing{})
	check(err)
	c, err := client.Connect(ctx, client.Options{URL: srv.URL()})
	check(err)
	return c, func() { c.Close(); w.end(); srv.Stop(); _ = os.RemoveAll(dir) }
}

func ExampleLocks_Do() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, end := localLocks(ctx)
	defer end()
	lease, err := c.OpenLease(ctx)
	check(err)
	defer lease.Close()

	var former uint64
	for step := range 2 {
		err = c.Locks.Do(ctx, lease, api.LockAcquireRequest{Name: "report"}, func(ctx context.Context, token uint64) error {
			// From here on a former holder that does not know that it is one cannot write any more.
			cell, err := c.Cells.Open(ctx, "report", token)
			if err != nil {
				return err
			}
			fmt.Printf("found %q\n", cell.Value)
			_, err = c.Cells.Put(ctx, "report", token, step+1)
			if step == 0 {
				former = token
			}
			return err
		})
		check(err)
	}
	_, err = c.Cells.Put(ctx, "report", former, "late")
	fmt.Println(api.ReasonOf(err))
	// Output:
	// found ""
	// found "1"
	// stale_token
}

func ExampleElections_Campaign() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, end := localLocks(ctx)
	defer end()
	lease, err := c.OpenLease(ctx)
	check(err)
	defer lease.Close()

	leading, err := c.Elections.Campaign(ctx, lease, "scheduler", map[string]string{"address": "10.0.0.7:8080"})
	check(err)
	for e, err := range c.Elections.Watch(ctx, "scheduler") {
		check(err)
		fmt.Println(e.Term == leading.Term, string(e.Leader.Data))
		break
	}
	check(leading.Resign(ctx))
	fmt.Println(leading.Context().Err())
	// Output:
	// true {"address":"10.0.0.7:8080"}
	// context canceled
}

func ExampleIdempotent() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, end := local(ctx)
	defer end()
	started := make(chan struct{})
	go func() { // the agent comes while the call is being repeated
		defer close(started)
		_, err := c.Agents.Start(ctx, api.AgentStartRequest{Agent: &api.AgentSpec{ID: "e1", Module: "echo"}})
		check(err)
	}()
	answer, err := c.Call(client.Idempotent(ctx), "e1", "hello")
	check(err)
	fmt.Println(string(answer))
	<-started
	// Output: "hello"
}
