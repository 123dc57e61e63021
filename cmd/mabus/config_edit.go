package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

func configEdit(o *options) *cobra.Command {
	f := &configFlags{}
	return f.on(&cobra.Command{
		Use: "edit", Short: "Change what is set in an editor ($VISUAL or $EDITOR)",
		Long: `Opens what is set in an editor and makes the changes in one step when that ends. If somebody else has changed the document meanwhile nothing
is changed. What is refused stays in a file that the message names.`,
		Example: "  EDITOR=vi mabus config edit", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.connect(cmd.Context(), o.url(cmd.Context()))
			if err != nil {
				return err
			}
			defer c.Close()
			read, cancel := context.WithTimeout(cmd.Context(), o.timeout)
			defer cancel()
			d, err := c.Config.Document(read, api.ConfigGetRequest{})
			if err != nil {
				return err
			}
			text, file, err := edited(cmd, d.Config)
			if err != nil {
				return err
			}
			done, err := o.putEdited(cmd, c, d, text, f.comment)
			if err != nil {
				return fmt.Errorf("%w (what you wrote is in %s)", err, file)
			}
			if err := os.Remove(file); err != nil {
				return err
			}
			return o.show(cmd, done, func(w io.Writer) { printChanged(w, done) })
		},
	})
}

// edited has a person change a document, and returns what came of it and the file that has it.
func edited(cmd *cobra.Command, document json.RawMessage) (text []byte, file string, err error) {
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, document, "", "  "); err != nil {
		return nil, "", err
	}
	pretty.WriteByte('\n')
	tmp, err := os.CreateTemp("", "mabus-config-*.json")
	if err != nil {
		return nil, "", err
	}
	_, err = tmp.Write(pretty.Bytes())
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, "", err
	}
	words := strings.Fields(envOr("VISUAL", envOr("EDITOR", "vi")))
	editor := exec.CommandContext(cmd.Context(), words[0], append(words[1:], tmp.Name())...) //nolint:gosec // it is what the person wants to run
	editor.Stdin, editor.Stdout, editor.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	if err := editor.Run(); err != nil {
		return nil, "", fmt.Errorf("the editor %s: %w", words[0], err)
	}
	text, err = os.ReadFile(tmp.Name())
	return text, tmp.Name(), err
}

func (o *options) putEdited(cmd *cobra.Command, c *client.Client, d *api.ConfigGetResponse, text []byte, comment string) (*api.ConfigChanged, error) {
	from, err := tree.ParseObject("", d.Config)
	if err != nil {
		return nil, err
	}
	to, err := tree.ParseObject("", bytes.TrimSpace(text))
	if err != nil {
		return nil, err
	}
	set, unset := configChanges(from, to)
	if len(set)+len(unset) == 0 {
		return &api.ConfigChanged{Version: d.Version, Revision: d.Revision}, nil
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
	defer cancel()
	return c.Config.Change(ctx, api.ConfigSetRequest{Values: set, Unset: unset, Version: &d.Version, Comment: comment})
}
