package daemon_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// A process whose credentials end stops its services and ends too: its connection does not come back, with new credentials in the same file
// neither, and whoever starts it again gives it those.
func TestAProcessEndsWithItsCredentials(t *testing.T) {
	srv, j := natstest.StartStrict(t), &journal{}
	cfg := daemon.Config{NATS: rpc.Options{URL: srv.URL(), Credentials: srv.Creds(t, api.KindService, "svc")}}
	first, ready, ended := cfg, make(chan *rpc.Conn, 1), make(chan error, 1)
	first.OnReady = func(c *rpc.Conn) { ready <- c }
	go func() { ended <- daemon.Run(t.Context(), first, []daemon.Service{(&service{name: "a", j: j}).row()}) }()
	conn := wait(t, ready)
	if _, err := srv.Auth.Revoke(t.Context(), "mabus", []string{"svc"}); err != nil {
		t.Fatal(err)
	}
	srv.Push(t)
	select {
	case err := <-ended:
		if api.CodeOf(err) != api.Unauthenticated || api.ReasonOf(err) != api.ReasonCredentials {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the process goes on without a connection")
	}
	if got := j.all(); len(got) != 2 || got[1] != "stop a" || !conn.NC.IsClosed() {
		t.Errorf("%v, connection closed: %v", got, conn.NC.IsClosed())
	}
	srv.Creds(t, api.KindService, "svc")
	again, _ := run(t, cfg, (&service{name: "a", j: j}).row())
	wait(t, again)
	if got := j.all(); len(got) != 3 {
		t.Errorf("with new credentials: %v", got)
	}
}
