package hostile_test

import (
	"testing"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// A host that is revoked has neither messages nor stores from then on: it renews no lease, and its process ends and says why.
func TestARevokedHostEnds(t *testing.T) {
	w := &world{Strict: natstest.StartStrict(t)}
	for kind, name := range names {
		w.Creds(t, kind, name)
	}
	service := w.connect(t, api.KindService)
	if err := agenthost.Prepare(w.within(t), service); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.registry(t, service))
	host := names[api.KindHost]
	ready, ended := make(chan *rpc.Conn, 1), make(chan error, 1)
	go func() {
		ended <- daemon.Run(t.Context(), daemon.Config{
			NATS:   rpc.Options{URL: w.URL(), Credentials: w.Auth.CredentialsPath(ns, host), Principal: host},
			Strict: true, Version: "0.0.0", Log: zerolog.Nop(), OnReady: func(c *rpc.Conn) { ready <- c },
		}, []daemon.Service{agenthost.New(agenthost.Config{ID: host, Modules: []agent.Module{echo.Module}})})
	}()
	var conn *rpc.Conn
	select {
	case conn = <-ready:
	case <-w.within(t).Done():
		t.Fatal("the host is not ready")
	}
	w.op = w.client(t, api.KindOperator, names[api.KindOperator])
	if _, err := w.op.Agents.Start(w.within(t), api.AgentStartRequest{Agent: &api.AgentSpec{ID: "hosted", Module: "echo"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Auth.Revoke(t.Context(), ns, []string{host}); err != nil {
		t.Fatal(err)
	}
	w.Push(t)
	select {
	case err := <-ended:
		if api.CodeOf(err) != api.Unauthenticated || api.ReasonOf(err) != api.ReasonCredentials {
			t.Errorf("it ended with %v", err)
		}
	case <-w.within(t).Done():
		t.Fatal("the host goes on")
	}
	if !conn.NC.IsClosed() || !conn.JS.Conn().IsClosed() {
		t.Error("a connection is left")
	}
}
