package natsd_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/mabus-project/mabus/shared/credential"
	"github.com/mabus-project/mabus/shared/natsd"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(ownerEnv); dir != "" {
		own(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func TestDataSurvivesStopAndStart(t *testing.T) {
	for _, always := range []bool{false, true} {
		cfg := natsd.Config{DataDir: t.TempDir(), SyncAlways: always}
		srv := start(t, cfg)
		kv, closeConn := bucket(t, srv.URL())
		if _, err := kv.Put(t.Context(), "k", []byte("v")); err != nil {
			t.Fatal(err)
		}
		closeConn()
		srv.Stop()
		srv.Stop()

		srv = start(t, cfg)
		kv, closeConn = bucket(t, srv.URL())
		got, err := kv.Get(t.Context(), "k")
		if err != nil || string(got.Value()) != "v" {
			t.Errorf("SyncAlways %t: after the restart %v, %v", always, got, err)
		}
		closeConn()
	}
}

// A process that starts commands gives each of them its open files for a moment.
func TestAForkDoesNotKeepTheDirectory(t *testing.T) {
	cfg := natsd.Config{DataDir: t.TempDir()}
	srv := start(t, cfg)
	fd, err := srv.DupLock()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(fd) }()
	srv.Stop()
	start(t, cfg)
}

func TestSettingsReachTheServer(t *testing.T) {
	srv := start(t, natsd.Config{DataDir: t.TempDir(), MaxPayload: 4096, ServerName: "one", MaxStore: 1 << 20})
	nc, err := nats.Connect(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if nc.MaxPayload() != 4096 || nc.ConnectedServerName() != "one" {
		t.Errorf("got payload %d and name %q", nc.MaxPayload(), nc.ConnectedServerName())
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "s", MaxBytes: 2 << 20})
	if err == nil {
		t.Error("a stream may reserve more than MaxStore")
	}
	if m := srv.Meta(); m != (natsd.Meta{Leader: true, Current: true, Peers: 1}) {
		t.Errorf("a stand-alone server says of its cluster: %+v", m)
	}
}

func TestRefusedStarts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	locked := t.TempDir()
	if err := os.Mkdir(filepath.Join(locked, "lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		cfg  natsd.Config
		want string
	}{
		"no directory":       {natsd.Config{}, "needs a data directory"},
		"directory in file":  {natsd.Config{DataDir: filepath.Join(file, "data")}, "make the data directory"},
		"no lock file":       {natsd.Config{DataDir: locked}, "must be writable"},
		"port out of range":  {natsd.Config{DataDir: t.TempDir(), Port: 70000}, "between 0 and 65535"},
		"port in use":        {natsd.Config{DataDir: t.TempDir(), Port: taken.Addr().(*net.TCPAddr).Port}, "address already in use"},
		"foreign host":       {natsd.Config{DataDir: t.TempDir(), Host: "192.0.2.1"}, "192.0.2.1"},
		"incomplete cluster": {natsd.Config{DataDir: t.TempDir(), Cluster: &natsd.ClusterConfig{}}, "needs a server name"},
		"cluster port in use": {natsd.Config{DataDir: t.TempDir(), ServerName: "n", Cluster: &natsd.ClusterConfig{
			Name: "c", Port: taken.Addr().(*net.TCPAddr).Port, Routes: []string{"nats://127.0.0.1:1"},
		}}, "address already in use"},
		"bad route": {natsd.Config{DataDir: t.TempDir(), ServerName: "n", Cluster: &natsd.ClusterConfig{
			Name: "c", Port: 1, Routes: []string{"%"},
		}}, "cluster route"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			srv, err := natsd.Start(t.Context(), c.cfg)
			if err == nil {
				srv.Stop()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, want it to say %q", err, c.want)
			}
		})
	}
}

