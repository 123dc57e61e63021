package backup_test

import (
	"flag"
	"path/filepath"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/natstest"
)

var long = flag.Bool("long", false, "run what takes long")

// A namespace that is worked with is backed up and comes back on an empty server: all that was acknowledged before is there, the ledger
// agrees, tasks are done, and what was lost with the old server is lost as a whole.
func TestServicesComeBack(t *testing.T) {
	t.Parallel()
	from, to := natstest.Start(t), natstest.Start(t)
	s := run(t, from.URL(), 1)
	l := start(t, s)
	before := l.acknowledged()
	dir, _ := saved(t, dial(t, from.URL()))
	all := l.end()
	s.stop()
	restored(t, dial(t, to.URL()), dir, backup.RestoreOptions{})
	before.judge(run(t, to.URL(), 1), all)
}

// A namespace moves to another server while everything is written to, and nothing that was acknowledged is missing there.
func TestMigrationUnderLoad(t *testing.T) {
	t.Parallel()
	migrated(t, natstest.Start(t).URL(), 1)
}

// One server becomes a cluster.
func TestMigrationToACluster(t *testing.T) {
	if !*long {
		t.Skip("takes half a minute: run it with -long")
	}
	migrated(t, natstest.StartCluster(t, 3).URLs(), 3)
}

func migrated(t *testing.T, to string, replicas int) {
	from := natstest.Start(t)
	s := run(t, from.URL(), 1)
	l := start(t, s)
	target := dial(t, to)
	m, err := backup.Migrate(within(t), dial(t, from.URL()), target, filepath.Join(t.TempDir(), "move"), backup.MigrateOptions{Replicas: replicas})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("it was read for %s, and stood still for %s", time.Duration(m.Reading), time.Duration(m.Pause))
	all := l.end()
	s.stop()
	all.judge(run(t, to, replicas), all)
}
