package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func newVariables(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "variables", Short: "Share values among agents, who may decide together on what they are",
		Long: `A variable is a JSON value under a name. Each change gives it the next version. Its resolution says who decides on a change: whoever
makes it (last_write_wins), the variable's agents by a vote (consensus), or one of them (custom).`,
	}
	group(cmd)
	cmd.AddCommand(variablesRegister(o), variablesGet(o), variablesSet(o), variablesList(o), variablesHistory(o), variablesWatch(o),
		one(o, "delete NAME", "Remove a variable with its history", "  mabus variables delete temperature", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.DeregisterResponse, error) {
				existed, err := c.Variables.Delete(ctx, a[0])
				return &api.DeregisterResponse{Existed: existed}, err
			}, printRemoval),
		variablesCoordinate(o), variablesStats(o))
	return cmd
}

func variablesGet(o *options) *cobra.Command {
	return one(o, "get NAME", "Show a variable", "  mabus variables get temperature\n  mabus variables get temperature --json", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.Variable, error) {
			return c.Variables.Get(ctx, a[0])
		}, printVariable)
}

func printVariable(w io.Writer, v *api.Variable) {
	row(w, "name", v.Name)
	row(w, "value", string(v.Value))
	row(w, "version", v.Version)
	row(w, "scope", v.Scope)
	row(w, "resolution", v.Resolution)
	for _, f := range []struct{ name, value string }{
		{"owner", v.Owner},
		{"agents", brief(strings.Join(v.Agents, ","))},
		{"decider", v.Decider},
		{"protocol", protocolOf(v)},
		{"kind", v.Kind},
		{"constraints", constraintsOf(v)},
		{"readers", strings.Join(v.Access.Read, ",")},
		{"writers", strings.Join(v.Access.Write, ",")},
		{"metadata", string(v.Metadata)},
		{"pending", v.Pending},
	} {
		if f.value != "" {
			row(w, f.name, f.value)
		}
	}
	row(w, "updated", updated(v))
	if x := v.Coordination; x != nil {
		row(w, "coordination", strings.TrimRight(fmt.Sprintf("%s %s", x.State, x.Reason), " "))
	}
}

// updated says when a variable was changed last, and by whom.
func updated(v *api.Variable) string {
	if v.LastModifier == "" {
		return ago(v.UpdatedAt) + " ago"
	}
	return ago(v.UpdatedAt) + " ago by " + v.LastModifier
}

func protocolOf(v *api.Variable) string {
	p := v.Protocol
	if p == nil {
		return ""
	}
	return strings.Join(strings.Fields(fmt.Sprint(p.Name, " ", p.Type, " ", p.Algorithm, " ", string(p.Params))), " ")
}

func constraintsOf(v *api.Variable) string {
	var all []string
	x := v.Constraints
	if x.Type != "" {
		all = append(all, x.Type)
	}
	if x.Min != nil {
		all = append(all, "at least "+x.Min.String())
	}
	if x.Max != nil {
		all = append(all, "at most "+x.Max.String())
	}
	if x.MaxLength > 0 {
		all = append(all, fmt.Sprintf("at most %d long", x.MaxLength))
	}
	if x.Pattern != "" {
		all = append(all, "like "+x.Pattern)
	}
	if len(x.Enum) > 0 {
		values := make([]string, len(x.Enum))
		for i, e := range x.Enum {
			values[i] = string(e)
		}
		all = append(all, "one of "+brief(strings.Join(values, " ")))
	}
	return strings.Join(all, ", ")
}

func variablesList(o *options) *cobra.Command {
	var req api.VariablesListRequest
	cmd := &cobra.Command{
		Use: "list", Short: "List the variables that one may read", Example: "  mabus variables list\n  mabus variables list --scope cluster --agent a", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			req.Limit = api.MaxPage
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				all, err := c.Variables.List(ctx, req)
				if err != nil {
					return err
				}
				list := api.VariablesListResponse{Variables: append([]api.Variable{}, all...)}
				return o.show(cmd, list, func(w io.Writer) {
					row(w, "NAME", "VALUE", "VERSION", "SCOPE", "RESOLUTION", "AGENTS", "PENDING", "UPDATED")
					for i := range all {
						v := &all[i]
						row(w, v.Name, brief(string(v.Value)), v.Version, v.Scope, v.Resolution, len(v.Agents), v.Pending, updated(v))
					}
				})
			})
		},
	}
	cmd.Flags().StringVar((*string)(&req.Scope), "scope", "", "only those of this scope: local, cluster or global")
	cmd.Flags().StringVar(&req.Agent, "agent", "", "only those that this agent shares")
	return cmd
}

func variablesHistory(o *options) *cobra.Command {
	limit := 0
	cmd := one(o, "history NAME", "List the last changes of a variable, the newest first", "  mabus variables history temperature --limit 10", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.VariableHistoryResponse, error) {
			if err := valid(&api.VariableHistoryRequest{Name: a[0], Limit: limit}); err != nil {
				return nil, err
			}
			list, err := c.Variables.History(ctx, a[0], limit)
			return &api.VariableHistoryResponse{Changes: append([]api.VariableChange{}, list...)}, err
		}, func(w io.Writer, list *api.VariableHistoryResponse) {
			row(w, "VERSION", "AT", "BY", "OLD", "NEW", "SESSION")
			for _, x := range list.Changes {
				row(w, x.Version, x.At.Local().Format(time.DateTime), x.Modifier, brief(string(x.OldValue)), brief(string(x.NewValue)), x.Session)
			}
		})
	cmd.Flags().IntVar(&limit, "limit", 0, fmt.Sprintf("how many at most (50), up to %d", api.MaxVariableHistory))
	return cmd
}

func variablesStats(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "stats [NAME]", Short: "Count what was done with the variables, or with one", Example: "  mabus variables stats\n  mabus variables stats temperature",
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			name := strings.Join(a, "")
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				st, err := c.Variables.Stats(ctx, name)
				if err != nil {
					return err
				}
				return o.show(cmd, st, func(w io.Writer) {
					row(w, "variables", st.Variables)
					row(w, "updates", st.Updates)
					row(w, "rejected", st.Rejected)
					row(w, "refused", st.Refused)
					row(w, "coordinations", fmt.Sprintf("%d, %d of them completed, %s each", st.Coordinations, st.CoordinationsComplete, took(st.CoordinationTime.Std())))
				})
			})
		},
	}
}
