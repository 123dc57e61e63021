package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/credential"
	"github.com/mabus-project/mabus/shared/rpc"
)

func newAdmin(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "admin",
		Short: "Back up, restore and move a namespace, and find out what is wrong with it",
	}
	group(cmd)
	cmd.AddCommand(newAdminBackup(o), newAdminVerify(o), newAdminRestore(o), newAdminMigrate(o), newAdminDoctor(o), newAdminRules(o))
	return cmd
}

func newAdminBackup(o *options) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "backup DIR | --to FILE.tar",
		Short: "Copy a namespace into a directory or a file, while it runs",
		Long: `Copies every store of the namespace into a directory, which must be empty or not be there, or with --to into one tar file, which must not be
there and has its name when it is whole. The disk of the file needs room for it and for its largest store once more. Work goes on meanwhile. What was
acknowledged before the command began is in the copy. It has whatever the namespace has, keys among it: keep it as you keep those.`,
		Example: "  mabus admin backup /backups/mabus-$(date +%F)\n  mabus --namespace prod admin backup --to /backups/prod.tar --json",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if (len(a) == 1) == (to != "") {
				return fmt.Errorf("%w: %s needs a directory, or --to and a file", errUsage, cmd.CommandPath())
			}
			return o.admin(cmd, func(ctx context.Context, conn *rpc.Conn) error {
				save, path := backup.Make, strings.Join(a, "")
				if to != "" {
					save, path = backup.MakeFile, to
				}
				m, err := save(ctx, conn, path, backup.Options{Version: version, Progress: o.progress(cmd)})
				if err != nil {
					return err
				}
				return o.showBackup(cmd, m)
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "tar file to write, instead of a directory")
	return cmd
}

func newAdminVerify(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "verify DIR|FILE.tar",
		Short:   "Read a back-up and compare it with its hashes, without a server",
		Example: "  mabus admin verify /backups/mabus-2026-11-22\n  mabus admin verify /backups/prod.tar",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			m, err := backup.Verify(cmd.Context(), a[0], o.progress(cmd))
			if err != nil {
				return err
			}
			return o.showBackup(cmd, m)
		},
	}
}

func newAdminRestore(o *options) *cobra.Command {
	r := backup.RestoreOptions{}
	cmd := &cobra.Command{
		Use:   "restore DIR|FILE.tar",
		Short: "Bring a namespace back from a back-up",
		Long: `Reads the back-up, restores it into a server that has no store of the namespace, and compares. Start no process of the namespace before it
has ended. If it is interrupted, say the same again.

Processes that had leases when the back-up was made are taken for dead 15 s after the first service has started.`,
		Example: "  mabus admin restore /backups/mabus-2026-11-22\n  mabus admin restore /backups/prod.tar --replicas 3 --server nats://n1:4222",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.admin(cmd, func(ctx context.Context, conn *rpc.Conn) error {
				r.Progress = o.progress(cmd)
				m, err := backup.Restore(ctx, conn, a[0], r)
				if err != nil {
					return err
				}
				return o.showBackup(cmd, m)
			})
		},
	}
	cmd.Flags().IntVar(&r.Replicas, "replicas", 0, "copies of every stream and bucket; as in the back-up unless given")
	cmd.Flags().BoolVar(&r.Replace, "replace", false, "remove what the namespace has on the server now; refused while a process of it lives")
	return cmd
}

