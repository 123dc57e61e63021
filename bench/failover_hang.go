package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// measurePause stops a host's process without ending it, as a hung machine would, until its agents answer elsewhere, and lets it
// go on: then it must find out that they are not its own.
func measurePause(ctx context.Context, r *run) error {
	const agents = 300
	for round := range min(r.cfg.Rounds, 2) {
		if err := r.pauseOnce(ctx, fmt.Sprint("pause-", round), agents); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) pauseOnce(ctx context.Context, namespace string, agents int) error {
	ctx, cancel := context.WithTimeout(ctx, fleetTime)
	defer cancel()
	f, err := r.newFleet(ctx, r.cfg.URL, namespace, 1, 3)
	if err != nil {
		return err
	}
	defer f.stop()
	if _, err := f.populate(ctx, agents, native); err != nil {
		return fmt.Errorf("populate: %w", err)
	}
	victims, err := f.on(ctx, "h0")
	if err != nil {
		return err
	}
	if err := syscall.Kill(f.hosts["h0"].pid, syscall.SIGSTOP); err != nil {
		return err
	}
	away, err := f.firstAnswers(ctx, victims, time.Now())
	if contErr := syscall.Kill(f.hosts["h0"].pid, syscall.SIGCONT); err != nil || contErr != nil {
		return errors.Join(err, contErr)
	}
	p50, p99, most := quantiles(away)
	r.record("pause_to_first_reply_p50_ms", "ms", ms(p50))
	r.record("pause_to_first_reply_p99_ms", "ms", ms(p99))
	r.record("pause_to_first_reply_max_ms", "ms", ms(most))
	if err := f.comesBack(ctx, "h0", victims); err != nil {
		return err
	}
	r.cfg.Progress(fmt.Sprintf("%-9s %s: %d agents answered after %s (p50), %s (all)", r.name, namespace, len(victims), p50.Round(time.Millisecond), most.Round(time.Millisecond)))
	return nil
}

// measureServers kills, and pauses, each of three NATS servers in turn. No agent may move for that.
func measureServers(ctx context.Context, r *run) error {
	if len(r.cfg.Nodes) == 0 {
		r.note("servers was left out: there is no command that runs one of three servers")
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*fleetTime)
	defer cancel()
	nodes, urls, err := r.startNodes()
	defer func() {
		for _, n := range nodes {
			n.stop()
		}
	}()
	if err != nil {
		return err
	}
	f, err := r.newFleet(ctx, strings.Join(urls, ","), "servers", 3, 3)
	if err != nil {
		return err
	}
	defer f.stop()
	const agents = 300
	ids, err := f.populate(ctx, agents, native)
	if err != nil {
		return fmt.Errorf("populate: %w", err)
	}
	var longest time.Duration
	for i := range nodes {
		for _, fault := range []string{"pause", "kill"} {
			begin := time.Now()
			if fault == "pause" {
				err = syscall.Kill(nodes[i].pid, syscall.SIGSTOP)
			} else {
				err = nodes[i].kill()
			}
			if err != nil {
				return err
			}
			away, err := f.firstAnswers(ctx, ids, begin)
			if err != nil {
				return fmt.Errorf("%s of server %d: %w", fault, i, err)
			}
			_, _, most := quantiles(away)
			longest = max(longest, most)
			// Long enough for a lease that is not renewed to be dead.
			if err := f.calm(ctx, ids, 20*time.Second); err != nil {
				return fmt.Errorf("%s of server %d: %w", fault, i, err)
			}
			if fault == "pause" {
				err = syscall.Kill(nodes[i].pid, syscall.SIGCONT)
			} else if n, startErr := r.startNode(i); startErr == nil {
				nodes[i] = n
			} else {
				err = startErr
			}
			if err != nil {
				return err
			}
			if err := f.calm(ctx, ids, 5*time.Second); err != nil {
				return fmt.Errorf("after the %s of server %d: %w", fault, i, err)
			}
			r.cfg.Progress(fmt.Sprintf("%-9s server %d after a %s: every agent answered within %s", r.name, i, fault, most.Round(time.Millisecond)))
		}
	}
	moved := 0
	for _, id := range ids {
		a, err := f.client.Agents.Get(ctx, api.GetRequest{ID: id})
		if err != nil {
			return err
		}
		if a.Epoch != 1 {
			moved++
		}
	}
	r.record("servers_agents_moved", "", float64(moved))
	r.record("servers_first_reply_max_ms", "ms", ms(longest))
	return nil
}

// calm calls agents one after the other for a while. What fails is called again for as long.
func (f *fleet) calm(ctx context.Context, ids []string, d time.Duration) error {
	for end, i := time.Now().Add(d), 0; time.Now().Before(end); i++ {
		if _, err := f.firstAnswers(ctx, ids[i%len(ids):i%len(ids)+1], time.Now()); err != nil {
			return err
		}
	}
	return nil
}
