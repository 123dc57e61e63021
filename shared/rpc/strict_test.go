package rpc_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// strict is a server in operator mode, and a service whose handlers say who asked.
type strict struct {
	*natstest.Strict
	conn  *rpc.Conn
	calls atomic.Int64
}

func startStrict(t *testing.T) *strict {
	t.Helper()
	s := &strict{Strict: natstest.StartStrict(t)}
	s.conn = s.dialAs(t, api.KindService, "svc")
	if err := kv.EnsureEvents(t.Context(), s.conn.JS, "mabus", 1); err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(s.conn, rpc.ServerConfig{Service: "registry", Version: "1.0.0", Strict: true})
	agent := func(ctx context.Context, id string) (*api.Agent, error) {
		s.calls.Add(1)
		if id == "no" {
			return nil, api.Errorf(api.PermissionDenied, "no").WithReason(api.ReasonNotSelf)
		}
		return &api.Agent{AgentSpec: api.AgentSpec{ID: rpc.CauseFrom(ctx).Principal}}, nil
	}
	rpc.Handle(server, api.AgentsGet, func(ctx context.Context, r *api.GetRequest) (*api.Agent, error) { return agent(ctx, r.ID) })
	rpc.Handle(server, api.AgentsRegister, func(ctx context.Context, r *api.AgentSpec) (*api.Agent, error) { return agent(ctx, r.ID) })
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *strict) dialAs(t *testing.T, kind api.Kind, name string) *rpc.Conn {
	t.Helper()
	c, err := rpc.Dial(t.Context(), rpc.Options{URL: s.URL(), Credentials: s.Creds(t, kind, name), Principal: name, Wait: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestCredentialsSayWhoAsks(t *testing.T) {
	s := startStrict(t)
	for _, kind := range api.Kinds {
		c := s.dialAs(t, kind, "p-"+string(kind))
		if c.Kind() != kind {
			t.Errorf("the credentials of %s are taken for those of %q", kind, c.Kind())
		}
		if want := kind != api.KindAgent && kind != api.KindObserver; c.HasStores() != want {
			t.Errorf("%s has stores: %v", kind, c.HasStores())
		}
		a, err := rpc.Call(t.Context(), c, api.AgentsGet, &api.GetRequest{ID: "a"})
		if err != nil || a.ID != c.Principal {
			t.Errorf("%s: %v, %v", kind, a, err)
		}
	}
}

// A host is refused the stores of others, and goes on using its own.
// Credentials alone are enough: who asks is in them, and so are the inboxes in which JetStream may answer.
func TestCredentialsWithoutAPrincipal(t *testing.T) {
	s := startStrict(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, kind := range api.Kinds {
		name := "q-" + string(kind)
		c, err := rpc.Dial(ctx, rpc.Options{URL: s.URL(), Credentials: s.Creds(t, kind, name)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		if a, err := rpc.Call(ctx, c, api.AgentsGet, &api.GetRequest{ID: "x"}); err != nil || a.ID != name {
			t.Errorf("%s: %+v, %v", kind, a, err)
		}
		if !c.HasStores() || kind == api.KindHost {
			continue
		}
		if _, err := c.JS.AccountInfo(ctx); err != nil {
			t.Errorf("%s asks JetStream: %v", kind, err)
		}
	}
}

func TestAHostThatIsRefusedOneStoreHasTheOthers(t *testing.T) {
	s := startStrict(t)
	c := s.dialAs(t, api.KindHost, "h1")
	refused := make(chan struct{})
	before := c.NC.ErrorHandler()
	c.NC.SetErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
		before(nc, sub, err)
		close(refused)
	})
	if err := c.NC.Publish("$JS.API.STREAM.INFO.KV_mabus_locks", nil); err != nil {
		t.Fatal(err)
	}
	<-refused
	if !c.HasStores() {
		t.Error("the host has no stores any more")
	}
}

// What NATS refuses is known at once, and says what to do: it takes no timeout.
func TestWhatIsNotGrantedIsDeniedAtOnce(t *testing.T) {
	s := startStrict(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // nothing here waits for its end
	defer cancel()
	for _, kind := range []api.Kind{api.KindAgent, api.KindObserver} {
		c := s.dialAs(t, kind, "n-"+string(kind))
		_, err := rpc.Call(ctx, c, api.AgentsRegister, &api.AgentSpec{ID: "x"})
		wantCode(t, err, api.PermissionDenied, api.ReasonNotGranted)
		_, err = rpc.Call(ctx, c.WithPrincipal("svc"), api.AgentsGet, &api.GetRequest{ID: "x"})
		wantCode(t, err, api.PermissionDenied, api.ReasonNotGranted)
		_, err = rpc.Call(ctx, c.WithPrincipal(""), api.AgentsGet, &api.GetRequest{ID: "x"})
		wantCode(t, err, api.PermissionDenied, api.ReasonNotGranted)
		st, err := c.OpenStream(ctx, "mabus.registry.agents.register", []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = st.Next()
		wantCode(t, err, api.PermissionDenied, api.ReasonNotGranted)
		st.Close()
	}
	if s.calls.Load() != 0 {
		t.Errorf("the service was asked %d times", s.calls.Load())
	}
}

func TestRevokedCredentialsAreToldAtOnce(t *testing.T) {
	s := startStrict(t)
	creds, err := os.ReadFile(s.Creds(t, api.KindAgent, "gone"))
	if err != nil {
		t.Fatal(err)
	}
	taken := filepath.Join(t.TempDir(), "taken.creds") // somewhere else, where nobody removes it
	if err := os.WriteFile(taken, creds, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := rpc.Dial(t.Context(), rpc.Options{URL: s.URL(), Credentials: taken, Principal: "gone"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := rpc.Call(t.Context(), c, api.AgentsGet, &api.GetRequest{ID: "a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Auth.Revoke(t.Context(), "mabus", []string{"gone"}); err != nil {
		t.Fatal(err)
	}
	s.Push(t)
	natstest.Eventually(t, 10*time.Second, c.NC.IsClosed, "the connection ends")
	natstest.Eventually(t, 10*time.Second, func() bool {
		_, err := rpc.Call(t.Context(), c, api.AgentsGet, &api.GetRequest{ID: "a"})
		return api.CodeOf(err) == api.Unauthenticated && api.ReasonOf(err) == api.ReasonCredentials
	}, "whoever asks hears why")
}

// A request is executed only if its answer can go to who asks, and to nobody else.
func TestRequestsForForeignInboxesAreNotExecuted(t *testing.T) {
	s := startStrict(t)
	nc := s.ConnectAs(t, api.KindService, "any") // which may publish anything
	for _, reply := range []string{
		"", "mabus.as.bob.registry.agents.get", "$KV.mabus_agents.x", "_INBOX.abc", "_INBOX_bob.abc", "_ANSWER.bob.abc", "_INBOX_alicex.a", "_INBOX_alice", "_INBOX_alice.",
		"_ANSWER.bob.x.as.alicex.y", "_ANSWER.bob.as.alice.x", "_ANSWER.bob.x.as.alice", "_ANSWER..x.as.alice.y",
	} {
		msg := &nats.Msg{Subject: "mabus.as.alice.registry.agents.get", Reply: reply, Data: []byte(`{"id":"a"}`)}
		if err := nc.PublishMsg(msg); err != nil {
			t.Fatal(err)
		}
	}
	// What comes behind them is answered, so they have been looked at.
	for _, reply := range []string{"_INBOX_alice.a", "_ANSWER.alice.b", "_ANSWER.h1.x.as.alice.y", "_INBOX_h1.x.as.alice.y"} {
		sub, err := nc.SubscribeSync(reply)
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.PublishRequest("mabus.as.alice.registry.agents.get", reply, []byte(`{"id":"a"}`)); err != nil {
			t.Fatal(err)
		}
		if _, err := sub.NextMsg(10 * time.Second); err != nil {
			t.Errorf("%s: %v", reply, err)
		}
	}
	if n := s.calls.Load(); n != 4 {
		t.Errorf("%d requests were executed, want 4", n)
	}
}

// Every refusal by who asks is counted by an event that names the principal and the method.
func TestRefusalsAreEvents(t *testing.T) {
	s := startStrict(t)
	host, agent := s.dialAs(t, api.KindHost, "h1"), s.dialAs(t, api.KindAgent, "alice")
	sub, err := s.conn.NC.SubscribeSync(api.EventSubject("mabus", "registry", "security", "*")) // of the connection on which they are told
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err := rpc.Call(t.Context(), host, api.AgentsRegister, &api.AgentSpec{ID: "no"})
		wantCode(t, err, api.PermissionDenied, api.ReasonNotSelf)
	}
	if _, err := rpc.Call(t.Context(), agent, api.AgentsGet, &api.GetRequest{ID: "no"}); api.CodeOf(err) != api.PermissionDenied {
		t.Error(err)
	}
	if err := agent.NC.PublishRequest("mabus.as.alice.registry.agents.get", "_INBOX_bob.x", []byte(`{"id":"a"}`)); err != nil {
		t.Fatal(err)
	}
	got, heard := map[api.Refusal]int{}, map[string]bool{}
	for total := 0; total < 5; {
		msg, err := sub.NextMsg(10 * time.Second)
		if err != nil {
			t.Fatalf("%v after %v", err, got)
		}
		var e api.Event
		var r api.Refusal
		if err := json.Unmarshal(msg.Data, &e); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(e.Data, &r); err != nil {
			t.Fatal(err)
		}
		if e.Type != api.EventRefused || e.Principal != r.Principal || e.Subject != r.Principal {
			t.Errorf("%+v", e)
		}
		if heard[e.ID] { // sent again, since its acknowledgement was late
			continue
		}
		heard[e.ID] = true
		total += r.Count
		n := r.Count
		r.Count = 0
		got[r] += n
	}
	for r, n := range map[api.Refusal]int{
		{Principal: "h1", What: "registry.agents.register", Code: api.PermissionDenied, Reason: api.ReasonNotSelf}:    3,
		{Principal: "alice", What: "registry.agents.get", Code: api.PermissionDenied, Reason: api.ReasonNotSelf}:      1,
		{Principal: "alice", What: "registry.agents.get", Code: api.PermissionDenied, Reason: api.ReasonForeignReply}: 1,
	} {
		if got[r] != n {
			t.Errorf("%+v was counted %d times, want %d", r, got[r], n)
		}
	}
}

// A host asks in the names of its agents, and the answer to one agent is no other's.
func TestAHostAsksInTheNamesOfItsAgents(t *testing.T) {
	s := startStrict(t)
	s.Creds(t, api.KindAgent, "alice") // before the host connects: whoever has credentials speaks alone
	host := s.dialAs(t, api.KindHost, "h1")
	a, err := rpc.Call(t.Context(), host.WithPrincipal("hosted"), api.AgentsGet, &api.GetRequest{ID: "x"})
	if err != nil || a.ID != "hosted" {
		t.Errorf("%v, %v", a, err)
	}
	_, err = rpc.Call(t.Context(), host.WithPrincipal("alice"), api.AgentsGet, &api.GetRequest{ID: "x"})
	wantCode(t, err, api.PermissionDenied, api.ReasonNotGranted)
}

func TestLargeBodiesAreRefusedWithoutStores(t *testing.T) {
	s := startStrict(t)
	c := s.dialAs(t, api.KindAgent, "alice")
	_, err := c.Request(t.Context(), "mabus.registry.agents.get", make([]byte, 2<<20), true)
	wantCode(t, err, api.FailedPrecondition, api.ReasonNoStore)
	if e := api.AsError(err); e.Details.Size != 2<<20 || e.Details.MaxSize != c.InlineLimit() {
		t.Errorf("%+v", e.Details)
	}
}
