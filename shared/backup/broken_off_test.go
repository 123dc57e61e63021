package backup_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/natstest"
)

// The server does not hear of a part for so long that it gives the restore of its stream up: the stream is sent again.
func TestARestoreThatTheServerBreaksOff(t *testing.T) {
	defer backup.ChunkTime(7 * time.Second)() // the server waits five
	from, to := natstest.Start(t), natstest.Start(t)
	conn := dial(t, from.URL())
	stores(t, conn, 1)
	dir, _ := saved(t, conn)
	var lost atomic.Int64
	near := dial(t, natstest.Refuse(t, to.URL(), func(subject string) natstest.Refusal {
		if strings.HasPrefix(subject, "$JS.SNAPSHOT.RESTORE.KV_mabus_agents.") && lost.Add(1) == 1 {
			return natstest.Swallow
		}
		return natstest.Pass
	}))
	restored(t, near, dir, backup.RestoreOptions{})
	if n := lost.Load(); n < 3 {
		t.Errorf("%d parts were sent", n)
	}
}
