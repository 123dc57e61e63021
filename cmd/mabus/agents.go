package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func newAgents(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "agents", Short: "List, start and stop agents"}
	group(cmd)
	cmd.AddCommand(agentsList(o), agentsGet(o), agentsRegister(o), agentsUpdate(o), agentsDeregister(o), agentsStats(o), agentsWatch(o), agentsMove(o), agentsGuard(o),
		agentsStart(o), agentsVerb(o, "stop", "Stop an agent", client.Agents.Stop), agentsVerb(o, "restart", "Stop an agent if it runs, and start it", client.Agents.Restart))
	return cmd
}

func agentsList(o *options) *cobra.Command {
	var req api.AgentsListRequest
	var status string
	cmd := &cobra.Command{
		Use: "list", Short: "List agents",
		Example: "  mabus agents list\n  mabus agents list --capability echo --status running --json", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			req.Status = api.AgentStatus(status)
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				list := api.AgentsListResponse{Agents: []api.Agent{}}
				for a, err := range c.Agents.All(ctx, req) {
					if err != nil {
						return err
					}
					list.Agents = append(list.Agents, a)
				}
				return o.show(cmd, list, func(w io.Writer) {
					row(w, "ID", "TYPE", "STATUS", "CAPABILITIES", "HOST", "RESTARTS", "SINCE", "REASON")
					for _, a := range list.Agents {
						row(w, a.ID, a.Type, a.Status, strings.Join(a.Capabilities, ","), a.Host, a.Restarts, ago(a.ChangedAt), a.Reason)
					}
				})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.Type, "type", "", "only agents of this type")
	f.StringSliceVar(&req.Capabilities, "capability", nil, "only agents that have this capability; may be given several times")
	f.StringSliceVar(&req.Tags, "tag", nil, "only agents that have this tag; may be given several times")
	f.StringVar(&status, "status", "", "only agents of this status")
	f.StringVar(&req.Host, "host", "", "only agents of this host")
	return cmd
}

func agentsGet(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "get ID", Aliases: []string{"status"}, Short: "Show one agent and what its host measures of it",
		Example: "  mabus agents get e1", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				st, err := c.Agents.Status(ctx, a[0])
				if api.ReasonOf(err) == api.ReasonNobodyListens { // no agent host is there to ask
					var rec *api.Agent
					if rec, err = c.Agents.Get(ctx, api.GetRequest{ID: a[0]}); err == nil {
						st = &api.AgentState{Agent: *rec}
					}
				}
				if err != nil {
					return err
				}
				return o.show(cmd, st, func(w io.Writer) { printAgent(w, st) })
			})
		},
	}
}

func printAgent(w io.Writer, st *api.AgentState) {
	a := &st.Agent
	row(w, "id", a.ID)
	row(w, "type", a.Type)
	row(w, "status", a.Status)
	if a.Reason != "" {
		row(w, "reason", a.Reason)
	}
	row(w, "capabilities", strings.Join(a.Capabilities, ","))
	row(w, "tags", strings.Join(a.Tags, ","))
	row(w, "runtime", a.Runtime)
	switch {
	case a.Module != "":
		row(w, "module", a.Module)
	case len(a.Command) > 0:
		row(w, "command", strings.Join(a.Command, " "))
	case a.HTTP != nil:
		row(w, "endpoint", a.HTTP.URL)
		if a.HTTP.Model != "" {
			row(w, "model", a.HTTP.Model)
		}
	}
	row(w, "host", a.Host)
	row(w, "restarts", a.Restarts)
	row(w, "since", ago(a.ChangedAt))
	printSupervision(w, a)
	if l := st.Live; l != nil {
		if l.PID > 0 {
			row(w, "pid", l.PID)
		}
		row(w, "waiting", l.Waiting)
		row(w, "active", l.Active)
		row(w, "handled", l.Handled)
		row(w, "failed", l.Failed)
		row(w, "refused", l.Refused)
		printCosts(w, l)
		if l.LastError != "" {
			row(w, "last error", l.LastError)
		}
		for _, line := range l.LogTail {
			row(w, "log", line)
		}
	}
}

// printSupervision shows what was asked for beyond the defaults, and what is left of an agent that was given up.
func printSupervision(w io.Writer, a *api.Agent) {
	if a.Wanted && !a.Status.Active() {
		row(w, "wanted", "a host takes it up as soon as one can")
	}
	if a.Shutdown > 0 {
		row(w, "shutdown", a.Shutdown)
	}
	if g := a.Group; g != nil {
		row(w, "group", fmt.Sprintf("%s, %s, position %d", g.Name, cmp.Or(g.Strategy, api.OneForOne), g.Position))
	}
	if p := a.Placement; p != nil {
		for _, part := range []struct {
			name   string
			values []string
		}{{"hosts", p.Hosts}, {"host tags", p.Tags}, {"prefers", p.Prefer}, {"near", p.Near}, {"apart from", p.Apart}} {
			if len(part.values) > 0 {
				row(w, part.name, strings.Join(part.values, ","))
			}
		}
		if p.CPU > 0 || p.Memory > 0 {
			row(w, "needs", fmt.Sprintf("%.3g cpu, %.1f MiB", float64(p.CPU)/1000, float64(p.Memory)/(1<<20)))
		}
	}
	if a.LastWords != nil {
		for _, line := range a.LastWords.Log {
			row(w, "last words", line)
		}
	}
}

