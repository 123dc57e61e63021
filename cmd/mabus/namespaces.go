package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/shared/namespaces"
	"github.com/mabus-project/mabus/shared/rpc"
)

func newNamespaces(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "namespaces", Short: "List the namespaces that a server has, and remove one"}
	group(cmd)
	cmd.AddCommand(namespacesList(o), namespacesRemove(o))
	return cmd
}

func namespacesList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the namespaces and what they hold", Args: args(cobra.NoArgs), Example: "  mabus namespaces list",
		Long: "Lists the namespaces of which the server, or in strict mode the account of the credentials, has streams.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.admin(cmd, func(ctx context.Context, conn *rpc.Conn) error {
				all, err := namespaces.List(ctx, conn)
				if err != nil {
					return err
				}
				return o.show(cmd, all, func(w io.Writer) {
					row(w, "NAMESPACE", "STORES", "MESSAGES", "BYTES", "CONSUMERS", "STRANGE")
					for _, n := range all {
						messages, bytes, consumers := totals(n.Streams)
						row(w, n.Name, len(n.Streams), messages, sizeOf(bytes), consumers, len(n.Strange))
					}
				})
			})
		},
	}
}

func totals(streams []namespaces.Stream) (messages uint64, bytes int64, consumers int) {
	for _, s := range streams {
		messages, bytes, consumers = messages+s.Messages, bytes+int64(s.Bytes), consumers+s.Consumers
	}
	return messages, bytes, consumers
}

func namespacesRemove(o *options) *cobra.Command {
	var yes, all bool
	cmd := &cobra.Command{
		Use: "rm NAMESPACE --yes", Aliases: []string{"remove"}, Short: "Remove a namespace with everything that is in it, for good", Args: args(cobra.ExactArgs(1)),
		Long: `Removes every stream, bucket and object store of the namespace, and their consumers. It is refused while a process of it lives. Without --yes it
only says what it would remove. Streams that are called as if they were the namespace's and are none that Mabus makes are named, and stay unless
--all is given. If it is interrupted, say the same again.`,
		Example: "  mabus namespaces rm trial\n  mabus namespaces rm trial --yes",
		RunE: func(cmd *cobra.Command, a []string) error {
			of := *o
			of.namespace = a[0]
			return of.admin(cmd, func(ctx context.Context, conn *rpc.Conn) error {
				n, what, err := (*namespaces.Namespace)(nil), "would be removed", error(nil)
				if yes {
					what = "removed"
					n, err = namespaces.Remove(ctx, conn, all)
				} else {
					n, err = namespaces.Look(ctx, conn, a[0])
				}
				if err != nil {
					return err
				}
				return o.show(cmd, n, func(w io.Writer) { printNamespace(w, n, what, yes) })
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "remove it")
	cmd.Flags().BoolVar(&all, "all", false, "also remove streams that are only called as if they were the namespace's")
	return cmd
}

func printNamespace(w io.Writer, n *namespaces.Namespace, what string, yes bool) {
	for _, s := range n.Streams {
		row(w, s.Name, s.Messages, sizeOf(int64(s.Bytes)), what)
	}
	for _, s := range n.Strange {
		row(w, s.Name, s.Messages, sizeOf(int64(s.Bytes)), "not one of Mabus': stays without --all")
	}
	switch {
	case len(n.Streams)+len(n.Strange) == 0:
		fmt.Fprintf(w, "The server has nothing of the namespace %s.\n", n.Name)
	case !yes:
		fmt.Fprintf(w, "\nNothing is removed without --yes.\n")
	}
}
