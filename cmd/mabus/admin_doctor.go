package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/shared/doctor"
	"github.com/mabus-project/mabus/shared/doctor/gather"
	"github.com/mabus-project/mabus/shared/rpc"
)

func newAdminDoctor(o *options) *cobra.Command {
	g := gather.Options{}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what is wrong with a namespace, and what mends it; the exit status is 1 if anything is",
		Long: `Looks at the server, the stores and their copies and consumers, leases, services, hosts, agents, tasks, budgets, clocks, certificates and
credentials, and says what is wrong, why it matters and what mends it. What it cannot look at it says too, as unknown. It changes nothing.`,
		Example: "  mabus admin doctor\n  mabus admin doctor --monitor http://nats:8222 --json",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.admin(cmd, func(ctx context.Context, conn *rpc.Conn) error {
				g.Credentials = o.credentials
				facts, err := gather.Facts(ctx, conn, g)
				if err != nil {
					return err
				}
				report := struct {
					Namespace string           `json:"namespace"`
					Wrong     bool             `json:"wrong"`
					Findings  []doctor.Finding `json:"findings"`
				}{Namespace: facts.Namespace, Findings: doctor.Examine(facts)}
				report.Wrong = doctor.Wrong(report.Findings)
				if err := o.show(cmd, report, func(w io.Writer) { printFindings(w, facts, report.Findings) }); err != nil {
					return err
				}
				if report.Wrong {
					return errSilent
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&g.Monitor, "monitor", "", "URL of the NATS server's monitoring port, which tells what the connection cannot")
	return cmd
}

func printFindings(w io.Writer, facts *doctor.Facts, all []doctor.Finding) {
	for _, f := range all {
		row(w, f.Severity, f.Code, f.On, f.What)
		row(w, "", "", "why", f.Why)
		row(w, "", "", "do", f.Do)
	}
	live := 0
	for _, s := range facts.Services {
		if s.Live {
			live++
		}
	}
	fmt.Fprintf(w, "\n%s in the namespace %s: %s, %s, %s and %s were looked at.\n", counted(len(all), "finding"), facts.Namespace,
		counted(len(facts.Streams), "store"), counted(live, "live service process"), counted(len(facts.Hosts), "host"), counted(len(facts.Agents), "agent"))
}

// counted is a number of things, in words.
func counted(n int, of string) string {
	switch {
	case n == 1:
		return "1 " + of
	case strings.HasSuffix(of, "s"):
		return fmt.Sprintf("%d %ses", n, of)
	}
	return fmt.Sprintf("%d %ss", n, of)
}