func newAdminMigrate(o *options) *cobra.Command {
	m, undo := backup.MigrateOptions{}, false
	var to client.Options
	var toCA, dir string
	cmd := &cobra.Command{
		Use:   "migrate --to URL --dir DIR",
		Short: "Move a namespace to another server or a cluster",
		Long: `Reads the namespace while it is worked with, then lets it take no more writes, reads what has come since, restores all on the other server and
compares. Nothing that was acknowledged is missing there. The old server keeps what it has and refuses writes: start the processes anew with the
new URL, and then stop the old server. When it fails, work goes on where it was. --undo lets the old server take writes again after a migration
that was killed, or that nobody wants any more.`,
		Example: "  mabus admin migrate --to nats://n1:4222,nats://n2:4222,nats://n3:4222 --replicas 3 --dir /backups/move\n  mabus admin migrate --undo",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if undo != (to.URL == "") || undo != (dir == "") {
				return fmt.Errorf("%w: %s needs --to and --dir, or --undo", errUsage, cmd.CommandPath())
			}
			return o.admin(cmd, func(ctx context.Context, conn *rpc.Conn) error {
				if undo {
					return backup.Unfence(ctx, conn)
				}
				to.Namespace, to.AnyNamespace, to.Name = o.namespace, true, "mabus command"
				id, err := o.identity() // who asks here asks there, unless told otherwise
				if err != nil {
					return err
				}
				if to.TLS = id.tls; toCA != "" {
					if to.TLS, err = credential.ClientTLS(toCA, o.tlsCert, o.tlsKey); err != nil {
						return fmt.Errorf("%w: --to-tls-ca: %w", errUsage, err)
					}
				}
				if to.Credentials == "" {
					to.Principal, to.Credentials = id.principal, id.credentials
				} else if to.Principal, err = credential.NameIn(to.Credentials); err != nil {
					return err
				}
				target, err := rpc.Dial(ctx, to)
				if api.ReasonOf(err) == api.ReasonCredentials {
					return fmt.Errorf("%w; name credentials for the new server with --to-creds", err)
				}
				if err != nil {
					return err
				}
				defer target.Close()
				m.Options = backup.Options{Version: version, Progress: o.progress(cmd)}
				done, err := backup.Migrate(ctx, conn, target, dir, m)
				if err != nil {
					return err
				}
				return o.show(cmd, done, func(w io.Writer) {
					printBackup(w, done.Manifest)
					fmt.Fprintf(w, "\nIt was read for %s and took no writes for %s. Start the processes with --server %s, then stop the old server.\n",
						round(time.Duration(done.Reading)), round(time.Duration(done.Pause)), redact(to.URL))
				})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&to.URL, "to", "", "URL of the new server, or several with commas between")
	f.StringVar(&to.Credentials, "to-creds", os.Getenv("NATS_CREDS"), "NATS credentials file for the new server (NATS_CREDS); those in use unless given")
	f.StringVar(&toCA, "to-tls-ca", "", "file of the certificates that the new server's is trusted by; as for the old one unless given")
	f.StringVar(&dir, "dir", "", "directory for the back-up of the moment of the move")
	f.IntVar(&m.Replicas, "replicas", 0, "copies of every stream and bucket on the new server; as now unless given")
	f.BoolVar(&undo, "undo", false, "let the old server take writes again")
	return cmd
}

// admin connects, and calls f without a limit of time: these things take as long as there is data.
func (o *options) admin(cmd *cobra.Command, f func(ctx context.Context, conn *rpc.Conn) error) error {
	old := *o
	old.anyNamespace = true
	c, err := old.connect(cmd.Context(), o.url(cmd.Context()))
	if err != nil {
		return err
	}
	defer c.Close()
	return f(cmd.Context(), c.Conn())
}

// progress prints each step, for people on a terminal.
func (o *options) progress(cmd *cobra.Command) func(backup.Progress) {
	if o.json || !isTerminal(os.Stderr) {
		return nil
	}
	return func(p backup.Progress) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%-9s %-18s %10d messages %10s\n", p.Step, p.Store, p.Messages, sizeOf(p.Bytes))
	}
}

func (o *options) showBackup(cmd *cobra.Command, m *backup.Manifest) error {
	return o.show(cmd, m, func(w io.Writer) { printBackup(w, m) })
}

func printBackup(w io.Writer, m *backup.Manifest) {
	row(w, "STORE", "KIND", "MESSAGES", "BYTES", "FILE", "LAST")
	var messages uint64
	var bytes, files int64
	for _, p := range m.Parts {
		row(w, p.Store, p.Kind, p.Messages, sizeOf(p.Bytes), sizeOf(p.Size), p.Last)
		messages, bytes, files = messages+p.Messages, bytes+p.Bytes, files+p.Size
	}
	row(w, "all", "", messages, sizeOf(bytes), sizeOf(files), "")
	fmt.Fprintf(w, "\nNamespace %s, made by mabus %s from %s to %s.\nSHA-256 %s\n", m.Namespace, m.Mabus, m.Began.Format(time.RFC3339), m.Ended.Format(time.RFC3339), m.Sum)
}

// round leaves out of a duration what nobody reads.
func round(d time.Duration) string { return strings.TrimSpace(d.Round(time.Millisecond).String()) }

// sizeOf is a number of bytes as people say it.
func sizeOf(n int64) string {
	unit, f := 0, float64(n)
	for f >= 1024 && unit < 4 {
		unit, f = unit+1, f/1024
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, [...]string{"", "KiB", "MiB", "GiB", "TiB"}[unit])
}
