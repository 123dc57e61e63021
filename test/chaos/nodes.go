package chaos

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Node is one NATS server, to be run as a process of its own. It is to advertise no addresses to clients.
type Node struct {
	Name string `json:"name"`
	Dir  string `json:"dir"`
	Port int    `json:"port"`
	// ClusterPort is 0 for a server of its own. Routes are those of all servers of the cluster.
	ClusterPort int      `json:"cluster_port,omitempty"`
	Routes      []string `json:"routes,omitempty"`
}

// startNodes starts NATS and connects to it, past all links.
func (w *world) startNodes(ctx context.Context) (err error) {
	if w.ports, err = w.takePorts(2 * w.cfg.Nodes); err != nil {
		return err
	}
	var routes, urls []string
	for n := range w.cfg.Nodes {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", w.ports[w.cfg.Nodes+n]))
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", w.ports[n]))
	}
	for n := range w.cfg.Nodes {
		spec := Node{Name: fmt.Sprintf("node%d", n), Dir: filepath.Join(w.cfg.Dir, fmt.Sprintf("store%d", n)), Port: w.ports[n]}
		if w.cfg.Nodes > 1 {
			spec.ClusterPort, spec.Routes = w.ports[w.cfg.Nodes+n], routes
		}
		env, err := role(RoleNode, spec)
		if err != nil {
			return err
		}
		p := newProcess(w.cfg.Dir, spec.Name, env, []string{w.cfg.Self})
		if err := p.start(); err != nil {
			return err
		}
		w.nodes = append(w.nodes, p)
	}
	for {
		w.nc, err = nats.Connect(strings.Join(urls, ","), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.PingInterval(time.Second),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
		if err == nil {
			break
		}
		if rest(ctx, 20*time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("connect to NATS: %w", err)
		}
	}
	if w.js, err = jetstream.New(w.nc); err != nil {
		return err
	}
	for {
		try, cancel := context.WithTimeout(ctx, time.Second)
		_, err = w.js.AccountInfo(try)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		rest(ctx, 50*time.Millisecond)
	}
}

// takePorts takes ports that are the world's until it is closed: who is to listen there may not have begun, or be killed and come back.
func (w *world) takePorts(n int) ([]int, error) {
	ports, release, err := w.cfg.Ports(n)
	if err == nil {
		w.releases = append(w.releases, release)
	}
	return ports, err
}
