package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

func newConfig(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Show and change the settings of the namespace",
		Long: `Shows and changes the one document of settings that every service and host of the namespace obeys. Changes hold within a second, but for
those that "mabus config describe" marks as taken up at the next start.`,
	}
	group(cmd)
	cmd.AddCommand(configGet(o), configSet(o), configUnset(o), configDiff(o), configHistory(o), configRollback(o), configReset(o), configDescribe(o), configWatch(o), configEdit(o))
	return cmd
}

func configGet(o *options) *cobra.Command {
	var effective, stored bool
	cmd := &cobra.Command{
		Use: "get [PATH...]", Short: "Show what is set, over the defaults",
		Long: `Shows what is set at the given paths or everywhere, over the defaults that services have registered. With --effective it asks every process
by what it goes, and where it has each value from: the document, its environment, a flag or a default.`,
		Example: "  mabus config get\n  mabus config get loadbalancer.strategy\n  mabus config get --effective perfmon",
		RunE: func(cmd *cobra.Command, paths []string) error {
			r := api.ConfigGetRequest{Paths: paths, Defaults: !stored}
			if err := valid(&r); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				if effective {
					return showEffective(ctx, cmd, o, c, paths)
				}
				d, err := c.Config.Document(ctx, r)
				if err != nil {
					return err
				}
				return o.show(cmd, d, func(w io.Writer) { printConfig(w, d.Config) })
			})
		},
	}
	cmd.Flags().BoolVar(&effective, "effective", false, "ask every process by what it goes")
	cmd.Flags().BoolVar(&stored, "stored", false, "only what is set, without the defaults")
	cmd.MarkFlagsMutuallyExclusive("effective", "stored")
	return cmd
}

// printConfig prints a document, a line for each value.
func printConfig(w io.Writer, document json.RawMessage) {
	object, err := tree.ParseObject("", document)
	if err != nil {
		row(w, string(document))
		return
	}
	object.Leaves(func(path string, v tree.Value) bool {
		row(w, path, plain(v.JSON()))
		return true
	})
}

// plain is a value as people write it: a string without its quotes.
func plain(value json.RawMessage) string {
	var text string
	if codec.Read(value, &text) == nil {
		return text
	}
	return string(value)
}

func showEffective(ctx context.Context, cmd *cobra.Command, o *options, c *client.Client, paths []string) error {
	section := ""
	if len(paths) == 1 {
		section, _, _ = strings.Cut(paths[0], ".")
	}
	all, err := c.Config.Effective(ctx, section)
	if err != nil {
		return err
	}
	return o.show(cmd, all, func(w io.Writer) {
		row(w, "PATH", "VALUE", "ORIGIN", "PROCESS", "VERSION")
		for _, p := range all {
			name := p.Name + " " + p.Process[max(len(p.Process)-6, 0):]
			for _, s := range p.Sections {
				for _, v := range s.Values {
					if wanted(v.Path, paths) {
						row(w, v.Path, plain(v.Value), v.Origin, name, p.Version)
					}
				}
				for _, late := range s.Restart {
					row(w, late, "(another value holds after a restart)", "", name, p.Version)
				}
				for _, x := range s.Problems {
					row(w, x.Path, "(not obeyed: "+x.Message+")", api.OriginStored, name, p.Version)
				}
			}
		}
	})
}

func wanted(path string, paths []string) bool {
	for _, p := range paths {
		if tree.Within(path, p) {
			return true
		}
	}
	return len(paths) == 0
}

func configDescribe(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "describe [SECTION]", Short: "Show what may be set, within which bounds, and what needs a restart",
		Example: "  mabus config describe\n  mabus config describe loadbalancer", Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			section := strings.Join(a, "")
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				all, err := c.Config.Describe(ctx, section)
				if err != nil {
					return err
				}
				return o.show(cmd, all, func(w io.Writer) {
					row(w, "PATH", "TYPE", "SET", "DEFAULT", "ALLOWED", "NOTE", "WHAT")
					for i := range all {
						for _, x := range all[i].Settings {
							row(w, x.Path, x.Type, plain(x.Set), plain(x.Default), allowed(x), note(x), x.Doc)
						}
						for _, p := range all[i].Problems {
							row(w, p.Path, "", "", "", "", "not accepted", p.Message)
						}
					}
				})
			})
		},
	}
}

func allowed(x api.ConfigSetting) string {
	switch {
	case len(x.OneOf) > 0:
		names := make([]string, len(x.OneOf))
		for i, v := range x.OneOf {
			names[i] = plain(v)
		}
		return strings.Join(names, " ")
	case x.Least != "" || x.Most != "":
		return fmt.Sprintf("%s to %s", x.Least, x.Most)
	}
	return ""
}

func note(x api.ConfigSetting) string {
	var notes []string
	if x.Restart {
		notes = append(notes, "restart")
	}
	if x.Protected {
		notes = append(notes, "operators")
	}
	return strings.Join(notes, ", ")
}
