//go:build linux || darwin

package secret_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/secret"
)

// A pipe where a file belongs is refused: nobody may ever write to it, and the agent that waits for it could not be stopped.
func TestPipesAreRefused(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := resolver(t, secret.Policy{Dirs: []string{dir}}, false, noSecret).Resolve(t.Context(), api.SecretRef("file:"+pipe))
	wantError(t, err, api.FailedPrecondition, api.ReasonSecretUnreadable)
	_, err = secret.ReadKeys(pipe)
	wantError(t, err, api.FailedPrecondition, api.ReasonSecretUnreadable)
}
