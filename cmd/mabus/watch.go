package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// watch prints events until the process is interrupted: one line each, or the CloudEvent itself with --json.
func watch(cmd *cobra.Command, o *options, where func(context.Context, *client.Client) (*api.WatchResponse, error)) error {
	ctx := cmd.Context()
	c, err := o.connect(ctx, o.url(ctx))
	if err != nil {
		return err
	}
	defer c.Close()
	w, err := where(ctx, c)
	if err != nil {
		return err
	}
	events := make(chan *nats.Msg, 1024)
	sub, err := c.Conn().NC.ChanSubscribe(w.Subject, events)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", w.Subject, err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case msg := <-events:
			if o.json {
				fmt.Fprintln(cmd.OutOrStdout(), string(msg.Data))
				continue
			}
			var e api.Event
			if codec.Read(msg.Data, &e) == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %-28s %s\n", e.Time.Local().Format(time.TimeOnly), e.Type, e.Subject)
			}
		}
	}
}

// line is one line of a file.
type line struct {
	number int
	text   []byte
}

// lines yields the lines of a reader that are not blank.
func lines(r io.Reader) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		sc := bufio.NewScanner(r)
		sc.Buffer(nil, api.MaxMetadata*4)
		number := 0
		for sc.Scan() {
			number++
			if text := bytes.TrimSpace(sc.Bytes()); len(text) > 0 && !yield(line{number, text}, nil) {
				return
			}
		}
		if err := sc.Err(); err != nil {
			yield(line{}, fmt.Errorf("line %d: %w", number+1, err))
		}
	}
}
