package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mabus-project/mabus/client"
)

// run does all of it, and leaves nothing behind.
func run(ctx context.Context, out io.Writer, o options) (err error) {
	f, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(ctx)) }()
	blind, chooses, err := f.callers(ctx)
	if err != nil {
		return err
	}
	defer blind.Close()
	defer chooses.Close()
	if _, _, err := f.compare(ctx, out, blind, chooses, o); err != nil {
		return err
	}
	return f.alert(ctx, out, chooses, o)
}

// callers returns a client that leaves the choice to NATS, and one that chooses.
func (f *fleet) callers(ctx context.Context) (blind, chooses *client.Client, err error) {
	if blind, err = client.Connect(ctx, client.Options{URL: f.URL, Name: "blind"}, client.WithoutBalance()); err != nil {
		return nil, nil, err
	}
	if chooses, err = client.Connect(ctx, client.Options{URL: f.URL, Name: "chooses"}); err != nil {
		blind.Close()
		return nil, nil, err
	}
	return blind, chooses, nil
}

// compare has both ask the same agents, one after the other.
func (f *fleet) compare(ctx context.Context, out io.Writer, blind, chooses *client.Client, o options) (group, sdk *part, err error) {
	if group, err = f.load(ctx, blind, "NATS chooses (queue group)", o); err != nil {
		return nil, nil, err
	}
	if err := group.report(out, f); err != nil {
		return nil, nil, err
	}
	if sdk, err = f.load(ctx, chooses, "the SDK chooses (p2c_ewma)", o); err != nil {
		return nil, nil, err
	}
	return group, sdk, sdk.report(out, f)
}

// alert has the agents asked until an alert about the one that fails has come, and after it was mended, until the alert is over.
func (f *fleet) alert(ctx context.Context, out io.Writer, c *client.Client, o options) (err error) {
	h, err := listen()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	rule, err := f.watch(ctx, h.url, o.window)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "rule       an agent fails with more than a tenth of its messages; %d callers go on\n", o.callers)
	busy, cancel := context.WithCancel(ctx)
	asked := make(chan error, 1)
	go func() {
		_, err := ask(busy, c, f.kind, "", o.callers)
		asked <- err
	}()
	defer func() {
		cancel()
		removeErr := f.Client.Alerts.RemoveRule(context.WithoutCancel(ctx), rule)
		err = errors.Join(err, <-asked, removeErr)
	}()
	if err := h.wait(ctx, out, f, "raised"); err != nil {
		return err
	}
	if _, err := c.Call(ctx, f.ID(brokenOne), order{Mend: true}); err != nil {
		return fmt.Errorf("mend %s: %w", brokenOne, err)
	}
	fmt.Fprintf(out, "mended     %s works from now on; one message tries it now and then\n", brokenOne)
	return h.wait(ctx, out, f, "cleared")
}
