package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/secret"
)

func keyFileFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "secrets-key", os.Getenv("MABUS_SECRETS_KEY_FILE"), "file of private keys (MABUS_SECRETS_KEY_FILE)")
}

func needKeyFile(file string) error {
	if file == "" {
		return fmt.Errorf("%w: name the file of private keys with --secrets-key", errUsage)
	}
	return nil
}

// newest returns the public half of the newest key of a file.
func newest(file string) (string, error) {
	keys, err := secret.ReadKeys(file)
	if err != nil {
		return "", err
	}
	public := keys.Public()
	keys.Wipe()
	return public[len(public)-1], nil
}

func newSecretsInit(o *options) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "init", Short: "Make the namespace's key pair",
		Long: `Makes a key pair: the private half goes into a file, which agent hosts get as --secrets-key, and the public half to the registry. A
file that holds a key already (mabus secrets keygen) is used as it is. Keep the file: without it no secret can be opened.`,
		Example: "  mabus secrets init --secrets-key keys", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := needKeyFile(file); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				keys, err := c.Secrets.Keys(ctx)
				if err != nil {
					return err
				}
				if keys.Current != "" {
					return api.Errorf(api.Conflict, "the namespace has a key already: replace it with mabus secrets rotate").WithReason(api.ReasonSecretKeyChanged)
				}
				public, err := newest(file)
				if api.ReasonOf(err) == api.ReasonSecretNotFound { // the file is there before anything can be sealed to the key
					public, err = secret.AddKey(file)
				}
				if err != nil {
					return err
				}
				if keys, err = c.Secrets.AddKey(ctx, public, ""); err != nil {
					return err
				}
				return o.show(cmd, keys, func(w io.Writer) { row(w, keys.Current) })
			})
		},
	}
	keyFileFlag(cmd, &file)
	return cmd
}

func newSecretsKeygen(o *options) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "keygen", Short: "Add a private key to a file, for the next init or rotate",
		Long: `Adds a private key to the file, and tells nobody. Give the file to every agent host, and then run init or rotate with it: so no host
is without the key when the first secret is sealed to it.`,
		Example: "  mabus secrets keygen --secrets-key keys", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := needKeyFile(file); err != nil {
				return err
			}
			public, err := secret.AddKey(file)
			if err != nil {
				return err
			}
			return o.show(cmd, map[string]string{"key": public}, func(w io.Writer) { row(w, public) })
		},
	}
	keyFileFlag(cmd, &file)
	return cmd
}

// rotation is what rotate did.
type rotation struct {
	Key      string   `json:"key"`
	Resealed []string `json:"resealed"`
	Retired  []string `json:"retired"`
	Forgot   int      `json:"forgot"`
}

func newSecretsRotate(o *options) *cobra.Command {
	var file string
	var forget bool
	cmd := &cobra.Command{
		Use: "rotate", Short: "Replace the namespace's key pair, and seal all secrets to the new one",
		Long: `Makes the newest key of the file the one that secrets are sealed to, or a new one that it adds if the newest is that already. Then it opens
every secret with the keys of the file and seals it anew, and retires the keys that nothing is sealed to any more. Run again, it goes on
where it was interrupted. Where hosts have copies of the file, run keygen first and give them the file.`,
		Example: "  mabus secrets keygen --secrets-key keys   # then give keys to the hosts\n  mabus secrets rotate --secrets-key keys", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := needKeyFile(file); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				r, err := rotate(ctx, c, file)
				if err == nil && forget {
					r.Forgot, err = secret.KeepKeys(file, []string{r.Key})
				}
				if r == nil {
					return err
				}
				return errors.Join(o.show(cmd, r, func(w io.Writer) {
					row(w, "key", r.Key)
					row(w, "resealed", len(r.Resealed))
					row(w, "retired", len(r.Retired))
				}), err)
			})
		},
	}
	keyFileFlag(cmd, &file)
	cmd.Flags().BoolVar(&forget, "forget", false, "remove the retired keys from the file too: what was sealed to them, also in back-ups, is lost then")
	return cmd
}

func rotate(ctx context.Context, c *client.Client, file string) (*rotation, error) {
	present, err := c.Secrets.Keys(ctx)
	if err != nil {
		return nil, err
	}
	if present.Current == "" {
		return nil, api.Errorf(api.FailedPrecondition, "the namespace has no key yet: make one with mabus secrets init").WithReason(api.ReasonSecretKeyMissing)
	}
	next, err := newest(file)
	if err == nil && next == present.Current && len(present.Keys) == 1 { // more than one: an interrupted rotation, which goes on
		next, err = secret.AddKey(file)
	}
	if err != nil {
		return nil, err
	}
	if present, err = c.Secrets.AddKey(ctx, next, present.Current); err != nil {
		return nil, err
	}
	keys, err := secret.ReadKeys(file)
	if err != nil {
		return nil, err
	}
	defer keys.Wipe()
	r := &rotation{Key: next, Resealed: []string{}, Retired: []string{}}
	var failed []error
	for s, err := range c.Secrets.All(ctx, api.SecretsListRequest{}) {
		if err != nil {
			return r, err
		}
		if s.Key == next {
			continue
		}
		switch _, err := c.Secrets.Reseal(ctx, s.Name, keys, next); {
		case err == nil:
			r.Resealed = append(r.Resealed, s.Name)
		case api.ReasonOf(err) == api.ReasonVersionMismatch, api.ReasonOf(err) == api.ReasonSecretNotFound: // it was set or removed meanwhile
		default:
			failed = append(failed, fmt.Errorf("secret %s: %w", s.Name, err))
		}
	}
	for _, k := range present.Keys {
		if k.Key == next {
			continue
		}
		if _, err := c.Secrets.RemoveKey(ctx, k.Key); err != nil {
			failed = append(failed, fmt.Errorf("key %s: %w", secret.Short(k.Key), err))
			continue
		}
		r.Retired = append(r.Retired, k.Key)
	}
	return r, errors.Join(failed...)
}