// printCosts shows what an agent may use and has used.
func printCosts(w io.Writer, l *api.AgentLive) {
	if l.Memory > 0 {
		row(w, "memory", fmt.Sprintf("%.1f MiB", float64(l.Memory)/(1<<20)))
	}
	if l.CPUTime > 0 {
		row(w, "cpu time", l.CPUTime)
	}
	if e := l.Enforced; e != nil {
		row(w, "bounded by", fmt.Sprintf("memory: %s, cpu: %s", orDash(e.Memory), orDash(e.CPU)))
		if e.Note != "" {
			row(w, "note", e.Note)
		}
	}
	if u := l.Usage; u != nil {
		row(w, "usage", usageText(*u))
	}
	if g := l.Guard; g != nil {
		printGuard(w, g)
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func agentsStart(o *options) *cobra.Command {
	var spec newSpec
	var host string
	cmd := &cobra.Command{
		Use: "start ID [-- COMMAND...]", Short: "Start a registered agent, or a new one",
		Long: `Starts an agent on a host. With --module, --http or a command the agent is new and is registered first; otherwise it must be
registered already, and is described there.`,
		Example: "  mabus agents start e1 --module echo --capability echo\n  mabus agents start w1 --capability count -- python3 worker.py\n  mabus agents start e1 --host h7",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			req := api.AgentStartRequest{ID: a[0], Host: host}
			isNew := spec.Module != "" || cmd.Flags().Changed("http") || len(a) > 1
			if !isNew && changed(cmd, specFlagNames) {
				return fmt.Errorf("%w: a new agent needs --module, --http or a command; a registered one is described already", errUsage)
			}
			if isNew {
				if err := spec.build(a); err != nil {
					return err
				}
				req.ID, req.Agent = "", &spec.AgentSpec
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				agent, err := c.Agents.Start(ctx, req)
				if err != nil {
					return err
				}
				return o.show(cmd, agent, func(w io.Writer) { printAgent(w, &api.AgentState{Agent: *agent}) })
			})
		},
	}
	spec.flags(cmd)
	cmd.Flags().StringVar(&host, "host", "", "start it on this host")
	return cmd
}

func agentsVerb(o *options, verb, short string, do func(client.Agents, context.Context, string) (*api.Agent, error)) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ID...", Short: short, Example: "  mabus agents " + verb + " e1 e2", Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				for _, id := range ids {
					agent, err := do(c.Agents, ctx, id)
					if err != nil {
						return err
					}
					if err := o.show(cmd, agent, func(w io.Writer) { row(w, agent.ID, agent.Status) }); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func agentsUpdate(o *options) *cobra.Command {
	var req api.AgentUpdateRequest
	var metadata string
	var tags, capabilities []string
	cmd := &cobra.Command{
		Use: "update ID", Short: "Replace metadata, tags or capabilities of an agent",
		Example: "  mabus agents update e1 --tag blue --tag eu\n  mabus agents update e1 --metadata '{\"owner\":\"ann\"}'", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if !changed(cmd, []string{"metadata", "tag", "capability"}) {
				return fmt.Errorf("%w: nothing to change: give --metadata, --tag or --capability", errUsage)
			}
			if err := checkJSON("--metadata", metadata); err != nil {
				return err
			}
			req.ID, req.Metadata = a[0], json.RawMessage(metadata)
			if cmd.Flags().Changed("tag") {
				req.Tags = &tags
			}
			if cmd.Flags().Changed("capability") {
				req.Capabilities = &capabilities
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				agent, err := c.Agents.Update(ctx, req)
				if err != nil {
					return err
				}
				return o.show(cmd, agent, func(w io.Writer) { printAgent(w, &api.AgentState{Agent: *agent}) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&metadata, "metadata", "", "JSON object that replaces the metadata")
	f.StringSliceVar(&tags, "tag", nil, "tags that replace the old ones")
	f.StringSliceVar(&capabilities, "capability", nil, "capabilities that replace the old ones")
	f.StringVar(&req.Revision, "revision", "", "fail if the agent has changed since this revision")
	return cmd
}

func agentsDeregister(o *options) *cobra.Command {
	p := purgeFlags{}
	cmd := &cobra.Command{
		Use: "deregister ID...", Aliases: []string{"rm"}, Short: "Remove agents that nobody runs", Long: purgeHelp,
		Example: "  mabus agents deregister e1 e2\n  mabus agents rm e1 --purge --stop", Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				for _, id := range ids {
					existed, err := p.remove(ctx, c, id)
					if err != nil {
						return err
					}
					text := "removed"
					if !existed {
						text = "was not registered"
					}
					if err := o.show(cmd, api.DeregisterResponse{Existed: existed}, func(w io.Writer) { row(w, id, text) }); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	p.flags(cmd)
	return cmd
}

func agentsStats(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "stats", Short: "Count agents", Example: "  mabus agents stats", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				st, err := c.Agents.Stats(ctx)
				if err != nil {
					return err
				}
				return o.show(cmd, st, func(w io.Writer) {
					row(w, "total", st.Total)
					row(w, "healthy", fmt.Sprintf("%d %%", st.HealthPercentage))
					counts(w, "status", st.ByStatus)
					counts(w, "type", st.ByType)
					counts(w, "capability", st.ByCapability)
					counts(w, "host", st.ByHost)
				})
			})
		},
	}
}

// counts prints a table of counts, the largest first.
func counts[K ~string](w io.Writer, what string, m map[K]int) {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if m[keys[i]] != m[keys[j]] {
			return m[keys[i]] > m[keys[j]]
		}
		return keys[i] < keys[j]
	})
	for _, k := range keys {
		row(w, what+" "+string(k), m[k])
	}
}

func agentsWatch(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "watch", Short: "Print changes of agents as they happen",
		Example: "  mabus agents watch\n  mabus agents watch --json    each as a CloudEvent", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return watch(cmd, o, func(ctx context.Context, c *client.Client) (*api.WatchResponse, error) { return c.Agents.Watch(ctx) })
		},
	}
}
