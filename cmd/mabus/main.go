// Command mabus runs the services of Mabus and talks to them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/mabus-project/mabus/shared/api"
)

// version is that of the next release; NATS micro wants a semantic one.
var version = "0.1.0"

func main() { os.Exit(execute()) }

// execute is main with an exit status: 0 done, 1 failed, 2 not understood, 130 interrupted.
func execute() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	cmd := newRoot()
	err := cmd.ExecuteContext(ctx)
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, errSilent):
		return 1
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "mabus: %s\nSee mabus --help.\n", strings.TrimPrefix(say(err), "usage: "))
		return 2
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || api.CodeOf(err) == api.Cancelled):
		return 130
	}
	fmt.Fprintf(os.Stderr, "mabus: %s\n", say(err))
	return 1
}

// say is an error for people: the code of an API error is for programs.
func say(err error) string {
	text := err.Error()
	if e := api.AsError(err); e != nil {
		text = strings.Replace(text, e.Error(), e.Message, 1)
	}
	return text
}

// exitStatus is the status of a command that mabus ran for somebody, and passes on.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

var (
	// errUsage is a command line that was not understood.
	errUsage = errors.New("usage")
	// errSilent fails a command that has said itself what is wrong.
	errSilent = errors.New("failed")
)
