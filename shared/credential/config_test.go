package credential_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/credential"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Two servers with nothing but what `auth config` writes: a cluster with TLS, which takes what it is told.
func TestServersGoByTheConfigurationThatIsWritten(t *testing.T) {
	auth := initAuth(t, credential.Options{})
	if err := auth.MakeTLS(t.Context(), []string{"127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.Add(t.Context(), "mabus", agents("ann", "bob", "carl")); err != nil {
		t.Fatal(err)
	}
	ports := natstest.FreePorts(t, 4)
	routes := []string{fmt.Sprint("nats://127.0.0.1:", ports[2]), fmt.Sprint("nats://127.0.0.1:", ports[3])}
	nodes := make([]*server.Server, 2)
	dirs := []string{t.TempDir(), t.TempDir()}
	start := func(i int) {
		t.Helper()
		etc := filepath.Join(dirs[i], "etc")
		if _, err := os.Stat(etc); err != nil {
			_, err := auth.WriteServerConfig(etc, credential.ServerConfig{
				Listen: fmt.Sprint("127.0.0.1:", ports[i]), DataDir: filepath.Join(dirs[i], "data"), Etc: etc, MaxStore: "1TB", TLS: true,
				Name: fmt.Sprint("n", i), Cluster: "test", ClusterListen: fmt.Sprint("127.0.0.1:", ports[2+i]), Routes: routes,
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(filepath.Join(dirs[i], "data", "accounts"), os.DirFS(filepath.Join(etc, "accounts"))); err != nil {
				t.Fatal(err)
			}
		}
		opts, err := server.ProcessConfigFile(filepath.Join(etc, "nats.conf"))
		if err != nil {
			t.Fatal(err)
		}
		opts.NoSigs, opts.NoLog = true, true
		if nodes[i], err = server.NewServer(opts); err != nil {
			t.Fatal(err)
		}
		nodes[i].Start()
	}
	stop := func(i int) {
		nodes[i].Shutdown()
		nodes[i].WaitForShutdown()
	}
	for i := range nodes {
		start(i)
		t.Cleanup(func() { stop(i) })
	}
	natstest.Eventually(t, 2*soon, func() bool { return nodes[0].NumRoutes() > 0 && nodes[1].NumRoutes() > 0 }, "the servers find each other")
	trust, err := credential.ClientTLS(credential.CAPath(auth.Path()), "", "")
	if err != nil {
		t.Fatal(err)
	}
	at := credential.Server{URL: fmt.Sprint("nats://127.0.0.1:", ports[0]), TLS: trust}
	url := fmt.Sprint("nats://127.0.0.1:", ports[1])
	connect := func(name string, opts ...nats.Option) (*nats.Conn, error) {
		return nats.Connect(url, append(opts, nats.UserCredentials(auth.CredentialsPath("mabus", name)), nats.NoReconnect(), nats.Timeout(soon))...)
	}
	if _, err := connect("ann", nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12})); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server that nobody vouches for is trusted: %v", err)
	}
	natstest.Eventually(t, 2*soon, func() bool {
		c, err := connect("ann", nats.Secure(trust))
		if err == nil {
			c.Close()
		}
		return err == nil
	}, "ann is let in by the second server")
	closed := make(chan struct{})
	bob, err := connect("bob", nats.Secure(trust), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		t.Fatal(err)
	}
	defer bob.Close()
	if _, err := auth.Revoke(t.Context(), "mabus", []string{"bob"}); err != nil {
		t.Fatal(err)
	}
	told, err := auth.Push(t.Context(), at)
	if err != nil || !slices.Equal(told.Servers, []string{"n0", "n1"}) {
		t.Fatalf("told %+v, %v", told, err)
	}
	select {
	case <-closed:
	case <-time.After(soon):
		t.Error("bob is not cut off by the other server")
	}
	stop(1)
	natstest.Eventually(t, 2*soon, func() bool { return nodes[0].NumRoutes() == 0 }, "the first server misses the second")
	if _, err := auth.Revoke(t.Context(), "mabus", []string{"carl"}); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.Push(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	start(1)
	natstest.Eventually(t, 2*soon, func() bool { return nodes[1].ReadyForConnections(time.Millisecond) }, "the second server is back")
	natstest.Eventually(t, 3*soon, func() bool {
		c, err := connect("carl", nats.Secure(trust))
		if err == nil {
			c.Close()
		}
		return err != nil
	}, "the second server learns who was revoked while it was away")
	if c, err := connect("bob", nats.Secure(trust)); err == nil {
		c.Close()
		t.Error("bob is let in after a restart")
	}
}

func TestAConfigurationHoldsNoSecret(t *testing.T) {
	auth := initAuth(t, credential.Options{})
	out := t.TempDir()
	written, err := auth.WriteServerConfig(out, credential.ServerConfig{Listen: "0.0.0.0:4222", DataDir: "/data", Etc: "/etc/mabus", MaxStore: "1TB"})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range written.Files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, prefix := range []string{"SO", "SA", "SU"} { // what the seeds of operators, accounts and users begin with
			for _, word := range strings.FieldsFunc(string(data), func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '2' || r > '7') }) {
				if strings.HasPrefix(word, prefix) && len(word) == 58 {
					t.Errorf("%s holds a seed", path)
				}
			}
		}
	}
	if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// What is written for servers and containers is what holds: nobody who was revoked stays there, and operators are there when they are asked for.
