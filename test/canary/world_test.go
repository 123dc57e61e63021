package canary_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/secret"
)

// world is a server, the processes of Mabus on it, and everything that listens to them.
type world struct {
	*search
	c       *client.Client
	srv     *natstest.Server
	running []*process
	dir     string            // that agents may read files of
	keys    string            // the file of the hosts' private keys
	key     string            // public
	values  map[string]string // by the scheme of the references
	heardOn []string          // places among the sniffed where there must have been something to hide
}

// process runs some of the services.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	said  output
	http  string
}

// output is what a process writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// newOpen is a world in which one process runs all services, and everybody may be anybody.
func newOpen(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, natstest.Start(t))
	w.sniff(t, w.srv.Connect(t), "_INBOX.>")
	w.start(t, "", "registry coordination economics perfmon loadbalancer agenthost")
	w.connect(t, client.Options{})
	return w
}

// newStrict is a world of credentials: of the services, of the host, which is a process of its own, and of the operator who asks.
func newStrict(t *testing.T) *world {
	t.Helper()
	strict := natstest.StartStrict(t)
	w := newWorld(t, strict.Server)
	services, host := strict.Creds(t, api.KindService, "services"), strict.Creds(t, api.KindHost, "h1")
	creds := strict.Creds(t, api.KindOperator, operator)
	w.sniff(t, strict.ConnectAs(t, api.KindService, "sniffer"), "_INBOX_services.>", "_INBOX_h1.>", "_INBOX_"+operator+".>", "_ANSWER.>")
	w.start(t, services, "registry coordination economics perfmon loadbalancer")
	w.start(t, host, "agenthost")
	w.connect(t, client.Options{Credentials: creds})
	return w
}

func newWorld(t *testing.T, srv *natstest.Server) *world {
	t.Helper()
	w := &world{srv: srv, dir: t.TempDir(), keys: filepath.Join(t.TempDir(), "keys"), values: map[string]string{}, search: newSearch()}
	for _, scheme := range []string{"env", "file", "secret"} {
		w.values[scheme] = "canary" + scheme + nuid.Next()
		w.canaries = append(w.canaries, newCanary(scheme, w.values[scheme]))
	}
	err := os.WriteFile(filepath.Join(w.dir, "key"), []byte(w.values["file"]+"\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if w.key, err = secret.AddKey(w.keys); err != nil {
		t.Fatal(err)
	}
	return w
}

// sniff looks at every message, with those of inboxes.
func (w *world) sniff(t *testing.T, nc *nats.Conn, inboxes ...string) {
	t.Helper()
	for _, subject := range append(inboxes, sniffed...) {
		if _, err := nc.Subscribe(subject, func(m *nats.Msg) { w.message(subject, m) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	w.heardOn = []string{"messages on " + inboxes[len(inboxes)-1], "messages on mabus.as.>"}
}

// connect has the operator store a secret, and make money.
func (w *world) connect(t *testing.T, o client.Options) {
	t.Helper()
	o.URL, o.Principal = w.srv.URL(), operator
	var err error
	if w.c, err = client.Connect(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.c.Close)
	if _, err := w.c.Secrets.AddKey(t.Context(), w.key, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.c.Secrets.Set(t.Context(), "canary", []byte(w.values["secret"]), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.c.Ledger.Mint(t.Context(), api.MintRequest{To: operator, Amount: budget}); err != nil {
		t.Fatal(err)
	}
}

// sniffed are all subjects but inboxes, and those where nobody listening means something: a listener would change it.
var sniffed = []string{
	"$KV.>", "$JS.>", "$O.>", "$SRV.>", "mabus.event.>", "mabus.task.>", "mabus.result.>", "mabus.parts.>", "mabus.load.>", "mabus.as.>", "mabus.agent.>",
	"mabus.capability.>", "mabus.registry.>", "mabus.coordination.>", "mabus.economics.>", "mabus.agenthost.>", "mabus.perfmon.>", "mabus.loadbalancer.>",
}

func (w *world) message(subject string, m *nats.Msg) {
	w.in("messages on "+subject, m.Subject+fmt.Sprint(m.Header)+string(m.Data))
}

// start runs services in a process of their own, with the traces exported to this one, and returns when they are ready.
func (w *world) start(t *testing.T, creds, services string) {
	t.Helper()
	spans := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.search.in("spans", string(body))
		rw.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(spans.Close)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ports := natstest.FreePorts(t, 1)
	p := &process{cmd: exec.Command(exe), http: fmt.Sprintf("127.0.0.1:%d", ports[0])}
	p.cmd.Env = append(os.Environ(), asEnv+"=services", runsEnv+"="+services, natsEnv+"="+w.srv.URL(), credsEnv+"="+creds, httpEnv+"="+p.http,
		keysEnv+"="+w.keys, dirEnv+"="+w.dir, "MABUS_SECRET_CANARY="+w.values["env"], "OTEL_EXPORTER_OTLP_ENDPOINT="+spans.URL,
		"OTEL_BSP_SCHEDULE_DELAY=20", "GORACE=atexit_sleep_ms=0")
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.running = append(w.running, p)
	t.Cleanup(func() { p.stop(t) })
	natstest.Eventually(t, patience, func() bool { return strings.HasSuffix(p.get(t, "/readyz"), "200 ok\n") }, "ready: %s", services)
}

// stop ends the processes, the host first, so that it can give back what it has.
func (w *world) stop(t *testing.T) {
	t.Helper()
	for _, p := range slices.Backward(w.running) {
		p.stop(t)
	}
}

// stop ends the process in order, so that it says its last words.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if p.cmd.ProcessState != nil {
		return
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the services ended with %v: %s", err, p.said.String())
	}
}

// get returns the status and the body of what the process tells on HTTP.
func (p *process) get(t *testing.T, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.http+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, body)
}
