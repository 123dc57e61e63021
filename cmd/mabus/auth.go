package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/credential"
	"github.com/mabus-project/mabus/shared/natsd"
)

func newAuth(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "auth", Short: "Credentials: who is who in strict mode",
		Long: `Keeps the auth directory: the keys of NATS' operator and accounts, the credentials that were issued, and certificates. It is
DATA/auth unless --auth says otherwise. Whoever has it can make himself anybody: keep a copy where only you get at it.

  operator  a person or a tool that runs the system
  service   a process of Mabus: mabus up, or mabus serve registry and its like
  host      mabus serve agenthost: runs agents, in whose names it asks
  agent     an agent, or a program, outside of hosts
  observer  looks and changes nothing

Changes are told to the server of --server, or to the one that runs on the data directory.`,
	}
	group(cmd)
	cmd.AddCommand(newAuthInit(o), newAuthAdd(o), newAuthList(o), newAuthRevoke(o), newAuthRotate(o), newAuthPush(o), newAuthConfig(o))
	return cmd
}

// openAuth opens the auth directory.
func (o *options) openAuth() (*credential.Directory, error) {
	return credential.Open(o.authDir(), credential.Options{})
}

func newAuthInit(o *options) *cobra.Command {
	makeTLS := false
	var hosts []string
	cmd := &cobra.Command{
		Use: "init", Short: "Make the auth directory, or add a namespace or certificates to it",
		Long: `Makes the keys of an operator, of NATS' system account and of the account of --namespace. What is there already stays; the account is
signed again if this version of Mabus grants something else. With --tls it makes an authority, and a certificate for the servers under the
names of --san, which replaces one that is there. With --tls-cert, --tls-key and --tls-ca it takes yours.`,
		Example: "  mabus auth init\n  mabus auth init --auth /etc/mabus/auth --tls --san nats.example.org --san 10.0.0.7", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			auth, err := credential.Init(ctx, o.authDir(), o.namespace, credential.Options{})
			if err != nil {
				return err
			}
			switch {
			case makeTLS && o.tlsCert != "":
				return fmt.Errorf("%w: --tls makes a certificate, and --tls-cert brings one", errUsage)
			case makeTLS:
				err = auth.MakeTLS(ctx, append([]string{"localhost", "127.0.0.1", "::1"}, hosts...))
			case o.tlsCert != "":
				err = auth.TakeTLS(ctx, o.tlsCert, o.tlsKey, o.tlsCA)
			}
			if err != nil {
				return err
			}
			return o.changed(cmd, auth, authChange{Directory: auth.Path()})
		},
	}
	cmd.Flags().BoolVar(&makeTLS, "tls", false, "make a certificate for the servers")
	cmd.Flags().StringSliceVar(&hosts, "san", nil, "host name or address under which servers are reached, besides this machine's loopback; may be given several times")
	return cmd
}

func newAuthList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the credentials that were issued, and the certificates", Args: args(cobra.NoArgs),
		Example: "  mabus auth list\n  mabus auth list --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			auth, err := o.openAuth()
			if err != nil {
				return err
			}
			users, err := auth.List(o.namespace)
			if err != nil {
				return err
			}
			certs, err := auth.Certificates()
			if err != nil {
				return err
			}
			now := time.Now()
			all := struct {
				Directory    string                   `json:"directory"`
				Namespace    string                   `json:"namespace"`
				Credentials  []credential.User        `json:"credentials"`
				Certificates []credential.Certificate `json:"certificates"`
			}{auth.Path(), o.namespace, users, certs}
			return o.show(cmd, all, func(w io.Writer) {
				row(w, "NAME", "KIND", "STATUS", "ISSUED", "EXPIRES", "CAPABILITIES", "PUBLIC KEY")
				for _, u := range users {
					row(w, u.Name, u.Kind, standing(&u, now), u.IssuedAt.Format(time.RFC3339), date(u.ExpiresAt), strings.Join(u.Capabilities, ","), u.PublicKey)
				}
				for _, c := range certs {
					status := "valid"
					if now.After(c.ExpiresAt) {
						status = "expired"
					}
					row(w, c.Path, "certificate", status, "-", c.ExpiresAt.Format(time.RFC3339), strings.Join(c.Names, ","), "-")
				}
			})
		},
	}
}

// standing says whether credentials hold.
func standing(u *credential.User, now time.Time) string {
	switch {
	case u.RevokedAt != nil:
		return "revoked"
	case !u.Valid(now):
		return "expired"
	}
	return "valid"
}

func date(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Format(time.RFC3339)
}

// authChange is what a command has changed.
type authChange struct {
	Directory   string   `json:"directory"`
	Credentials []string `json:"credentials,omitempty"` // files that were written
	Revoked     []string `json:"revoked,omitempty"`     // names
	Servers     []string `json:"servers"`               // that have been told, by name
}

// changed tells the servers, if there are any, and says what was done.
func (o *options) changed(cmd *cobra.Command, auth *credential.Directory, c authChange) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
	defer cancel()
	pushed, err := o.push(ctx, auth)
	if err != nil {
		return fmt.Errorf("%s has changed, but not all servers know it: repeat it with `mabus auth push`: %w", auth.Path(), err)
	}
	c.Servers = []string{}
	if pushed != nil {
		c.Servers = pushed.Servers
	}
	return o.show(cmd, c, func(w io.Writer) {
		for _, path := range c.Credentials {
			row(w, path)
		}
		for _, name := range c.Revoked {
			row(w, "revoked "+name)
		}
		if pushed == nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "No server on %s goes by %s now, so none was told: one that starts with it will. To tell another, give --server.\n", o.data, auth.Path())
		}
	})
}

// push tells the server that was named, or that runs on the data directory and goes by the auth directory; nil if there is none.
func (o *options) push(ctx context.Context, auth *credential.Directory) (*credential.Pushed, error) {
	url := o.server
	if url == "" {
		own := filepath.Join(o.data, "auth")
		elsewhere := filepath.Clean(o.authDir()) != own && credential.Exists(own)
		if natsd.Plain(o.data) || elsewhere { // that server goes by none, or by its own
			return nil, nil
		}
		if url = natsd.Find(ctx, o.data); url == "" {
			return nil, nil
		}
	}
	tls, err := o.clientTLS()
	if err != nil {
		return nil, err
	}
	return auth.Push(ctx, credential.Server{URL: url, TLS: tls})
}

func newAuthPush(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "push", Short: "Tell the servers what the auth directory says", Args: args(cobra.NoArgs),
		Example: "  mabus auth push --server nats://nats-1:4222 --auth /etc/mabus/auth",
		RunE: func(cmd *cobra.Command, _ []string) error {
			auth, err := o.openAuth()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
			defer cancel()
			pushed, err := o.push(ctx, auth)
			if err != nil {
				return err
			}
			if pushed == nil {
				return api.Errorf(api.Unavailable, "no server runs on %s: name one with --server", o.data)
			}
			return o.show(cmd, pushed, func(w io.Writer) {
				for _, name := range pushed.Servers {
					row(w, name)
				}
			})
		},
	}
}

// loopback tells whether nobody outside of this machine reaches an address.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
