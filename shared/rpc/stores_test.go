package rpc_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/authz"
	"github.com/mabus-project/mabus/shared/credential"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// A host uses its stores over a connection of its own, and what it may not do there is refused at once.
func TestAHostHasItsStoresElsewhere(t *testing.T) {
	s := startStrict(t)
	if _, err := s.conn.JS.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "mabus_state"}); err != nil {
		t.Fatal(err)
	}
	c := s.dialAs(t, api.KindHost, "h1")
	if c.JS.Conn() == c.NC || s.conn.JS.Conn() != s.conn.NC {
		t.Error("the host has one connection, or the service two")
	}
	state, err := c.JS.KeyValue(t.Context(), "mabus_state")
	if err != nil {
		t.Fatal(err)
	}
	first, err := state.Create(t.Context(), "k", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := state.Update(t.Context(), "k", []byte("2"), first); err != nil {
		t.Error(err)
	}
	if _, err := state.Update(t.Context(), "k", []byte("3"), first); err == nil {
		t.Error("an old revision was overwritten")
	}
	if e, err := state.Get(t.Context(), "k"); err != nil || string(e.Value()) != "2" {
		t.Errorf("%v, %v", e, err)
	}
	ask := func(subject string) (*nats.Msg, error) {
		p, err := c.BeginStore(nats.NewMsg(subject))
		if err != nil {
			t.Fatal(err)
		}
		return p.Wait(t.Context(), time.Hour) // nothing here waits for its end
	}
	if m, err := ask("$JS.API.STREAM.INFO.KV_mabus_state"); err != nil || !strings.Contains(string(m.Data), `"KV_mabus_state"`) {
		t.Errorf("%v, %v", m, err)
	}
	if m, err := ask("$JS.API.STREAM.DELETE.KV_mabus_state"); err != nil || m.Header.Get(api.HeaderErrorCode) != string(api.PermissionDenied) {
		t.Errorf("%v, %v", m, err)
	}
	c.Close()
	if !c.JS.Conn().IsClosed() || !c.NC.IsClosed() {
		t.Error("a connection is left open")
	}
}

func TestARevokedHostHasNoStores(t *testing.T) {
	s := startStrict(t)
	c := s.dialAs(t, api.KindHost, "h1")
	if _, err := s.Auth.Revoke(t.Context(), "mabus", []string{"h1"}); err != nil {
		t.Fatal(err)
	}
	s.Push(t)
	natstest.Eventually(t, 10*time.Second, func() bool { return c.NC.IsClosed() && c.JS.Conn().IsClosed() }, "both connections are at their end")
	if _, err := rpc.Dial(t.Context(), rpc.Options{URL: s.URL(), Credentials: s.Auth.CredentialsPath("mabus", "h1")}); api.CodeOf(err) != api.Unauthenticated {
		t.Errorf("a revoked host: %v", err)
	}
}

// What an earlier version has made knows of no account of hosts. Making it good takes what operators do after every upgrade.
func TestCredentialsOfAnEarlierVersion(t *testing.T) {
	auth, err := credential.Init(t.Context(), t.TempDir(), "mabus", credential.Options{})
	if err != nil {
		t.Fatal(err)
	}
	paths, err := auth.Add(t.Context(), "mabus", credential.AddRequest{Names: []string{"h1"}, Kind: api.KindHost})
	if err != nil {
		t.Fatal(err)
	}
	cut(t, filepath.Join(auth.Path(), "auth.json"), `"hosts":\{[^}]*\},`)
	cut(t, paths[0], `\n-+BEGIN `+authz.StoresLabel+`(.|\n)*`)
	m, err := auth.Material()
	if err != nil || len(m.Accounts) != 2 {
		t.Fatalf("%d accounts, %v", len(m.Accounts), err)
	}
	s := natstest.StartWith(t, natsd.Config{Strict: &m})
	dial := func(want string) {
		t.Helper()
		c, err := rpc.Dial(t.Context(), rpc.Options{URL: s.URL(), Credentials: paths[0], Principal: "h1", Wait: true})
		if err == nil {
			c.Close()
		}
		if e := api.AsError(err); (err == nil) != (want == "") || err != nil && (e.Code != api.Unauthenticated || e.Details.Reason != api.ReasonCredentials || !strings.Contains(e.Message, want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	dial("run `mabus auth init`")
	for range 2 {
		before := read(t, paths[0])
		if auth, err = credential.Init(t.Context(), auth.Path(), "mabus", credential.Options{}); err != nil {
			t.Fatal(err)
		}
		if after := read(t, paths[0]); !strings.HasPrefix(after, before) {
			t.Error("the credentials have changed, not grown")
		}
	}
	dial("`mabus auth push`")
	if _, err := auth.Push(t.Context(), credential.Server{URL: s.URL()}); err != nil {
		t.Fatal(err)
	}
	dial("")
}

// cut takes what matches out of a file.
func cut(t *testing.T, path, pattern string) {
	t.Helper()
	text := read(t, path)
	less := regexp.MustCompile(pattern).ReplaceAllString(text, "")
	if less == text {
		t.Fatalf("%s has nothing like %s", path, pattern)
	}
	if err := os.WriteFile(path, []byte(less), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Whoever is cut because the permissions of hosts change, or its credentials, and has the new ones in its file comes back each time, over both
// connections.
func TestHostsComeBackAfterEveryChange(t *testing.T) {
	s := startStrict(t)
	c := s.dialAs(t, api.KindHost, "h1")
	for _, name := range []string{"a", "b", "c", "d"} {
		before := c.NC.Stats().Reconnects
		s.Creds(t, api.KindAgent, name)
		natstest.Eventually(t, 10*time.Second, func() bool {
			return c.NC.Stats().Reconnects > before && c.NC.IsConnected() && c.JS.Conn().IsConnected()
		}, "it is back after %s", name)
	}
	for _, rotate := range []func() error{
		func() error { _, err := s.Auth.Rotate(t.Context(), "mabus", []string{"h1"}); return err },
		func() error { _, err := s.Auth.RotateKind(t.Context(), "mabus", api.KindHost); return err },
	} {
		messages, stores := c.NC.Stats().Reconnects, c.JS.Conn().Stats().Reconnects
		if err := rotate(); err != nil {
			t.Fatal(err)
		}
		s.Push(t)
		natstest.Eventually(t, 10*time.Second, func() bool {
			return c.NC.Stats().Reconnects > messages && c.JS.Conn().Stats().Reconnects > stores && c.NC.IsConnected() && c.JS.Conn().IsConnected()
		}, "it is back with new credentials")
	}
}
