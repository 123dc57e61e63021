package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/rpc"
)

const workPerfMon = "perfmon"

// perfConfig is what a process that runs a replica of perfmon is told.
type perfConfig struct {
	URL       string `json:"url"`
	Namespace string `json:"namespace"`
	// Profile is a file for a CPU profile.
	Profile string `json:"profile,omitempty"`
}

// bePerfMon runs a replica until in ends. For each line of in it tells how long it has been on the CPU, in nanoseconds.
func bePerfMon(ctx context.Context, cfg perfConfig, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop, err := profile(cfg.Profile)
	if err != nil {
		return err
	}
	defer stop()
	err = daemon.Run(ctx, daemon.Config{
		NATS: rpc.Options{URL: cfg.URL, Namespace: cfg.Namespace, Name: "mabus bench perfmon"}, Version: "0.0.0", Log: zerolog.Nop(),
		OnReady: func(*rpc.Conn) {
			if _, err := io.WriteString(out, "ready\n"); err != nil {
				cancel()
				return
			}
			go func() { // ends with the process, if not before
				defer cancel()
				for lines := bufio.NewScanner(in); lines.Scan(); {
					if _, err := fmt.Fprintln(out, int64(cpuTime())); err != nil {
						return
					}
				}
			}()
		},
	}, []daemon.Service{{Name: "perfmon", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
		return perfmon.Start(ctx, env.Conn, perfmon.Config{Log: env.Log, Metrics: env.Metrics})
	}}})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// monitor is replicas of perfmon, each a process, and a client.
type monitor struct {
	ns       string
	client   *client.Client
	replicas []*child
}

// openMonitor returns when all replicas answer.
func (r *run) openMonitor(ctx context.Context, name string, replicas int) (_ *monitor, err error) {
	m := &monitor{ns: "bench-perf-" + name}
	defer func() {
		if err != nil {
			m.close()
		}
	}()
	for i := range replicas {
		cfg := perfConfig{URL: r.cfg.URL, Namespace: m.ns}
		if i == 0 && r.cfg.HostProfile != "" {
			cfg.Profile = r.cfg.HostProfile + "." + name
		}
		c, err := r.startWorker(workPerfMon, cfg)
		if err != nil {
			return nil, err
		}
		m.replicas = append(m.replicas, c)
		stop := context.AfterFunc(ctx, func() { _ = c.in.Close() })
		_, err = c.out.ReadString('\n')
		stop()
		if err != nil {
			return nil, fmt.Errorf("perfmon did not start: %w", err)
		}
	}
	if m.client, err = client.Connect(ctx, client.Options{URL: r.cfg.URL, Namespace: m.ns, Name: "mabus bench client"}); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answered := map[string]bool{}
	return m, eventually(ctx, func() (bool, error) {
		s, err := m.client.Metrics.Stats(ctx, api.MetricsStatsRequest{})
		if err == nil {
			answered[s.Status.Replica] = true
		}
		return len(answered) == replicas, err
	})
}

// cpu returns how long all replicas have been on the CPU, since they began.
func (m *monitor) cpu() (sum time.Duration, err error) {
	for _, c := range m.replicas {
		if _, err := io.WriteString(c.in, "\n"); err != nil {
			return 0, err
		}
		line, err := c.out.ReadString('\n')
		if err != nil {
			return 0, fmt.Errorf("a replica has ended: %w", err)
		}
		ns, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}

func (m *monitor) close() {
	if m.client != nil {
		m.client.Close()
	}
	for _, c := range m.replicas {
		c.stop()
	}
}
