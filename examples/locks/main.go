// Command locks has several workers write one report, one at a time. Start Mabus (`mabus up`), then, in as many terminals as you
// like:
//
//	go run ./examples/locks
//	mabus locks list
//
// Pause one with Ctrl-Z for half a minute: another goes on where it was, and when it comes back its late write is refused.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// report is what the workers write together.
type report struct {
	Steps int    `json:"steps"`
	By    string `json:"by"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	url := os.Getenv("NATS_URL")
	if url == "" {
		url = "nats://127.0.0.1:4222"
	}
	if err := run(ctx, os.Stdout, url, 10, time.Second); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run takes so many turns at the report, each of which takes the pause.
func run(ctx context.Context, out io.Writer, url string, turns int, pause time.Duration) error {
	c, err := client.Connect(ctx, client.Options{URL: url})
	if err != nil {
		return err
	}
	defer c.Close()
	lease, err := c.OpenLease(ctx)
	if err != nil {
		return err
	}
	defer lease.Close()
	for range turns {
		err := c.Locks.Do(ctx, lease, api.LockAcquireRequest{Name: "report"}, func(ctx context.Context, token uint64) error {
			return step(ctx, c, out, lease.ID(), token, pause)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// step reads the report, works on it, and writes it.
func step(ctx context.Context, c *client.Client, out io.Writer, me string, token uint64, pause time.Duration) error {
	cell, err := c.Cells.Open(ctx, "report", token) // before reading: nothing of a former holder is written after
	if err != nil {
		return err
	}
	var r report
	if len(cell.Value) > 0 {
		if err := codec.Read(cell.Value, &r); err != nil {
			return err
		}
	}
	select { // this is the work
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(pause):
	}
	r.Steps, r.By = r.Steps+1, me
	if _, err := c.Cells.Put(ctx, "report", token, r); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "token %d: step %d\n", token, r.Steps)
	return err
}
