package upgrade_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/mabus-project/mabus/client/agent/exec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/test/chaos"
)

// A copy of the test binary is an agent, if its environment says so.
func TestMain(m *testing.M) {
	if os.Getenv(chaos.EnvRole) != chaos.RoleAgent {
		natstest.VerifyTestMain(m)
		return
	}
	if err := exec.Serve(chaos.NewCounter); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
