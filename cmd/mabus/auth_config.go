package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/shared/credential"
)

func newAuthConfig(o *options) *cobra.Command {
	var cfg credential.ServerConfig
	out := ""
	cmd := &cobra.Command{
		Use: "config", Short: "Print the configuration of NATS servers that go by the auth directory",
		Long: `Prints the configuration of a NATS server: operator mode, JetStream, and TLS and a cluster if there are flags for them. With --out it
writes what a server needs into a directory: nats.conf, the accounts with which it begins, and certificates; and the credentials that hold,
for containers, those of operators only with --operators; none of the keys that make others. Credentials of an earlier time that hold no longer are removed there. A server keeps what it is told later (mabus auth add, revoke, rotate, push) in --accounts; begin with the written accounts only where there are none,
or what was revoked since would hold again.`,
		Example: "  mabus auth config > nats.conf\n  mabus auth config --out deploy/strict --data-dir /data --etc /etc/mabus --tls\n" +
			"  mabus auth config --out deploy/strict --cluster mabus --route nats://nats-1:6222 --route nats://nats-2:6222", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			auth, err := o.openAuth()
			if err != nil {
				return err
			}
			if out == "" {
				text, err := auth.ServerConfig(cfg)
				if err != nil {
					return err
				}
				_, err = io.WriteString(cmd.OutOrStdout(), text)
				return err
			}
			written, err := auth.WriteServerConfig(out, cfg)
			if err != nil {
				return err
			}
			return o.show(cmd, written, func(w io.Writer) {
				for _, path := range written.Files {
					fmt.Fprintln(w, path)
				}
				for _, path := range written.Removed {
					fmt.Fprintln(w, "removed", path)
				}
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "directory to write to; the configuration alone goes to the standard output unless given")
	f.StringVar(&cfg.Listen, "listen", "0.0.0.0:4222", "address that the server listens on")
	f.StringVar(&cfg.Monitor, "monitor", "", "address of NATS' monitoring, such as 0.0.0.0:8222; none unless given")
	f.StringVar(&cfg.DataDir, "data-dir", "/data", "where the server keeps JetStream's files and the accounts")
	f.StringVar(&cfg.Etc, "etc", "/etc/mabus", "where the server finds what --out has written")
	f.StringVar(&cfg.Name, "server-name", "", "name of the server, for example $NATS_NODE; required in a cluster")
	f.StringVar(&cfg.Cluster, "cluster", "", "name of the cluster; a server of its own unless given")
	f.StringVar(&cfg.ClusterListen, "cluster-listen", "0.0.0.0:6222", "address that the server listens on for the others")
	f.StringSliceVar(&cfg.Routes, "route", nil, "URL of a server of the cluster; may be given several times")
	f.BoolVar(&cfg.NoAdvertise, "no-advertise", false, "do not tell clients of the other servers: where clients cannot reach the addresses that servers know of each other")
	f.BoolVar(&cfg.SyncAlways, "sync-always", false, "force what is stored to the disk before it is acknowledged")
	f.StringVar(&cfg.MaxStore, "max-store", "1TB", "most that the streams together may reserve")
	f.BoolVar(&cfg.Operators, "operators", false, "write the credentials of operators too: for a container in which commands are run")
	f.BoolVar(&cfg.TLS, "tls", false, "encrypt, with the certificates that the auth directory has")
	return cmd
}
