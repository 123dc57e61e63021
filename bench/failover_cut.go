package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// measureCut cuts the network of a host without ending anything: the host runs in a network namespace of its own, whose only link is
// taken down and, when its agents answer elsewhere, up again. That needs Linux, root and the command ip.
func measureCut(ctx context.Context, r *run) error {
	if _, err := exec.LookPath("ip"); err != nil || os.Geteuid() != 0 {
		r.note("cut was left out: network namespaces need root and the command ip")
		return nil
	}
	for round := range min(r.cfg.Rounds, 2) {
		if err := r.cutOnce(ctx, fmt.Sprint("cut-", round), 300); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) cutOnce(ctx context.Context, namespace string, agents int) error {
	ctx, cancel := context.WithTimeout(ctx, fleetTime)
	defer cancel()
	f, err := r.newFleet(ctx, r.cfg.URL, namespace, 1, 2)
	if err != nil {
		return err
	}
	defer f.stop()
	island, err := newIsland(r.cfg.URL)
	if err != nil {
		return err
	}
	defer island.remove()
	if err := island.host(f, "cut"); err != nil {
		return err
	}
	if _, err := f.populate(ctx, agents, native); err != nil {
		return fmt.Errorf("populate: %w", err)
	}
	victims, err := f.on(ctx, "cut")
	if err != nil {
		return err
	}
	if len(victims) == 0 {
		return errors.New("the host to cut off has no agents")
	}
	if err := island.link("down"); err != nil {
		return err
	}
	away, err := f.firstAnswers(ctx, victims, time.Now())
	if upErr := island.link("up"); err != nil || upErr != nil {
		return errors.Join(err, upErr)
	}
	p50, p99, most := quantiles(away)
	r.record("cut_to_first_reply_p50_ms", "ms", ms(p50))
	r.record("cut_to_first_reply_p99_ms", "ms", ms(p99))
	r.record("cut_to_first_reply_max_ms", "ms", ms(most))
	if err := f.comesBack(ctx, "cut", victims); err != nil {
		return err
	}
	r.cfg.Progress(fmt.Sprintf("%-9s %s: %d agents answered after %s (p50), %s (all)", r.name, namespace, len(victims), p50.Round(time.Millisecond), most.Round(time.Millisecond)))
	return nil
}

// comesBack waits until a host that was away is a new incarnation, and has none of its former agents by the old one.
func (f *fleet) comesBack(ctx context.Context, id string, former []string) error {
	err := eventually(ctx, func() (bool, error) {
		host, err := f.client.Hosts.Get(ctx, api.GetRequest{ID: id})
		if err != nil {
			return false, err
		}
		for _, agent := range former {
			a, err := f.client.Agents.Get(ctx, api.GetRequest{ID: agent})
			if err != nil || a.Host == id && a.HostLease != host.Lease {
				return false, err
			}
		}
		return host.Status == api.HostLive, nil
	})
	if err != nil {
		return fmt.Errorf("host %s does not come back: %w", id, err)
	}
	return nil
}

// island is a network namespace with one link, over which nothing but the NATS server can be reached.
type island struct {
	name, near string
	url        string // of the server, as seen from there
	relay      net.Listener
	conns      sync.WaitGroup
}

func newIsland(server string) (*island, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	i := &island{name: fmt.Sprint("mabus", os.Getpid()), near: fmt.Sprint("mb", os.Getpid())}
	// Addresses of the range for benchmarks (RFC 2544), so that no network of the machine is touched.
	const here, there = "198.18.77.1", "198.18.77.2"
	far := i.near + "f"
	for _, args := range [][]string{
		{"netns", "add", i.name},
		{"link", "add", i.near, "type", "veth", "peer", "name", far, "netns", i.name},
		{"addr", "add", here + "/30", "dev", i.near},
		{"link", "set", i.near, "up"},
		{"-n", i.name, "addr", "add", there + "/30", "dev", far},
		{"-n", i.name, "link", "set", far, "up"},
		{"-n", i.name, "link", "set", "lo", "up"},
	} {
		if err := ip(args...); err != nil {
			i.remove()
			return nil, err
		}
	}
	// The server stays on loopback; this passes on what comes over the link, and can be reached from nowhere else.
	if i.relay, err = net.Listen("tcp", here+":0"); err != nil {
		i.remove()
		return nil, err
	}
	i.url = "nats://" + i.relay.Addr().String()
	i.conns.Go(func() {
		for {
			conn, err := i.relay.Accept()
			if err != nil {
				return
			}
			i.conns.Go(func() { pass(conn, u.Host) })
		}
	})
	return i, nil
}

// pass carries a connection on to an address until either end closes.
func pass(conn net.Conn, to string) {
	defer conn.Close()
	on, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer on.Close()
	done := make(chan struct{})
	go func() { // ends when either of both is closed
		defer close(done)
		_, _ = io.Copy(on, conn)
		_ = on.Close()
	}()
	_, _ = io.Copy(conn, on)
	_ = conn.Close()
	<-done
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// host starts an agent host on the island.
func (i *island) host(f *fleet, id string) error {
	cfg := f.cfg
	cfg.URL, cfg.Host = i.url, id
	text, err := codec.Marshal(cfg)
	if err != nil {
		return err
	}
	c, err := startChild(append([]string{"ip", "netns", "exec", i.name}, f.r.program(workServe, string(text))...))
	if err != nil {
		return err
	}
	f.hosts[id] = c
	if _, err := c.out.ReadString('\n'); err != nil {
		return errors.New("the host did not start in its namespace")
	}
	return nil
}

// link takes the link down or up.
func (i *island) link(state string) error { return ip("link", "set", i.near, state) }

// remove ends what newIsland began; processes on the island have ended by then, or have lost their link.
func (i *island) remove() {
	if i.relay != nil {
		_ = i.relay.Close()
	}
	_ = ip("link", "del", i.near)
	_ = ip("netns", "del", i.name)
}