func TestOldCredentialsAreTakenAway(t *testing.T) {
	auth := initAuth(t, credential.Options{})
	if _, err := auth.Add(t.Context(), "mabus", agents("ann", "bob")); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.Add(t.Context(), "mabus", credential.AddRequest{Names: []string{"root"}, Kind: api.KindOperator}); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "a[b]*c") // no pattern is made of it
	cfg := credential.ServerConfig{Listen: "0.0.0.0:4222", DataDir: "/data", Etc: "/etc/mabus", MaxStore: "1TB"}
	creds := func(operators bool) (names []string, removed int) {
		t.Helper()
		cfg.Operators = operators
		written, err := auth.WriteServerConfig(out, cfg)
		if err != nil {
			t.Fatal(err)
		}
		there, err := os.ReadDir(filepath.Join(out, "creds", "mabus"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range there {
			names = append(names, f.Name())
		}
		return names, len(written.Removed)
	}
	if names, n := creds(true); !slices.Contains(names, "root.creds") || !slices.Contains(names, "bob.creds") || n != 0 {
		t.Errorf("with operators: %q", names)
	}
	if err := os.WriteFile(filepath.Join(out, "creds", "mabus", "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.Revoke(t.Context(), "mabus", []string{"bob"}); err != nil {
		t.Fatal(err)
	}
	names, n := creds(false)
	if slices.Contains(names, "bob.creds") || slices.Contains(names, "root.creds") || !slices.Contains(names, "ann.creds") || !slices.Contains(names, "notes.txt") || n != 2 {
		t.Errorf("there are %q, %d removed", names, n)
	}
	for _, dir := range []string{auth.Path(), filepath.Join(auth.Path(), "creds"), auth.Path() + "/../" + filepath.Base(auth.Path())} {
		if _, err := auth.WriteServerConfig(dir, cfg); api.CodeOf(err) != api.Invalid {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if _, err := os.Stat(auth.CredentialsPath("mabus", "ann")); err != nil {
		t.Error(err)
	}
}

func TestAConfigurationIsNotBrokenOutOf(t *testing.T) {
	auth := initAuth(t, credential.Options{})
	good := credential.ServerConfig{Listen: "0.0.0.0:4222", DataDir: "/data", Etc: "/etc/mabus", MaxStore: "1TB"}
	for name, change := range map[string]func(*credential.ServerConfig){
		"listen":    func(c *credential.ServerConfig) { c.Listen = "x\"\nallow: all" },
		"no listen": func(c *credential.ServerConfig) { c.Listen = "" },
		"data":      func(c *credential.ServerConfig) { c.DataDir = "/a b" },
		"name":      func(c *credential.ServerConfig) { c.Name = "n }" },
		"store":     func(c *credential.ServerConfig) { c.MaxStore = "1TB\n}" },
		"route":     func(c *credential.ServerConfig) { c.Cluster, c.Name, c.Routes = "c", "n", []string{"nats://a]"} },
		"no routes": func(c *credential.ServerConfig) { c.Cluster, c.Name, c.ClusterListen = "c", "n", ":6222" },
		"no name": func(c *credential.ServerConfig) {
			c.Cluster, c.Routes, c.ClusterListen = "c", []string{"nats://a"}, ":6222"
		},
		"no TLS yet": func(c *credential.ServerConfig) { c.TLS = true },
	} {
		c := good
		change(&c)
		if text, err := auth.ServerConfig(c); api.CodeOf(err) != api.Invalid && api.CodeOf(err) != api.FailedPrecondition {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}

func TestCertificates(t *testing.T) {
	now := time.Now()
	auth := initAuth(t, credential.Options{Now: func() time.Time { return now }})
	if c, err := auth.Certificates(); err != nil || len(c) != 0 {
		t.Errorf("before: %v, %v", c, err)
	}
	if err := auth.MakeTLS(t.Context(), nil); api.CodeOf(err) != api.Invalid {
		t.Errorf("for no name: %v", err)
	}
	read := func() (ca, cert string) {
		t.Helper()
		if err := auth.MakeTLS(t.Context(), []string{"nats.example.org", "10.0.0.7"}); err != nil {
			t.Fatal(err)
		}
		a, err := os.ReadFile(credential.CAPath(auth.Path()))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(credential.ServerCertPath(auth.Path()))
		if err != nil {
			t.Fatal(err)
		}
		return string(a), string(b)
	}
	ca, cert := read()
	ca2, cert2 := read()
	if ca != ca2 || cert == cert2 {
		t.Error("renewal makes a new certificate of the old authority")
	}
	list, err := auth.Certificates()
	if err != nil || len(list) != 2 || !slices.Equal(list[1].Names, []string{"nats.example.org", "10.0.0.7"}) {
		t.Fatalf("%+v, %v", list, err)
	}
	if left := list[1].ExpiresAt.Sub(now); left < 390*24*time.Hour || left > 400*24*time.Hour {
		t.Errorf("the certificate holds for %s", left)
	}
	other := initAuth(t, credential.Options{})
	take := func(ca string) error {
		return other.TakeTLS(t.Context(), credential.ServerCertPath(auth.Path()), credential.ServerKeyPath(auth.Path()), ca)
	}
	if err := other.MakeTLS(t.Context(), []string{"x"}); err != nil {
		t.Fatal(err)
	}
	if err := take(credential.CAPath(other.Path())); api.CodeOf(err) != api.Invalid {
		t.Errorf("a certificate that its authority does not vouch for: %v", err)
	}
	if err := take(credential.CAPath(auth.Path())); err != nil {
		t.Fatal(err)
	}
	if err := other.MakeTLS(t.Context(), []string{"x"}); api.CodeOf(err) != api.FailedPrecondition {
		t.Errorf("another's authority signs here: %v", err)
	}
	if _, err := os.Stat(filepath.Join(other.Path(), "tls", "ca.key")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the key of the authority before is still there: %v", err)
	}
}
