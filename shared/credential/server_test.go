package credential_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/credential"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/natstest"
)

const soon = 10 * time.Second

func TestEachKindConnectsAndDoesWhatItMay(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	s := natstest.StartStrictWith(t, "mabus", natsd.Config{OnViolation: func(v natsd.Violation) {
		mu.Lock()
		defer mu.Unlock()
		seen[fmt.Sprint(v.Principal, " ", v.Namespace, " ", v.Subject, " ", v.Subscribe)] = true
	}})
	s.Creds(t, api.KindService, "the-service") // else a host may act in that name
	for _, kind := range api.Kinds {
		if kind == api.KindService {
			continue // it may do everything in its account
		}
		name := "the-" + string(kind)
		violations := make(chan error, 8)
		nc := s.ConnectAs(t, kind, name, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violations <- err }))
		publish(t, nc, "mabus.as."+name+".registry.agents.list")
		select {
		case err := <-violations:
			t.Errorf("%s: %v", kind, err)
		default:
		}
		publish(t, nc, "mabus.as.the-service.registry.agents.list")
		if _, err := nc.SubscribeSync("_INBOX_the-service.>"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			select {
			case err := <-violations:
				if !errors.Is(err, nats.ErrPermissionViolation) {
					t.Errorf("%s: %v", kind, err)
				}
			case <-time.After(soon):
				t.Errorf("%s speaks as, or hears what is for, somebody else", kind)
			}
		}
		for _, want := range []string{name + " mabus mabus.as.the-service.registry.agents.list false", name + " mabus _INBOX_the-service.> true"} {
			natstest.Eventually(t, soon, func() bool { mu.Lock(); defer mu.Unlock(); return seen[want] }, "the server tells of %s", want)
		}
	}
	if _, err := nats.Connect(s.URL()); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("without credentials: %v", err)
	}
}

func publish(t *testing.T, nc *nats.Conn, subject string) {
	t.Helper()
	if err := errors.Join(nc.Publish(subject, nil), nc.Flush()); err != nil {
		t.Fatal(err)
	}
}

