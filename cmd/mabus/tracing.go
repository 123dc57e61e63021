package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/shared/trace"
	traceexport "github.com/mabus-project/mabus/shared/trace/export"
)

// exportTimeout is for the spans of a command: one whose collector is away shall not take longer than this for it.
const exportTimeout = time.Second

// traced carries out a command as the root of a trace, if the environment says where traces go.
func (o *options) traced(ctx context.Context, cmd *cobra.Command, f func(ctx context.Context) error) error {
	log := zerolog.New(cmd.ErrOrStderr()).Level(zerolog.ErrorLevel)
	spans, err := traceexport.Start(ctx, traceexport.Config{Service: "mabus-cli", Version: version, Namespace: o.namespace, Log: log})
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	traced, span := trace.Start(ctx, trace.Internal, cmd.CommandPath())
	err = f(traced)
	span.End(err)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportTimeout)
	defer cancel()
	_ = spans.Stop(last) // the command has done what it was asked for
	return err
}
