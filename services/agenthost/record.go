package agenthost

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
)

// register lists the host, trying until the registry takes it or ctx ends.
func (s *Service) register(ctx context.Context) error {
	for {
		err := s.tellHost(ctx)
		switch api.CodeOf(err) {
		case "":
			return nil
		case api.Unavailable, api.DeadlineExceeded, api.Overloaded, api.Conflict, api.FailedPrecondition:
			// Conflict: the host's former incarnation has not been declared dead yet.
			s.log.Info().Err(err).Msg("not registered yet")
		default:
			return fmt.Errorf("register host %s: %w", s.cfg.ID, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("register host %s: %w", s.cfg.ID, err)
		case <-s.env.Lease.Lost():
			return s.env.Lease.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// tellHost writes the host's record once. It is fenced when the host was declared dead under its lease.
func (s *Service) tellHost(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	s.telling.Lock() // a later record is a newer one
	defer s.telling.Unlock()
	s.mu.RLock()
	host := api.Host{
		ID: s.cfg.ID, Lease: s.env.Lease.ID(), Version: s.env.Version, MaxAgents: s.maxAgents(), CPUs: runtime.GOMAXPROCS(0), Tags: s.cfg.Tags,
		Memory: s.cfg.Memory, Load: s.load, Draining: s.drains,
	}
	s.mu.RUnlock()
	for _, m := range s.cfg.Modules {
		host.Modules = append(host.Modules, m.Name)
	}
	_, err := s.client.Hosts.Register(ctx, host)
	return err
}

// listen answers those who ask whether the host lives, from its registration until it has left the registry: "no responders" is
// the quickest sign of a dead host. A new incarnation must not answer for the one before, which nobody would miss then. Principals ask
// under a subject of their own.
func (s *Service) listen() error {
	subject := api.HostSubject(s.conn.Namespace, s.cfg.ID, "ping")
	for _, subject := range []string{subject, api.As(s.conn.Namespace, "*", subject)} {
		sub, err := s.conn.NC.Subscribe(subject, func(m *nats.Msg) {
			if m.Reply != "" && !s.foreign(m) {
				_ = s.conn.Reply(s.base, m.Reply, acknowledgement)
			}
		})
		if err != nil {
			return err
		}
		s.pings = append(s.pings, sub)
	}
	return nil
}

// isListed tells whether the registry has had the host.
func (s *Service) isListed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.listed
}

// measureEvery is the time over which the load is measured.
const measureEvery = 5 * time.Second

// tellLoad keeps the load in the host's record true to ten percent, as far as the system tells it. A change is told when it
// has lasted for two measurements, so that a moment's work moves nothing.
func (s *Service) tellLoad() {
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	last, ok := readCPU()
	if !ok {
		return
	}
	former := 0
	for {
		select {
		case <-s.base.Done():
			return
		case <-tick.C:
		}
		now, ok := readCPU()
		if !ok {
			continue
		}
		load := now.since(last)
		last = now
		s.mu.Lock()
		news := load == former && load != s.load
		if news {
			s.load = load
		}
		s.mu.Unlock()
		former = load
		if !news {
			continue
		}
		if err := s.tellHost(s.base); err != nil && s.base.Err() == nil {
			s.log.Debug().Err(err).Msg("load not told")
		}
	}
}

// sweepEvery is how often, on the average, a host removes the states of agents that are not registered any more.
const sweepEvery = time.Hour

func (s *Service) sweepStates() {
	for {
		select {
		case <-s.base.Done():
			return
		case <-time.After(sweepEvery/2 + rand.N(sweepEvery)): // hosts that started together do not stay in step
		}
		ctx, cancel := context.WithTimeout(s.base, time.Minute)
		n, err := s.states.Sweep(ctx)
		cancel()
		if err != nil && s.base.Err() == nil {
			s.log.Debug().Err(err).Msg("states of agents that are gone are not all removed")
		} else if n > 0 {
			s.log.Info().Int("states", n).Msg("states of agents that are gone were removed")
		}
	}
}

// cpu counts the ticks of all processors since the system started.
type cpu struct{ busy, all uint64 }

// since returns the share of ticks that were busy, in percent rounded to tens.
func (c cpu) since(was cpu) int {
	if c.all <= was.all || c.busy < was.busy {
		return 0
	}
	percent := 100 * (c.busy - was.busy) / (c.all - was.all)
	return int(percent+5) / 10 * 10
}

// readCPU reads /proc/stat; ok is false where there is none.
func readCPU() (c cpu, ok bool) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return c, false
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) < 6 || fields[0] != "cpu" {
		return c, false
	}
	for i, f := range fields[1:] {
		if i > 7 { // guest time is in user time already
			break
		}
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return c, false
		}
		c.all += n
		if i != 3 && i != 4 { // idle, and waiting for a disk
			c.busy += n
		}
	}
	return c, true
}
