package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/credential"
)

// kinds are the kinds of principals, as people read them.
func kinds() string {
	names := make([]string, len(api.Kinds))
	for i, k := range api.Kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

func newAuthAdd(o *options) *cobra.Command {
	var req credential.AddRequest
	kind := ""
	cmd := &cobra.Command{
		Use: "add NAME...", Short: "Make credentials for principals",
		Long: `Makes a file of credentials for each name and prints where it is. The name is the principal: whoever has the file asks in that name and
no other, and hosts no longer act in it. So connections of hosts are made again, which takes a moment: give several names at once.`,
		Example: "  mabus auth add ann --kind agent --capability summarise\n  mabus auth add board --kind observer --expires 720h", Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			auth, err := o.openAuth()
			if err != nil {
				return err
			}
			req.Names, req.Kind = names, api.Kind(kind)
			paths, err := auth.Add(cmd.Context(), o.namespace, req)
			if err != nil {
				return err
			}
			return o.changed(cmd, auth, authChange{Directory: auth.Path(), Credentials: paths})
		},
	}
	f := cmd.Flags()
	f.StringVar(&kind, "kind", string(api.KindAgent), "what the principals may do: "+kinds())
	f.StringSliceVar(&req.Capabilities, "capability", nil, "capability under which an agent outside of hosts is reached; may be given several times")
	f.DurationVar(&req.Expires, "expires", 0, "for how long the credentials hold; until they are revoked unless given")
	return cmd
}

func newAuthRevoke(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME...", Short: "End credentials: whoever uses them is cut off, and refused from then on",
		Example: "  mabus auth revoke ann", Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			auth, err := o.openAuth()
			if err != nil {
				return err
			}
			revoked, err := auth.Revoke(cmd.Context(), o.namespace, names)
			if err != nil {
				return err
			}
			return o.changed(cmd, auth, authChange{Directory: auth.Path(), Revoked: revoked})
		},
	}
}

func newAuthRotate(o *options) *cobra.Command {
	kind := ""
	cmd := &cobra.Command{
		Use: "rotate NAME... | --kind KIND", Short: "Make new keys, and end the old ones",
		Long: `Gives principals new credentials, and ends those that they had. With --kind it makes a new signing key for a kind, and new credentials for
all who have some of it: then nothing that the old key has signed lets anybody in, whoever signed it. Bring the new files to where they are used.`,
		Example: "  mabus auth rotate ann\n  mabus auth rotate --kind agent",
		RunE: func(cmd *cobra.Command, names []string) (err error) {
			if (len(names) == 0) == (kind == "") {
				return fmt.Errorf("%w: give names, or a kind with --kind", errUsage)
			}
			auth, err := o.openAuth()
			if err != nil {
				return err
			}
			var paths []string
			if kind != "" {
				paths, err = auth.RotateKind(cmd.Context(), o.namespace, api.Kind(kind))
			} else {
				paths, err = auth.Rotate(cmd.Context(), o.namespace, names)
			}
			if err != nil {
				return err
			}
			return o.changed(cmd, auth, authChange{Directory: auth.Path(), Credentials: paths})
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "", "rotate the signing key of a kind: "+kinds())
	return cmd
}
