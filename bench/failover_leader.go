package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// measureKillLeader kills a host and the server that leads the bucket of agents at the same moment, on three servers which are
// made anew in each round.
func measureKillLeader(ctx context.Context, r *run) error {
	if len(r.cfg.Nodes) == 0 {
		r.note("leader was left out: there is no command that runs one of three servers")
		return nil
	}
	for round := range min(r.cfg.Rounds, 3) {
		if err := r.killWithLeader(ctx, round); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) killWithLeader(ctx context.Context, round int) error {
	nodes, urls, err := r.startNodes()
	defer func() {
		for _, n := range nodes {
			n.stop()
		}
	}()
	if err != nil {
		return err
	}
	ns := fmt.Sprint("leader-", round)
	return r.killOnce(ctx, strings.Join(urls, ","), ns, "kill_leader", 3, r.cfg.Fleet, native, func(ctx context.Context, f *fleet) error {
		stream, err := f.client.Conn().JS.Stream(ctx, "KV_"+api.Bucket(ns, "agents"))
		if err != nil {
			return err
		}
		info, err := stream.Info(ctx)
		if err != nil {
			return err
		}
		if info.Cluster == nil {
			return errors.New("the bucket of agents is not replicated")
		}
		for i, n := range nodes {
			if info.Cluster.Leader == fmt.Sprint("n", i) {
				return n.kill()
			}
		}
		return fmt.Errorf("no server is called %s, which leads", info.Cluster.Leader)
	})
}

// FreePorts returns ports of the loopback interface that nobody uses now.
func FreePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // when all are chosen, so that none comes twice
		addr, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			return nil, fmt.Errorf("%v is not TCP", l.Addr())
		}
		ports[i] = addr.Port
	}
	return ports, nil
}

// startNodes starts three NATS servers as processes, on ports of their own.
func (r *run) startNodes() (nodes []*child, urls []string, err error) {
	if r.ports, err = FreePorts(6); err != nil {
		return nil, nil, err
	}
	for i := range 3 {
		n, err := r.spawnNode(i)
		if err != nil {
			return nodes, nil, err
		}
		nodes = append(nodes, n)
		urls = append(urls, fmt.Sprint("nats://127.0.0.1:", r.ports[i]))
	}
	for _, n := range nodes { // they wait for one another
		if _, err := n.out.ReadString('\n'); err != nil {
			return nodes, nil, errors.New("a NATS server did not start")
		}
	}
	time.Sleep(time.Second) // the servers choose who leads their cluster; requests before that are only slower
	return nodes, urls, nil
}

func (r *run) spawnNode(i int) (*child, error) {
	return startChild(slices.Concat(r.cfg.Nodes, []string{fmt.Sprint(i), strings.Trim(fmt.Sprint(r.ports), "[]")}))
}

// startNode starts one of the three again, on its old data. Its ports may be taken for a moment by connections of others.
func (r *run) startNode(i int) (n *child, err error) {
	for range 40 {
		if n, err = r.spawnNode(i); err != nil {
			return nil, err
		}
		if _, err = n.out.ReadString('\n'); err == nil {
			return n, nil
		}
		n.stop()
		time.Sleep(250 * time.Millisecond)
	}
	return nil, fmt.Errorf("a NATS server did not start again: %w", err)
}
