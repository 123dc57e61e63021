package gather_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/mabus-project/mabus/shared/doctor/gather"
)

// The monitoring port of a real server tells how soon what was acknowledged is on its disk.
func TestTheMonitorTellsWhenDisksAreWritten(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]time.Duration{"always": 0, "every minute": time.Minute} {
		s, err := server.NewServer(&server.Options{
			Host: "127.0.0.1", Port: server.RANDOM_PORT, HTTPHost: "127.0.0.1", HTTPPort: server.RANDOM_PORT, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), SyncAlways: want == 0, SyncInterval: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		if !s.ReadyForConnections(patience) {
			t.Fatal("the server is not ready")
		}
		f, err := gather.Facts(within(t), dial(t, s.ClientURL()), gather.Options{Monitor: "http://" + s.MonitorAddr().String()})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Server.Sync; got == nil || *got != want {
			t.Errorf("%s: sync is %v, want %v; not looked at: %+v", name, got, want, f.Unknown)
		}
	}
}
