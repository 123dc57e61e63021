package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func eventsTail(o *options) *cobra.Command {
	var flags eventFlags
	var since string
	cmd := &cobra.Command{
		Use: "tail", Short: "Print events as they happen",
		Long: `Prints the time, the type, the subject and who has asked, of each event as it happens, until the command is interrupted or --timeout is over. On a terminal
each service has a colour, unless NO_COLOR is set.`,
		Example: "  mabus events tail\n  mabus events tail --type 'mabus.agents.*' --since 10m --json", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := flags.read(time.Now())
			if err != nil {
				return err
			}
			r := api.EventFollowRequest{EventFilter: filter}
			if r.From, err = moment("since", since, time.Now()); err != nil {
				return err
			}
			return o.following(cmd, func(ctx context.Context, c *client.Client) error { return o.tail(ctx, cmd, c, r) })
		},
	}
	flags.add(cmd, false)
	cmd.Flags().StringVar(&since, "since", "", "begin with what was stored at this moment or later; otherwise, now")
	return cmd
}

func (o *options) tail(ctx context.Context, cmd *cobra.Command, c *client.Client, r api.EventFollowRequest) error {
	w := cmd.OutOrStdout()
	f, ok := w.(*os.File)
	coloured := ok && isTerminal(f) && os.Getenv("TERM") != "dumb" && os.Getenv("NO_COLOR") == ""
	for page, err := range c.Events.Follow(ctx, r) {
		if err != nil {
			if end, ok := ctx.Deadline(); ctx.Err() != nil || ok && time.Until(end) < time.Second {
				return nil // it was interrupted, or its time is over
			}
			return err
		}
		if page.Lost {
			fmt.Fprintln(cmd.ErrOrStderr(), "some events were removed before they were read")
		}
		for i := range page.Events {
			if err := o.printTail(w, &page.Events[i], coloured); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *options) printTail(w io.Writer, e *api.Event, coloured bool) error {
	if o.json {
		body, err := codec.Marshal(e)
		if err == nil {
			_, err = fmt.Fprintln(w, string(body))
		}
		return err
	}
	begin, end := "", ""
	if coloured {
		begin, end = colourOf(e.Source), "\x1b[0m"
	}
	_, err := fmt.Fprintf(w, "%s  %s%-32s%s  %s  %s\n", e.Time.Local().Format(time.TimeOnly), begin, oneLine(e.Type), end, oneLine(e.Subject), oneLine(e.Principal))
	return err
}

// colourOf gives every source one of the six colours that all terminals have.
func colourOf(source string) string {
	h := fnv.New32a()
	_, _ = io.WriteString(h, strings.ToLower(source))
	return fmt.Sprintf("\x1b[%dm", 31+h.Sum32()%6)
}
