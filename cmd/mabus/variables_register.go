package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func variablesRegister(o *options) *cobra.Command {
	var v variableFlags
	cmd := &cobra.Command{
		Use: "register NAME [VALUE]", Short: "Register a variable, which belongs to who does it",
		Long: `Registers a variable. VALUE is JSON, or else a text; it may be left out when there is a protocol by which the agents find one (mabus
variables coordinate).`,
		Example: "  mabus variables register temperature 0.7 --scope cluster --agents a,b --type number --min 0 --max 2\n" +
			"  mabus variables register model '\"small\"' --agents a,b,c --resolution consensus --enum '\"small\"' --enum '\"large\"'\n" +
			"  mabus variables register region eu --agents a,b,c --protocol-type consensus --protocol-params '{\"options\":[\"eu\",\"us\"]}'",
		Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := v.build(cmd, a); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				stored, err := c.Variables.Register(ctx, v.spec)
				if err != nil {
					return err
				}
				return o.show(cmd, stored, func(w io.Writer) { printVariable(w, stored) })
			})
		},
	}
	v.flags(cmd)
	return cmd
}

// variableFlags describe a variable.
type variableFlags struct {
	spec             api.VariableSpec
	protocol         api.VariableProtocol
	low, high        string
	params, metadata string
	enum             []string
	timeout          time.Duration
}

func (v *variableFlags) flags(cmd *cobra.Command) {
	f, c, p := cmd.Flags(), &v.spec.Constraints, &v.protocol
	f.StringVar((*string)(&v.spec.Scope), "scope", "", "local (for its owner), cluster (for its agents too) or global (global)")
	f.StringSliceVar(&v.spec.Agents, "agents", nil, "ids of the agents that share it, with commas between")
	f.StringVar((*string)(&v.spec.Resolution), "resolution", "", "who decides on a change: last_write_wins, consensus or custom (last_write_wins)")
	f.StringVar(&v.spec.Decider, "decider", "", "with --resolution custom: the agent that decides")
	f.StringVar(&p.Name, "protocol", "", "registered protocol by which the agents decide together; or else give --protocol-type")
	f.StringVar((*string)(&p.Type), "protocol-type", "", "type of the session in which they do")
	f.StringVar(&p.Algorithm, "protocol-algorithm", "", "one of its algorithms")
	f.StringVar(&v.params, "protocol-params", "", "JSON object with its parameters")
	f.DurationVar(&v.timeout, "protocol-timeout", 0, "how long each of its rounds may take")
	f.StringVar(&v.spec.Kind, "kind", "", "agent_selection, resource_allocation or communication_topology")
	f.StringVar(&c.Type, "type", "", "the value must be a number, integer, string, boolean, object or array")
	f.StringVar(&v.low, "min", "", "the value must be a number, at least this")
	f.StringVar(&v.high, "max", "", "the value must be a number, at most this")
	f.IntVar(&c.MaxLength, "max-length", 0, "the value must be a string or array of at most this length")
	f.StringVar(&c.Pattern, "pattern", "", "the value must be a string that all of this regular expression matches")
	f.StringArrayVar(&v.enum, "enum", nil, "the value must be this, JSON or else a text, or that of another --enum")
	f.StringSliceVar(&v.spec.Access.Read, "read", nil, "principals who may read it beyond its scope, with commas between")
	f.StringSliceVar(&v.spec.Access.Write, "write", nil, "principals who may change it beyond its scope, with commas between")
	f.StringVar(&v.metadata, "metadata", "", "JSON object")
}

var protocolFlagNames = []string{"protocol", "protocol-type", "protocol-algorithm", "protocol-params", "protocol-timeout"}

// build makes the description of the arguments and flags.
func (v *variableFlags) build(cmd *cobra.Command, a []string) error {
	var err error
	v.spec.Name = a[0]
	if len(a) > 1 {
		if v.spec.Value, err = jsonOrText(a[1]); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		name, text string
		to         *json.RawMessage
	}{{"--protocol-params", v.params, &v.protocol.Params}, {"--metadata", v.metadata, &v.spec.Metadata}} {
		if err := checkJSON(f.name, f.text); err != nil {
			return err
		}
		if f.text != "" {
			*f.to = json.RawMessage(f.text)
		}
	}
	v.protocol.Timeout = api.Duration(v.timeout)
	if changed(cmd, protocolFlagNames) {
		v.spec.Protocol = &v.protocol
	}
	for _, f := range []struct {
		name, text string
		to         **api.Decimal
	}{{"--min", v.low, &v.spec.Constraints.Min}, {"--max", v.high, &v.spec.Constraints.Max}} {
		if f.text == "" {
			continue
		}
		d, err := api.ParseDecimal(f.text)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", errUsage, f.name, err)
		}
		*f.to = &d
	}
	for _, text := range v.enum {
		one, err := jsonOrText(text)
		if err != nil {
			return err
		}
		v.spec.Constraints.Enum = append(v.spec.Constraints.Enum, one)
	}
	return valid(&v.spec)
}
