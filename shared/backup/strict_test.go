package backup_test

import (
	"path/filepath"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// An operator may do all of this where permissions are enforced, and nobody else any of it.
func TestWithPermissions(t *testing.T) {
	t.Parallel()
	from, to := natstest.StartStrict(t), natstest.StartStrict(t)
	as := func(s *natstest.Strict, kind api.Kind, name string) *rpc.Conn {
		conn, err := rpc.Dial(t.Context(), rpc.Options{URL: s.URL(), Principal: name, Credentials: s.Creds(t, kind, name)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		return conn
	}
	stores(t, as(from, api.KindService, "mabus"), 1)
	conn := as(from, api.KindOperator, "ops")
	dir, _ := saved(t, conn)
	target := as(to, api.KindOperator, "ops")
	restored(t, target, dir, backup.RestoreOptions{})
	restored(t, target, dir, backup.RestoreOptions{Replace: true})
	for _, kind := range []api.Kind{api.KindHost, api.KindAgent, api.KindObserver} {
		other := as(from, kind, string(kind))
		_, err := backup.Make(within(t), other, filepath.Join(t.TempDir(), "b"), backup.Options{})
		refused(t, err, api.PermissionDenied, "")
		refused(t, backup.Fence(within(t), other), api.PermissionDenied, "")
	}
	if !writable(t, as(from, api.KindService, "mabus2")) {
		t.Error("the stores were fenced")
	}
	next := natstest.StartStrict(t)
	if _, err := backup.Migrate(within(t), conn, as(next, api.KindOperator, "ops"), filepath.Join(t.TempDir(), "move"), backup.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
}
