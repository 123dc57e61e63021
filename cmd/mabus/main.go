// Command mabus runs the services of Mabus and talks to them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mabus-project/mabus/shared/api"
)

// version is set by the build.
var version = "0.1.0"

func main() { os.Exit(execute()) }

// execute is main with an exit status: 0 done, 1 failed, 2 not understood, 130 interrupted.
func execute() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	cmd := newRoot()
	err := cmd.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSilent):
		return 1
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "mabus: %v\nSee mabus --help.\n", err)
		return 2
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return 130
	}
	if e := api.AsError(err); e != nil {
		fmt.Fprintf(os.Stderr, "mabus: %s\n", e.Message)
		return 1
	}
	fmt.Fprintf(os.Stderr, "mabus: %v\n", err)
	return 1
}

var (
	// errUsage is a command line that was not understood.
	errUsage = errors.New("usage")
	// errSilent fails a command that has said itself what is wrong.
	errSilent = errors.New("failed")
)
