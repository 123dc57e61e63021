package natstest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/credential"
	"github.com/mabus-project/mabus/shared/natsd"
)

// electionTimeout bounds the wait for a leader: NATS elects a new one within nine seconds, and a tie costs another round.
const electionTimeout = 30 * time.Second

// Cluster is several servers in the test's process with clustered JetStream, so that streams can have replicas.
type Cluster struct {
	nodes []*node
}

type node struct {
	cfg natsd.Config
	url string

	mu  sync.Mutex
	run *natsd.Server // nil while stopped
}

// StartCluster runs n servers and returns when they have a leader that sees them all and each is up to date.
func StartCluster(t testing.TB, n int) *Cluster {
	t.Helper()
	return startCluster(t, n, nil)
}

// StartStrictCluster is StartCluster for servers in operator mode that go by an auth directory, as it is now.
func StartStrictCluster(t testing.TB, n int, auth *credential.Directory) *Cluster {
	t.Helper()
	material, err := auth.Material()
	if err != nil {
		t.Fatal(err)
	}
	return startCluster(t, n, &material)
}

func startCluster(t testing.TB, n int, strict *credential.Material) *Cluster {
	t.Helper()
	ports := FreePorts(t, 2*n)
	client, cluster := ports[:n], ports[n:]
	routes := make([]string, n)
	for i, port := range cluster {
		routes[i] = fmt.Sprintf("nats://127.0.0.1:%d", port)
	}
	c := &Cluster{nodes: make([]*node, n)}
	for i := range c.nodes {
		c.nodes[i] = &node{cfg: natsd.Config{
			DataDir:    t.TempDir(),
			Port:       client[i],
			MaxStore:   maxStore,
			Strict:     strict,
			ServerName: fmt.Sprintf("n%d", i),
			Cluster:    &natsd.ClusterConfig{Name: "test", Port: cluster[i], Routes: routes},
		}}
	}
	t.Cleanup(c.stop)
	for i := range c.nodes {
		c.start(t, i)
	}
	c.WaitReady(t)
	return c
}

func (c *Cluster) stop() {
	var wg sync.WaitGroup
	for i := range c.nodes {
		wg.Go(func() { c.StopNode(i) })
	}
	wg.Wait()
}

func (c *Cluster) start(t testing.TB, i int) {
	t.Helper()
	n := c.nodes[i]
	run, err := natsd.Start(t.Context(), n.cfg)
	if err != nil {
		t.Fatalf("start NATS node %d: %v", i, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.run, n.url = run, run.URL()
}

// Size returns the number of nodes, running or not.
func (c *Cluster) Size() int { return len(c.nodes) }

// URL returns where clients connect to node i. It stays the same when the node is stopped and started.
func (c *Cluster) URL(i int) string { return c.nodes[i].url }

// URLs returns where clients connect to any node, separated by commas.
func (c *Cluster) URLs() string {
	urls := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		urls[i] = n.url
	}
	return strings.Join(urls, ",")
}

// Connect returns a connection to any node, which lasts as long as the test.
func (c *Cluster) Connect(t testing.TB, opts ...nats.Option) *nats.Conn {
	t.Helper()
	return Connect(t, c.URLs(), opts...)
}

// StopNode stops node i if it runs.
func (c *Cluster) StopNode(i int) {
	n := c.nodes[i]
	n.mu.Lock()
	run := n.run
	n.run = nil
	n.mu.Unlock()
	if run != nil {
		run.Stop()
	}
}

// StartNode starts node i again, on its port and directory, and returns when clients can connect to it; WaitReady waits
// for more.
func (c *Cluster) StartNode(t testing.TB, i int) {
	t.Helper()
	c.StopNode(i)
	c.start(t, i)
}

// WaitReady returns when the running nodes have a leader that sees them all and each is up to date.
func (c *Cluster) WaitReady(t testing.TB) {
	t.Helper()
	Eventually(t, electionTimeout, c.ready, "the cluster has a leader and every running node is up to date")
}

func (c *Cluster) ready() bool {
	running, leaders, peers := 0, 0, 0
	for i := range c.nodes {
		run := c.node(i)
		if run == nil {
			continue
		}
		m := run.Meta()
		if !m.Current {
			return false
		}
		running++
		if m.Leader {
			leaders++
			peers = m.Peers
		}
	}
	return leaders == 1 && peers == running
}

// MetaLeader returns the node that leads the cluster, or -1 while there is none.
func (c *Cluster) MetaLeader() int {
	return c.find(func(s *natsd.Server) bool { return s.Meta().Leader })
}

// StreamLeader returns the node that leads the named stream, or -1 while there is none.
func (c *Cluster) StreamLeader(stream string) int {
	return c.find(func(s *natsd.Server) bool { return s.LeadsStream(stream) })
}

func (c *Cluster) find(holds func(*natsd.Server) bool) int {
	for i := range c.nodes {
		if run := c.node(i); run != nil && holds(run) {
			return i
		}
	}
	return -1
}

func (c *Cluster) node(i int) *natsd.Server {
	n := c.nodes[i]
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.run
}
