package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/lease"
)

// Config describes one run.
type Config struct {
	Seed uint64
	// Nodes of NATS: 1, or 3 with as many copies of everything.
	Nodes         int
	Span, Longest time.Duration
	// Timing of leases; Keep is not used.
	Timing lease.Timing
	// Program is the path of mabus, Self that of a program which serves the roles that Role names.
	Program, Self string
	// Dir is where all files go.
	Dir string
	// Ports returns so many ports of the loopback interface that nobody else has until they are released.
	Ports func(n int) (ports []int, release func(), err error)
	// Log gets what happens; it may be called from any goroutine.
	Log func(format string, args ...any)
}

// The environment that says what a copy of Self is to be.
const (
	EnvRole = "MABUS_CHAOS_ROLE"
	EnvSpec = "MABUS_CHAOS_SPEC" // the JSON of a Node or a Locker
)

// The roles of Self.
const (
	RoleNode   = "node"
	RoleLocker = "locker"
	RoleAgent  = "agent" // exec.Serve(NewCounter)
)

// member is a process of Mabus or a client, and its links, one for each NATS node. The caller has no process.
type member struct {
	name    string
	links   []*Link
	process *process
	probe   string // where it says that it is ready; "" for clients
}

// world is all that runs.
type world struct {
	cfg      Config
	nodes    []*process
	ports    []int
	releases []func() // of all ports
	members  map[string]*member
	names    []string // of members, in the order of their start
	nc       *nats.Conn
	js       jetstream.JetStream
	http     *http.Client
	journals []string // of all clients of locks there have been
}

const (
	startTime = 60 * time.Second
	lockers   = 4
)

// service is a process of Mabus: its name, and what it serves.
type service struct{ name, service string }

// services are those of a run with every kind of work.
var services = []service{
	{"registry0", "registry"},
	{"registry1", "registry"},
	{"coordination0", "coordination"},
	{"coordination1", "coordination"},
	{"host0", "agenthost"},
	{"host1", "agenthost"},
	{"host2", "agenthost"},
	{"perfmon0", "perfmon"},
	{"perfmon1", "perfmon"},
	{"loadbalancer0", "loadbalancer"},
	{"loadbalancer1", "loadbalancer"},
}

func role(role string, spec any) ([]string, error) {
	body, err := codec.Marshal(spec)
	return []string{EnvRole + "=" + role, EnvSpec + "=" + string(body)}, err
}

// startWorld starts everything but the clients of locks. What it started is the caller's to close, also after an error.
func startWorld(ctx context.Context, cfg Config, services []service) (*world, error) {
	w := &world{cfg: cfg, members: map[string]*member{}, http: &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := w.startNodes(ctx); err != nil {
		return w, err
	}
	for _, s := range services {
		if err := w.startService(s.name, s.service); err != nil {
			return w, err
		}
	}
	if _, err := w.join("caller"); err != nil {
		return w, err
	}
	return w, w.ready(ctx)
}

// join makes a member with its links.
func (w *world) join(name string) (*member, error) {
	m := &member{name: name}
	w.members[name] = m
	w.names = append(w.names, name)
	for n := range w.cfg.Nodes {
		l, err := NewLink(fmt.Sprintf("127.0.0.1:%d", w.ports[n]))
		if err != nil {
			return nil, err
		}
		m.links = append(m.links, l)
	}
	return m, nil
}

// url is where the member finds NATS.
func (m *member) url() string {
	urls := make([]string, len(m.links))
	for n, l := range m.links {
		urls[n] = l.URL()
	}
	return strings.Join(urls, ",")
}

func (w *world) startService(name, service string) error {
	m, err := w.join(name)
	if err != nil {
		return err
	}
	probe, err := w.takePorts(1)
	if err != nil {
		return err
	}
	m.probe = fmt.Sprintf("127.0.0.1:%d", probe[0])
	t := w.cfg.Timing
	env := []string{fmt.Sprintf("%s=%s,%s,%s", lease.EnvTiming, t.Renew, t.Hold, t.Challenge)}
	argv := []string{w.cfg.Program, "serve", service, "-s", m.url(), "--replicas", strconv.Itoa(w.cfg.Nodes), "--http", m.probe, "--log-level", "info"}
	if service == "agenthost" {
		argv = append(argv, "--host-id", name)
	}
	m.process = newProcess(w.cfg.Dir, name, env, argv)
	return m.process.start()
}

// startLocker starts a client of locks: a new one in place of one that was killed.
func (w *world) startLocker(name string) error {
	m := w.members[name]
	if m == nil {
		var err error
		if m, err = w.join(name); err != nil {
			return err
		}
	}
	n := len(w.journals)
	spec := Locker{URL: m.url(), Seed: w.cfg.Seed, Client: n, Journal: filepath.Join(w.cfg.Dir, fmt.Sprintf("journal%d", n))}
	env, err := role(RoleLocker, spec)
	if err != nil {
		return err
	}
	w.journals = append(w.journals, spec.Journal)
	m.process = newProcess(w.cfg.Dir, name, env, []string{w.cfg.Self})
	return m.process.start()
}

// ready waits until every service says that it is.
func (w *world) ready(ctx context.Context) error {
	var last error
	for {
		err := w.unready(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil && last != nil:
			return last // rather than that there was no more time to ask
		}
		last = err
		rest(ctx, 30*time.Millisecond)
	}
}

// unready returns which service does not say that it is ready.
func (w *world) unready(ctx context.Context) error {
	for _, name := range w.names {
		m := w.members[name]
		if m.probe == "" {
			continue
		}
		if !m.process.runs() {
			return fmt.Errorf("%s has ended: %w", name, m.process.err)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.probe+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := w.http.Do(req)
		if err != nil {
			return fmt.Errorf("%s is not ready: %w", name, err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s is not ready", name)
		}
	}
	return nil
}

// close ends everything.
func (w *world) close() {
	for _, m := range w.members {
		if m.process != nil {
			m.process.kill()
		}
		for _, l := range m.links {
			l.Close()
		}
	}
	if w.nc != nil {
		w.nc.Close()
	}
	for _, n := range w.nodes {
		n.kill()
	}
	for _, release := range w.releases {
		release()
	}
}

// logs looks for what must be in no log.
func (w *world) logs() error {
	files, err := filepath.Glob(filepath.Join(w.cfg.Dir, "*.log"))
	if err != nil {
		return err
	}
	var errs []error
	for _, file := range files {
		data, err := os.ReadFile(file)
		errs = append(errs, err)
		for line := range strings.Lines(string(data)) {
			for _, bad := range []string{"panic", "fatal error:", "DATA RACE", "[running]:", "others contradict this replica"} {
				if strings.Contains(line, bad) {
					errs = append(errs, fmt.Errorf("%s: %s", filepath.Base(file), strings.TrimSpace(line)))
				}
			}
		}
	}
	return errors.Join(errs...)
}
