package backup_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Leases of the processes in these tests die sooner than those of others.
func TestMain(m *testing.M) {
	if err := os.Setenv(lease.EnvTiming, "500ms,2s,3s"); err != nil {
		panic(err)
	}
	natstest.VerifyTestMain(m)
}

const patience = time.Minute

func dial(t testing.TB, url string) *rpc.Conn {
	t.Helper()
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: url, Name: t.Name(), Principal: "operator"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// saved backs the namespace up into a new directory.
func saved(t testing.TB, conn *rpc.Conn) (string, *backup.Manifest) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "backup")
	m, err := backup.Make(within(t), conn, dir, backup.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return dir, m
}

func restored(t testing.TB, conn *rpc.Conn, dir string, o backup.RestoreOptions) {
	t.Helper()
	if _, err := backup.Restore(within(t), conn, dir, o); err != nil {
		t.Fatal(err)
	}
}

// refused checks the code and the reason of an error; an empty reason is any.
func refused(t testing.TB, err error, code api.Code, reason string) {
	t.Helper()
	var e *api.Error
	if !errors.As(err, &e) || e.Code != code || reason != "" && api.ReasonOf(err) != reason {
		t.Errorf("got %v, want %s (%s)", err, code, reason)
	}
}
