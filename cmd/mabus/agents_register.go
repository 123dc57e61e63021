package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func changed(cmd *cobra.Command, names []string) bool {
	return slices.ContainsFunc(names, cmd.Flags().Changed)
}

func agentsRegister(o *options) *cobra.Command {
	var spec newSpec
	var file string
	cmd := &cobra.Command{
		Use: "register ID [-- COMMAND...]", Short: "Register an agent without starting it",
		Long: "Registers an agent without starting it. With --file, registers every agent of a file (or - for the standard input): one JSON object per line.",
		Example: "  mabus agents register e1 --module echo --capability echo\n  mabus agents register w1 --capability count -- python3 worker.py\n" +
			"  echo '{\"id\":\"e2\",\"module\":\"echo\",\"capabilities\":[\"echo\"]}' | mabus agents register --file -",
		RunE: func(cmd *cobra.Command, a []string) error {
			if file != "" && (len(a) > 0 || changed(cmd, specFlagNames)) {
				return fmt.Errorf("%w: with --file the agents are described in the file, and nowhere else", errUsage)
			}
			if file != "" {
				return registerFile(cmd, o, file)
			}
			if len(a) == 0 {
				return fmt.Errorf("%w: give an id, or --file", errUsage)
			}
			if err := spec.build(a); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				agent, err := c.Agents.Register(ctx, spec.AgentSpec)
				if err != nil {
					return err
				}
				return o.show(cmd, agent, func(w io.Writer) { printAgent(w, &api.AgentState{Agent: *agent}) })
			})
		},
	}
	spec.flags(cmd)
	cmd.Flags().StringVar(&file, "file", "", "register every agent of this file")
	return cmd
}

func registerFile(cmd *cobra.Command, o *options, file string) error {
	in := cmd.InOrStdin()
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	var specs []api.AgentSpec
	for line, err := range lines(in) {
		if err != nil {
			return err
		}
		var s api.AgentSpec
		if err := codec.Decode(line.text, &s); err != nil {
			return fmt.Errorf("line %d of %s: %w", line.number, file, err)
		}
		specs = append(specs, s)
	}
	return o.with(cmd, func(ctx context.Context, c *client.Client) error {
		var all api.AgentsRegisterManyResponse
		failed := 0
		for len(specs) > 0 {
			n := min(len(specs), api.MaxBulk)
			results, err := c.Agents.RegisterMany(ctx, specs[:n])
			if err != nil {
				return err
			}
			all.Results, specs = append(all.Results, results...), specs[n:]
		}
		for _, r := range all.Results {
			if r.Error != nil {
				failed++
			}
		}
		err := o.show(cmd, all, func(w io.Writer) {
			for _, r := range all.Results {
				if r.Error != nil {
					row(w, r.ID, r.Error.Code, r.Error.Message)
				}
			}
			fmt.Fprintf(w, "%d registered, %d refused\n", len(all.Results)-failed, failed)
		})
		if err == nil && failed > 0 {
			err = errSilent
		}
		return err
	})
}
