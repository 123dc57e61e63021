package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// The suite that ends the processes of hosts.
var failoverMeasurements = []measurement{
	{"kill", "a host of three is killed", "1,000 native agents: the time from the kill to the first good answer of each agent that the host had, of which p50, p99 and the longest are told; every agent is asked again and again.", measureKill},
	{"many", "a host of three is killed that runs a third of 10,000 agents", "As kill.", measureKillMany},
	{"exec", "a host of three is killed that runs programs", "60 agents that are programs of their own: as kill, with the time to start the programs in it.", measureKillExec},
	{"leader", "a host is killed together with the NATS server that leads", "1,000 native agents on three NATS servers; the server that leads the bucket of agents dies at the same moment.", measureKillLeader},
	{"pause", "a host of three hangs", "300 native agents: the process of a host is stopped (SIGSTOP) until all its agents answer elsewhere, by the way of its lease; then it goes on and must come back as a new incarnation.", measurePause},
	{"cut", "a host of three is cut off", "As pause, but the host runs in a network namespace whose link is taken down, and up again; needs Linux, root and the command ip.", measureCut},
	{"servers", "each of three NATS servers is killed and paused", "300 native agents, three copies of all state: each server in turn is paused for more than 20 s and killed and started again; the agents that moved, and the longest time to an answer of every agent.", measureServers},
	{"drain", "all hosts are replaced under load", "100 agents with state, 5,000 calls a second that are not marked as safe to repeat, each of three hosts replaced in each roll: the calls that failed, the states that were lost, and by agent and move the longest time that a call waited for its answer.", measureDrain},
}

// FailoverNames lists the measurements of Failover with what they are about and how to read them.
func FailoverNames() [][3]string {
	var names [][3]string
	for _, m := range failoverMeasurements {
		names = append(names, [3]string{m.name, m.doc, m.help})
	}
	return names
}

// Failover measures for how long agents are away when their host is. It needs Config.Worker.
func Failover(ctx context.Context, cfg Config) (*Report, error) {
	return take(ctx, "failover", cfg, failoverMeasurements)
}

const fleetTime = 3 * time.Minute // for one round

func measureKill(ctx context.Context, r *run) error {
	return r.kills(ctx, "kill", r.cfg.Fleet, r.cfg.Rounds, native)
}

func measureKillMany(ctx context.Context, r *run) error {
	return r.kills(ctx, "kill10k", 10*r.cfg.Fleet, min(r.cfg.Rounds, 3), native)
}

func measureKillExec(ctx context.Context, r *run) error {
	command := r.program(workExec)
	return r.kills(ctx, "kill_exec", min(60, r.cfg.Fleet), r.cfg.Rounds, func(id string) api.AgentSpec { return api.AgentSpec{ID: id, Command: command} })
}

func native(id string) api.AgentSpec { return api.AgentSpec{ID: id, Module: "echo"} }

func (r *run) kills(ctx context.Context, figure string, agents, rounds int, spec func(id string) api.AgentSpec) error {
	for round := range rounds {
		if err := r.killOnce(ctx, r.cfg.URL, fmt.Sprintf("%s-%d", figure, round), figure, 1, agents, spec, func(context.Context, *fleet) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// killOnce kills one host of three, after what also does, and records how long its agents were away.
func (r *run) killOnce(ctx context.Context, url, namespace, figure string, replicas, agents int, spec func(id string) api.AgentSpec, also func(context.Context, *fleet) error) error {
	ctx, cancel := context.WithTimeout(ctx, fleetTime)
	defer cancel()
	f, err := r.newFleet(ctx, url, namespace, replicas, 3)
	if err != nil {
		return err
	}
	defer f.stop()
	begin := time.Now()
	if _, err := f.populate(ctx, agents, spec); err != nil {
		return fmt.Errorf("populate: %w", err)
	}
	placed := time.Since(begin)
	victims, err := f.on(ctx, "h0")
	if err != nil {
		return err
	}
	if len(victims) == 0 {
		return errors.New("the host to kill has no agents")
	}
	if err := errors.Join(f.kill("h0"), also(ctx, f)); err != nil {
		return err
	}
	away, err := f.firstAnswers(ctx, victims, time.Now())
	if err != nil {
		return err
	}
	p50, p99, most := quantiles(away)
	r.record(figure+"_to_first_reply_p50_ms", "ms", ms(p50))
	r.record(figure+"_to_first_reply_p99_ms", "ms", ms(p99))
	r.record(figure+"_to_first_reply_max_ms", "ms", ms(most))
	r.record(figure+"_agents_moved", "", float64(len(victims)))
	r.record(figure+"_placed_ms", "ms", ms(placed))
	r.cfg.Progress(fmt.Sprintf("%-9s %s: %d agents were placed in %s; %d of them lost their host and answered after %s (p50), %s (p99), %s (all)",
		r.name, namespace, agents, placed.Round(time.Millisecond), len(victims), p50.Round(time.Millisecond), p99.Round(time.Millisecond), most.Round(time.Millisecond)))
	return nil
}

// firstAnswers returns for each agent the time from since to its first good answer.
func (f *fleet) firstAnswers(ctx context.Context, ids []string, since time.Time) ([]time.Duration, error) {
	away := make([]time.Duration, len(ids))
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() {
			errs[i] = eventually(ctx, func() (bool, error) {
				try, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				_, err := f.client.Call(try, id, i)
				away[i] = time.Since(since)
				return err == nil, err
			})
		})
	}
	wg.Wait()
	return away, errors.Join(errs...)
}

// quantiles returns the median, the 99th percentile and the greatest.
func quantiles(d []time.Duration) (p50, p99, most time.Duration) {
	d = slices.Sorted(slices.Values(d))
	at := func(q float64) time.Duration { return d[min(int(q*float64(len(d))), len(d)-1)] }
	return at(0.5), at(0.99), d[len(d)-1]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
