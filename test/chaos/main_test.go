package chaos_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/mabus-project/mabus/client/agent/exec"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/test/chaos"
)

// A copy of the test binary is whatever its environment says.
func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(chaos.EnvRole) {
	case "":
		natstest.VerifyTestMain(m)
		return
	case chaos.RoleNode:
		err = as(serveNode)
	case chaos.RoleLocker:
		err = as(func(l chaos.Locker) error {
			return l.Run(context.Background(), os.Stdin) //nolint:forbidigo // there is no test in this process
		})
	case chaos.RoleAgent:
		err = exec.Serve(chaos.NewCounter)
	default:
		err = fmt.Errorf("%s is unknown", chaos.EnvRole)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func as[T any](run func(spec T) error) error {
	var spec T
	if err := codec.Read([]byte(os.Getenv(chaos.EnvSpec)), &spec); err != nil {
		return err
	}
	return run(spec)
}
