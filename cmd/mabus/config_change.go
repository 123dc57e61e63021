package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

// configFlags are those of every change.
type configFlags struct {
	expect  uint64
	comment string
	given   func() bool
}

func (f *configFlags) on(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().Uint64Var(&f.expect, "expect", 0, "change nothing unless the document has this version")
	cmd.Flags().StringVar(&f.comment, "comment", "", "why, for the history")
	f.given = func() bool { return cmd.Flags().Changed("expect") }
	return cmd
}

func (f *configFlags) version() *uint64 {
	if !f.given() {
		return nil
	}
	return &f.expect
}

func configSet(o *options) *cobra.Command {
	f := &configFlags{}
	return f.on(&cobra.Command{
		Use: "set PATH=VALUE...", Short: "Set one or more paths, in one step",
		Long:    `Sets all the paths or none. Values are JSON; where the schema asks for a string or a duration they need no quotes.`,
		Example: "  mabus config set loadbalancer.strategy=least_outstanding\n  mabus config set perfmon.interval=500ms log.level=debug --comment 'look into the slow start'",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				values, err := configValues(ctx, c, a)
				if err != nil {
					return err
				}
				r := api.ConfigSetRequest{Values: values, Version: f.version(), Comment: f.comment}
				if err := valid(&r); err != nil {
					return err
				}
				done, err := c.Config.Change(ctx, r)
				if err != nil {
					return err
				}
				return o.show(cmd, done, func(w io.Writer) { printChanged(w, done) })
			})
		},
	})
}

// configValues reads PATH=VALUE, each as the schema has it.
func configValues(ctx context.Context, c *client.Client, a []string) ([]api.ConfigValue, error) {
	kinds := map[string]string{}
	values := make([]api.ConfigValue, len(a))
	for i, text := range a {
		path, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("%w: %q is not PATH=VALUE", errUsage, text)
		}
		section, _, _ := strings.Cut(path, ".")
		if _, asked := kinds[section]; !asked && api.ValidID(section) {
			kinds[section] = ""
			described, err := c.Config.Describe(ctx, section)
			if err != nil && api.CodeOf(err) != api.NotFound { // a section that is not there is refused by the change
				return nil, err
			}
			for j := range described {
				for _, x := range described[j].Settings {
					kinds[x.Path] = x.Type
				}
			}
		}
		raw := json.RawMessage(value)
		if k := kinds[path]; k == "string" && !isString(raw) || k == "duration" && !isString(raw) || !codec.Valid(raw) {
			var err error
			if raw, err = codec.Marshal(value); err != nil {
				return nil, err
			}
		}
		values[i] = api.ConfigValue{Path: path, Value: raw}
	}
	return values, nil
}

func isString(raw json.RawMessage) bool { return codec.Valid(raw) && raw[0] == '"' }

func configUnset(o *options) *cobra.Command {
	f := &configFlags{}
	return f.on(sends(o, &cobra.Command{
		Use: "unset PATH...", Short: "Take away what is set: environment, flags and defaults hold there again",
		Example: "  mabus config unset loadbalancer.strategy log.level", Args: args(cobra.MinimumNArgs(1)),
	}, func(a []string) (api.ConfigUnsetRequest, error) {
		return api.ConfigUnsetRequest{Paths: a, Version: f.version(), Comment: f.comment}, nil
	}, func(ctx context.Context, c *client.Client, r api.ConfigUnsetRequest) (*api.ConfigChanged, error) {
		return c.Config.Unset(ctx, r)
	}, printChanged))
}

func printChanged(w io.Writer, done *api.ConfigChanged) {
	if !done.Changed {
		row(w, fmt.Sprintf("nothing to change: version %d", done.Version))
		return
	}
	row(w, fmt.Sprintf("version %d: %s", done.Version, strings.Join(done.Paths, " ")))
	if len(done.Restart) > 0 {
		row(w, "taken up at the next start: "+strings.Join(done.Restart, " "))
	}
}

func configRollback(o *options) *cobra.Command {
	f := &configFlags{}
	return f.on(sends(o, &cobra.Command{
		Use: "rollback VERSION", Short: "Make the document what it was at a version; 0 is empty",
		Example: "  mabus config history\n  mabus config rollback 12", Args: args(cobra.ExactArgs(1)),
	}, func(a []string) (api.ConfigRollbackRequest, error) {
		to, err := configVersion(a[0])
		return api.ConfigRollbackRequest{To: to, Version: f.version(), Comment: f.comment}, err
	}, func(ctx context.Context, c *client.Client, r api.ConfigRollbackRequest) (*api.ConfigChanged, error) {
		return c.Config.Rollback(ctx, r)
	}, printChanged))
}

func configVersion(text string) (uint64, error) {
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: a version is a number, and not %q", errUsage, text)
	}
	return v, nil
}

func configReset(o *options) *cobra.Command {
	f, all := &configFlags{}, false
	cmd := f.on(sends(o, &cobra.Command{
		Use: "reset SECTION | --all", Short: "Take away all that is set in a section, or everywhere",
		Example: "  mabus config reset loadbalancer\n  mabus config reset --all", Args: args(cobra.MaximumNArgs(1)),
	}, func(a []string) (api.ConfigResetRequest, error) {
		return api.ConfigResetRequest{Section: strings.Join(a, ""), All: all, Version: f.version(), Comment: f.comment}, nil
	}, func(ctx context.Context, c *client.Client, r api.ConfigResetRequest) (*api.ConfigChanged, error) {
		return c.Config.Reset(ctx, r)
	}, printChanged))
	cmd.Flags().BoolVar(&all, "all", false, "every section")
	return cmd
}

// configChanges returns what has to be set and unset to get from one document to another.
func configChanges(from, to tree.Object) (set []api.ConfigValue, unset []string) {
	for _, c := range tree.Diff(from, to) {
		if c.New.IsZero() {
			unset = append(unset, c.Path)
		} else {
			set = append(set, api.ConfigValue{Path: c.Path, Value: c.New.JSON()})
		}
	}
	return set, unset
}
