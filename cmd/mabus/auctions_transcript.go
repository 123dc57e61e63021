package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/codec"
)

func auctionsTranscript(o *options) *cobra.Command {
	out := ""
	cmd := &cobra.Command{
		Use: "transcript ID", Short: "Write all that has happened in an auction as signed JSON, which mabus verify can check anywhere",
		Long: `Writes the steps of an auction as one JSON object with the service's signature. Others' sealed bids, and how far they let bids rise, are in it
by their digests alone until the auction has closed; those of an auction that was called off for ever.`,
		Example: "  mabus auctions transcript gpu-7 > gpu-7.json\n  mabus verify gpu-7.json --key \"$(mabus auctions key)\"", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				t, err := c.Auctions.Transcript(ctx, a[0])
				if err != nil {
					return err
				}
				body, err := codec.Marshal(t)
				if err != nil {
					return err
				}
				if body = append(body, '\n'); out != "" {
					return os.WriteFile(out, body, 0o644)
				}
				_, err = cmd.OutOrStdout().Write(body)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write to (the standard output)")
	return cmd
}