func TestARevokedUserIsCutOffAndStaysOut(t *testing.T) {
	s := natstest.StartStrict(t)
	closed := make(chan struct{})
	creds := s.Creds(t, api.KindAgent, "ann")
	kept, err := os.ReadFile(creds)
	if err != nil {
		t.Fatal(err)
	}
	nc := s.Connect(t, nats.UserCredentials(creds), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	other := s.ConnectAs(t, api.KindAgent, "bob")
	names, err := s.Auth.Revoke(t.Context(), "mabus", []string{"ann"})
	if err != nil || len(names) != 1 {
		t.Fatalf("revoke: %v, %v", names, err)
	}
	s.Push(t)
	select {
	case <-closed:
	case <-time.After(soon):
		t.Fatalf("the connection of a revoked user is %v", nc.Status())
	}
	stolen := t.TempDir() + "/ann.creds"
	if err := os.WriteFile(stolen, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	refused := func(when string) {
		t.Helper()
		if c, err := nats.Connect(s.URL(), nats.UserCredentials(stolen)); err == nil {
			c.Close()
			t.Errorf("%s a revoked user is let in", when)
		} else if !errors.Is(err, nats.ErrAuthorization) && !errors.Is(err, nats.ErrAuthRevoked) {
			t.Errorf("%s: %v", when, err)
		}
	}
	refused("at once")
	s.Restart(t) // with what it was started with, before ann was revoked
	refused("after the server has started again")
	natstest.Eventually(t, soon, other.IsConnected, "others come back")
	if names, err := s.Auth.Revoke(t.Context(), "mabus", []string{"ann"}); err != nil || len(names) != 0 {
		t.Errorf("revoked again: %v, %v", names, err)
	}
	again := s.ConnectAs(t, api.KindAgent, "ann") // the name is not lost for ever
	publish(t, again, "mabus.as.ann.registry.agents.list")
	refused("when there are new credentials of the name")
}

func TestRotation(t *testing.T) {
	s := natstest.StartStrict(t)
	closed := make(chan string, 2)
	connect := func(kind api.Kind, name string) (nc *nats.Conn, path string, old []byte) {
		path = s.Creds(t, kind, name)
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		token, err := jwt.ParseDecoratedJWT(old)
		if err != nil {
			t.Fatal(err)
		}
		pair, err := jwt.ParseDecoratedUserNKey(old)
		if err != nil {
			t.Fatal(err)
		}
		seed, err := pair.Seed()
		if err != nil {
			t.Fatal(err)
		}
		return s.Connect(t, nats.UserJWTAndSeed(token, string(seed)), nats.ClosedHandler(func(*nats.Conn) { closed <- name })), path, old
	}
	_, annPath, ann := connect(api.KindAgent, "ann")
	_, _, eye := connect(api.KindObserver, "eye")
	if _, err := s.Auth.Rotate(t.Context(), "mabus", []string{"ann"}); err != nil {
		t.Fatal(err)
	}
	s.Push(t)
	cut(t, closed, "ann")
	refuse(t, s, ann)
	s.Connect(t, nats.UserCredentials(annPath)).Close()
	if _, err := s.Auth.RotateKind(t.Context(), "mabus", api.KindObserver); err != nil {
		t.Fatal(err)
	}
	s.Push(t)
	cut(t, closed, "eye")
	refuse(t, s, eye)
	s.Connect(t, nats.UserCredentials(s.Auth.CredentialsPath("mabus", "eye"))).Close()
	s.Connect(t, nats.UserCredentials(annPath)).Close()
}

func cut(t *testing.T, closed <-chan string, name string) {
	t.Helper()
	select {
	case got := <-closed:
		if got != name {
			t.Errorf("%s is cut off in place of %s", got, name)
		}
	case <-time.After(soon):
		t.Errorf("%s is not cut off", name)
	}
}

// refuse checks that credentials let nobody in.
func refuse(t *testing.T, s *natstest.Strict, creds []byte) {
	t.Helper()
	path := t.TempDir() + "/x.creds"
	if err := os.WriteFile(path, creds, 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := nats.Connect(s.URL(), nats.UserCredentials(path)); err == nil {
		c.Close()
		t.Error("ended credentials let somebody in")
	}
}

func TestCredentialsExpire(t *testing.T) {
	s := natstest.StartStrict(t)
	if _, err := s.Auth.Add(t.Context(), "mabus", credential.AddRequest{Names: []string{"ann"}, Kind: api.KindAgent, Expires: time.Second}); err != nil {
		t.Fatal(err)
	}
	path := s.Auth.CredentialsPath("mabus", "ann")
	natstest.Eventually(t, soon, func() bool {
		c, err := nats.Connect(s.URL(), nats.UserCredentials(path), nats.NoReconnect())
		if err == nil {
			c.Close()
		}
		return err != nil
	}, "the credentials have expired")
}

// Whoever has the credentials of one kind, and even the key of one kind, has no other kind and no rights of his own.
func TestForgedCredentialsAreRefused(t *testing.T) {
	s := natstest.StartStrict(t)
	path := s.Creds(t, api.KindAgent, "ann")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	token, _ := jwt.ParseDecoratedJWT(raw)
	claims, err := jwt.DecodeUserClaims(token)
	if err != nil {
		t.Fatal(err)
	}
	user, _ := nkeys.CreateUser()
	public, _ := user.PublicKey()
	seed, _ := user.Seed()
	try := func(name string, signer nkeys.KeyPair, change func(*jwt.UserClaims)) {
		t.Helper()
		c := jwt.NewUserClaims(public)
		c.Name, c.IssuerAccount, c.UserPermissionLimits = "mabus", claims.IssuerAccount, jwt.UserPermissionLimits{}
		if change != nil {
			change(c)
		}
		forged, err := c.Encode(signer)
		if err != nil {
			t.Fatal(err)
		}
		if nc, err := nats.Connect(s.URL(), nats.UserJWTAndSeed(forged, string(seed))); err == nil {
			nc.Close()
			t.Errorf("%s: let in", name)
		}
	}
	stranger, _ := nkeys.CreateAccount()
	try("signed by a key of nobody's", stranger, nil)
	agents := signingKey(t, s.Auth, api.KindAgent)
	try("an agent's key with permissions of one's own", agents, func(c *jwt.UserClaims) { c.Permissions.Pub.Allow.Add(">") })
	// The key of agents makes agents, whatever the tags say of the kind.
	c := jwt.NewUserClaims(public)
	c.Name, c.IssuerAccount, c.UserPermissionLimits = "eve", claims.IssuerAccount, jwt.UserPermissionLimits{}
	c.Tags = append(c.Tags, "kind:service")
	forged, err := c.Encode(agents)
	if err != nil {
		t.Fatal(err)
	}
	violation := make(chan error, 1)
	nc := s.Connect(t, nats.UserJWTAndSeed(forged, string(seed)), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violation <- err }))
	publish(t, nc, "$JS.API.STREAM.LIST")
	select {
	case err := <-violation:
		if !strings.Contains(err.Error(), "$JS.API.STREAM.LIST") {
			t.Error(err)
		}
	case <-time.After(soon):
		t.Error("the key of agents has made a service")
	}
}

// With NATS' "allow responses" a client could publish on the reply subject of whatever it is sent, also by itself.
func TestAReplySubjectIsNoRight(t *testing.T) {
	s := natstest.StartStrict(t)
	for kind, name := range map[api.Kind]string{api.KindAgent: "ann", api.KindHost: "h1"} {
		violation := make(chan error, 1)
		nc := s.ConnectAs(t, kind, name, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violation <- err }))
		own, err := nc.SubscribeSync("mabus.as.*.agent." + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.PublishRequest("mabus.as."+name+".agent."+name, "$KV.mabus_agents.x", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := own.NextMsg(soon); err != nil {
			t.Fatalf("%s does not hear itself: %v", name, err)
		}
		publish(t, nc, "$KV.mabus_agents.x")
		select {
		case err := <-violation:
			if !strings.Contains(err.Error(), "$KV.mabus_agents.x") {
				t.Error(err)
			}
		case <-time.After(soon):
			t.Errorf("%s has written the registry", name)
		}
	}
}