func TestAFailedStartLeavesTheDirectoryFree(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	_, err = natsd.Start(t.Context(), natsd.Config{DataDir: dir, Port: taken.Addr().(*net.TCPAddr).Port})
	if err == nil {
		t.Fatal("it started on a port in use")
	}
	start(t, natsd.Config{DataDir: dir})
}

func TestUnwritableDirectory(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := natsd.Start(t.Context(), natsd.Config{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "must be writable") {
		t.Errorf("got %v", err)
	}
}

// Who looks whether a server is there is nothing to log about, with TLS neither.
func TestAProbeIsNoError(t *testing.T) {
	auth, err := credential.Init(t.Context(), filepath.Join(t.TempDir(), "auth"), "mabus", credential.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := auth.MakeTLS(t.Context(), []string{"localhost"}); err != nil {
		t.Fatal(err)
	}
	cfg, err := auth.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	heard := make(chan struct{}, 16)
	log := zerolog.New(zerolog.SyncWriter(&out)).Hook(zerolog.HookFunc(func(_ *zerolog.Event, _ zerolog.Level, line string) {
		if strings.Contains(line, "TLS handshake error") {
			heard <- struct{}{}
		}
	}))
	dir := t.TempDir()
	srv := start(t, natsd.Config{DataDir: dir, TLS: cfg, Log: log})
	if got := natsd.Find(t.Context(), dir); got != srv.URL() {
		t.Fatalf("found %q", got)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte{22, 3, 1, 0, 5, 0, 0, 0, 0, 0}); err != nil { // a record that is no greeting
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Logf("the server ends it: %v", err)
	}
	for range 2 { // else Stop may end the probe's connection before the server has seen that it is over
		<-heard
	}
	srv.Stop()
	var levels []string
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "TLS handshake error") {
			levels = append(levels, line[:strings.Index(line, ",")])
		}
	}
	slices.Sort(levels)
	if want := []string{`{"level":"debug"`, `{"level":"error"`}; !slices.Equal(levels, want) {
		t.Errorf("handshakes are logged at %v, want the probe at debug and the other as an error: %s", levels, &out)
	}
}

// What a start fails of is returned and told once.
func TestAFailedStartIsToldOnce(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var out bytes.Buffer
	_, err = natsd.Start(t.Context(), natsd.Config{DataDir: t.TempDir(), Port: taken.Addr().(*net.TCPAddr).Port, Log: zerolog.New(zerolog.SyncWriter(&out))})
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v", err)
	}
	if strings.Contains(out.String(), `"level":"error"`) {
		t.Errorf("it is logged too: %s", &out)
	}
}

func start(t *testing.T, cfg natsd.Config) *natsd.Server {
	t.Helper()
	srv, err := natsd.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	return srv
}

func bucket(t *testing.T, url string) (jetstream.KeyValue, func()) {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.CreateOrUpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "b"})
	if err != nil {
		t.Fatal(err)
	}
	return kv, nc.Close
}

func TestStoppingTwiceSparesTheNextOwner(t *testing.T) {
	cfg := natsd.Config{DataDir: t.TempDir()}
	first := start(t, cfg)
	first.Stop()
	second := start(t, cfg)
	first.Stop()
	if h := attach(t, cfg.DataDir); h.Owned() || h.URL() != second.URL() {
		t.Errorf("attached to %s, owned %t; the owner is at %s", h.URL(), h.Owned(), second.URL())
	}
}

func TestAQuietServerLogsAtDebugLevel(t *testing.T) {
	var out bytes.Buffer
	srv := start(t, natsd.Config{DataDir: t.TempDir(), Log: zerolog.New(zerolog.SyncWriter(&out))})
	srv.Stop()
	if !strings.Contains(out.String(), "Server is ready") {
		t.Errorf("the log lacks the server's notices: %s", &out)
	}
	for line := range strings.Lines(out.String()) {
		if !strings.Contains(line, `"level":"debug"`) {
			t.Errorf("a sound server logs %s", line)
		}
	}
}
