package isolate

import (
	"errors"
	"os"
	osexec "os/exec"

	"github.com/mabus-project/mabus/shared/api"
)

// inherited are the only variables that a program gets from the host's environment: the others may hold the host's secrets.
var inherited = []string{"PATH", "HOME", "LANG", "TMPDIR", "USER"}

// Command prepares a program: a few variables of the host's environment, then env, then own as "NAME=value". A name without
// a slash is looked up in the host's PATH.
//
// Errors: failed_precondition (start_failed) if the program or the directory is not there.
func Command(command []string, dir string, env map[string]string, own ...string) (*osexec.Cmd, error) {
	if len(command) == 0 || command[0] == "" {
		return nil, StartFailed("there is no command")
	}
	if dir != "" {
		// The failed chdir of a child reads like a missing program, so look first.
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, StartFailed("dir %q is no directory on this host", dir)
		}
	}
	cmd := osexec.Command(command[0], command[1:]...)
	if errors.Is(cmd.Err, osexec.ErrNotFound) {
		return nil, StartFailed("the program %q was not found on this host: install it or give its full path", command[0])
	}
	cmd.Dir = dir
	for _, name := range inherited {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Env = append(cmd.Env, own...)
	if cmd.Env == nil {
		cmd.Env = []string{} // nil would be all of the host's
	}
	return cmd, nil
}

// StartFailed is the refusal of a program that cannot be run: failed_precondition (start_failed).
func StartFailed(format string, args ...any) *api.Error {
	return api.Errorf(api.FailedPrecondition, format, args...).WithReason(api.ReasonStartFailed)
}
