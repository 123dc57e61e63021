package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// printStream prints an answer as it comes. Texts among the chunks are written one after the other, as a model writes; progress
// and questions go to the standard error, and a question is answered by a line of the standard input.
func printStream(cmd *cobra.Command, o *options, s *client.Stream) error {
	defer s.Close()
	out, in := cmd.OutOrStdout(), bufio.NewReader(cmd.InOrStdin())
	written := false // a line was begun by chunks
	for {
		p, err := s.Next()
		if written && (err != nil || p.Kind != api.PartChunk) {
			fmt.Fprintln(out)
			written = false
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case p.Kind == api.PartNeedInput:
			answer, err := askPerson(cmd, in, p.Body)
			if err != nil {
				return err
			}
			if err := s.Answer(p, answer); err != nil {
				return err
			}
		case o.json:
			fmt.Fprintf(out, "{\"kind\":%q,\"payload\":%s}\n", p.Kind, orNull(p.Body))
		case p.Kind == api.PartProgress:
			fmt.Fprintf(cmd.ErrOrStderr(), "progress: %s\n", p.Body)
		case p.Kind == api.PartChunk:
			var text string
			if codec.Read(p.Body, &text) != nil {
				fmt.Fprintln(out, string(p.Body))
				continue
			}
			fmt.Fprint(out, text)
			written = !strings.HasSuffix(text, "\n")
		default:
			fmt.Fprintln(out, string(p.Body))
		}
	}
}

func orNull(body json.RawMessage) json.RawMessage {
	if len(body) == 0 {
		return json.RawMessage("null")
	}
	return body
}

// askPerson shows a question and reads a line: JSON if it is that, otherwise a text.
func askPerson(cmd *cobra.Command, in *bufio.Reader, question json.RawMessage) ([]byte, error) {
	fmt.Fprintf(cmd.ErrOrStderr(), "the agent asks: %s\n> ", question)
	line, err := in.ReadString('\n')
	if err != nil && line == "" {
		return nil, fmt.Errorf("the agent asks and nobody answers: %w", err)
	}
	line = strings.TrimSpace(line)
	if codec.Valid([]byte(line)) {
		return []byte(line), nil
	}
	return codec.Marshal(line)
}

// openStream asks one agent, or any with a capability, for an answer in parts.
func openStream(ctx context.Context, c *client.Client, name string, capability bool, msg json.RawMessage) (*client.Stream, error) {
	if capability {
		return c.StreamCapability(ctx, name, msg)
	}
	return c.Stream(ctx, name, msg)
}
