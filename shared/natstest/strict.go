package natstest

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/credential"
	"github.com/mabus-project/mabus/shared/natsd"
)

// Strict is a server in operator mode, which lets in only who has credentials, with the auth directory that it goes by.
type Strict struct {
	*Server
	Auth *credential.Directory

	namespace string
}

// StartStrict runs a server with an account for the namespace mabus.
func StartStrict(t testing.TB) *Strict {
	t.Helper()
	return StartStrictWith(t, api.DefaultNamespace, natsd.Config{})
}

// StartStrictWith is StartStrict for another namespace, or with settings.
func StartStrictWith(t testing.TB, namespace string, cfg natsd.Config) *Strict {
	t.Helper()
	auth, err := credential.Init(t.Context(), t.TempDir(), namespace, credential.Options{})
	if err != nil {
		t.Fatal(err)
	}
	material, err := auth.Material()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Strict = &material
	return &Strict{Server: StartWith(t, cfg), Auth: auth, namespace: namespace}
}

// Creds returns the credentials file of a principal, which it makes if it has none yet, and has the server know of it. Capabilities are
// those under which an agent outside of hosts may be reached.
func (s *Strict) Creds(t testing.TB, kind api.Kind, name string, capabilities ...string) string {
	t.Helper()
	_, err := s.Auth.Add(t.Context(), s.namespace, credential.AddRequest{Names: []string{name}, Kind: kind, Capabilities: capabilities})
	if err != nil && api.CodeOf(err) != api.Conflict {
		t.Fatal(err)
	}
	if err == nil {
		s.Push(t)
	}
	return s.Auth.CredentialsPath(s.namespace, name)
}

// Push tells the server what has changed in the auth directory. Connections whose permissions have changed by it are cut and come back.
func (s *Strict) Push(t testing.TB) {
	t.Helper()
	if _, err := s.Auth.Push(t.Context(), credential.Server{URL: s.URL()}); err != nil {
		t.Fatal(err)
	}
}

// ConnectAs returns a connection with the credentials of a principal, as the SDK makes it, which lasts as long as the test.
func (s *Strict) ConnectAs(t testing.TB, kind api.Kind, name string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	creds := s.Creds(t, kind, name)
	return s.Connect(t, append([]nats.Option{
		nats.UserCredentials(creds), nats.CustomInboxPrefix(api.InboxPrefix(name)), nats.Timeout(5 * time.Second),
	}, opts...)...)
}
