package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func auctionsMechanisms(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "mechanisms [NAME]", Short: "Say what each mechanism promises, and by which test it is shown",
		Long: `Lists the mechanisms. TRUTHFUL tells whether it is best to bid what it is worth to one; if not, REGRET is what the best other bid gains
over that, on the average and at most, where 1 is the highest value that a bidder can have. With NAME, all that one promises.`,
		Example: "  mabus auctions mechanisms\n  mabus auctions mechanisms vickrey", Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			name := strings.Join(a, "")
			if err := valid(&api.MechanismsRequest{Name: name}); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				list, err := c.Auctions.Mechanisms(ctx, name)
				if err != nil {
					return err
				}
				if name != "" && len(list) == 1 {
					return o.show(cmd, &list[0], func(w io.Writer) { printCard(w, &list[0]) })
				}
				return o.show(cmd, api.MechanismsResponse{Mechanisms: list}, func(w io.Writer) {
					row(w, "NAME", "KIND", "TRUTHFUL", "REGRET", "WHAT")
					for i := range list {
						m := &list[i]
						row(w, m.Name, m.Kind, truthful(m), regret(m), brief(m.Summary))
					}
				})
			})
		},
	}
}

func truthful(m *api.MechanismCard) string {
	for _, p := range m.Properties {
		if p.Name == "truthful" {
			return p.Holds
		}
	}
	return ""
}

func regret(m *api.MechanismCard) string {
	if m.Regret == nil {
		return ""
	}
	return fmt.Sprintf("%s, at most %s", m.Regret.Mean, m.Regret.Max)
}

func printCard(w io.Writer, m *api.MechanismCard) {
	row(w, "name", m.Name)
	row(w, "kind", m.Kind)
	for _, f := range []struct{ name, value string }{
		{"what", m.Summary}, {"when", m.When}, {"formula", m.Formula}, {"paper", m.Paper}, {"regret", regret(m)},
	} {
		if f.value != "" {
			row(w, f.name, f.value)
		}
	}
	if m.Regret != nil {
		row(w, "measured", m.Regret.Setting)
	}
	fmt.Fprintln(w)
	row(w, "PROPERTY", "HOLDS", "TEST", "CONDITION")
	for _, p := range m.Properties {
		row(w, p.Name, p.Holds, p.Test, p.Condition)
	}
}
