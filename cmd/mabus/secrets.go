package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/secret"
)

// secretFlags are what an operator allows the references of agents to reach on a host.
type secretFlags struct{ secret.Policy }

func (s *secretFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.KeyFile, "secrets-key", os.Getenv("MABUS_SECRETS_KEY_FILE"), "file of the private keys that open the namespace's secrets, for the agent host (MABUS_SECRETS_KEY_FILE)")
	f.StringSliceVar(&s.Env, "secret-env", commaList("MABUS_SECRET_ENV"), "variable that agents may refer to as env:NAME; NAME* allows all that begin so ("+secret.DefaultEnv+", MABUS_SECRET_ENV)")
	f.StringSliceVar(&s.Dirs, "secret-dir", commaList("MABUS_SECRET_DIR"), "directory below which agents may refer to files as file:/path (MABUS_SECRET_DIR)")
}

// secretsOfEnvironment is the policy of a command that starts an agent host and has no flags for it.
func secretsOfEnvironment() secretFlags {
	return secretFlags{secret.Policy{KeyFile: os.Getenv("MABUS_SECRETS_KEY_FILE"), Env: commaList("MABUS_SECRET_ENV"), Dirs: commaList("MABUS_SECRET_DIR")}}
}

func commaList(variable string) []string {
	v := os.Getenv(variable)
	if v == "" {
		return nil
	}
	return strings.Split(v, ",")
}

func newSecrets(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "secrets", Short: "Set what agents need and nobody may see: keys, passwords, tokens",
		Long: `Sets the secrets of the namespace, which agents refer to as secret:NAME. A value is read from the standard input, sealed here to the
namespace's public key, and opened by agent hosts alone, which have the private key in a file (--secrets-key). Nothing prints a value.

  mabus secrets init --secrets-key keys           once; hosts get the file keys
  pass show llm | mabus secrets set llm
  mabus agents start a1 --secret LLM_KEY=secret:llm -- ./worker.py`,
	}
	group(cmd)
	cmd.AddCommand(newSecretsSet(o), newSecretsList(o), newSecretsRemove(o), newSecretsInit(o), newSecretsKeygen(o), newSecretsKeys(o), newSecretsRotate(o))
	return cmd
}

func newSecretsSet(o *options) *cobra.Command {
	var only string
	var raw bool
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Set a secret to what comes on the standard input",
		Long: `Seals what comes on the standard input, without one line break at its end, and keeps it under the name. Agents that are http endpoints
use it within seconds; exec agents when they are started again.`,
		Example: "  pass show llm | mabus secrets set llm\n  mabus secrets set tls-key --raw < key.pem", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if in, ok := cmd.InOrStdin().(*os.File); ok && isTerminal(in) {
				return fmt.Errorf("%w: the value comes on the standard input, where nothing shows it: pass show %s | mabus secrets set %s", errUsage, a[0], a[0])
			}
			value, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), api.MaxSecretValue+3))
			if err != nil {
				return fmt.Errorf("read the value: %w", err)
			}
			defer clear(value)
			if !raw {
				value = bytes.TrimSuffix(bytes.TrimSuffix(value, []byte("\n")), []byte("\r"))
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				s, err := c.Secrets.Set(ctx, a[0], value, only)
				if err != nil {
					return err
				}
				return o.show(cmd, s, func(w io.Writer) {
					row(w, s.Name, fmt.Sprintf("version %d", s.Version), "sealed to "+secret.Short(s.Key))
				})
			})
		},
	}
	cmd.Flags().StringVar(&only, "key", os.Getenv("MABUS_SECRETS_PUBLIC_KEY"), "public key that it is sealed to; refused if it is not the namespace's (MABUS_SECRETS_PUBLIC_KEY)")
	cmd.Flags().BoolVar(&raw, "raw", false, "keep a line break at the end")
	return cmd
}

func newSecretsList(o *options) *cobra.Command {
	var req api.SecretsListRequest
	cmd := &cobra.Command{
		Use: "list", Short: "List secrets: names, keys, and who set them when; never values",
		Example: "  mabus secrets list", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				all := api.SecretsListResponse{Secrets: []api.Secret{}}
				for s, err := range c.Secrets.All(ctx, req) {
					if err != nil {
						return err
					}
					all.Secrets = append(all.Secrets, s)
				}
				return o.show(cmd, all, func(w io.Writer) {
					row(w, "NAME", "VERSION", "KEY", "SET", "BY")
					for _, s := range all.Secrets {
						row(w, s.Name, s.Version, secret.Short(s.Key), ago(s.ChangedAt), orDash(s.ChangedBy))
					}
				})
			})
		},
	}
	cmd.Flags().StringVar(&req.Key, "key", "", "only secrets that are sealed to this public key")
	return cmd
}

func newSecretsRemove(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Remove a secret; agents that need it do not start any more",
		Example: "  mabus secrets remove llm", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				existed, err := c.Secrets.Remove(ctx, a[0])
				if err != nil {
					return err
				}
				if !existed {
					return api.Errorf(api.NotFound, "there is no secret %s", a[0]).WithReason(api.ReasonSecretNotFound)
				}
				return nil
			})
		},
	}
}

func newSecretsKeys(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "keys", Short: "List the public keys that secrets are sealed to",
		Example: "  mabus secrets keys", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				keys, err := c.Secrets.Keys(ctx)
				if err != nil {
					return err
				}
				return o.show(cmd, keys, func(w io.Writer) {
					row(w, "KEY", "PRESENT", "ADDED", "BY")
					for _, k := range keys.Keys {
						row(w, k.Key, k.Key == keys.Current, ago(k.AddedAt), orDash(k.AddedBy))
					}
				})
			})
		},
	}
}
