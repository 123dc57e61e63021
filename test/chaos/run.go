package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// Result is what came of one run.
type Result struct {
	Plan []Fault
	// Ops and Grants are of locks, Saves of states, Calls are answered ones, Tasks accepted ones.
	Ops, Grants, Saves, Calls, Tasks int
	// Healed is how long it took, after the last fault, until everything ran and answered again.
	Healed time.Duration
	// Err is what was promised and did not hold, or what kept the run from its end.
	Err error
}

const healTime = time.Minute // for everything to run again after the last fault

// Run starts everything, lets the faults of the seed happen, and checks what has to hold. All that it started has ended when it
// returns.
func Run(ctx context.Context, cfg Config) *Result {
	r := &Result{}
	r.Err = r.run(ctx, cfg)
	return r
}

func (r *Result) run(ctx context.Context, cfg Config) error {
	w, err := startWorld(ctx, cfg, services)
	defer w.close()
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	shape := Shape{Nodes: cfg.Nodes, Members: append([]string(nil), w.names...), Span: cfg.Span, Longest: cfg.Longest}
	for n := range lockers {
		name := fmt.Sprintf("locker%d", n)
		shape.Members = append(shape.Members, name)
		if err := w.startLocker(name); err != nil {
			return err
		}
	}
	r.Plan = Plan(cfg.Seed, shape)
	c, err := client.Connect(ctx, client.Options{URL: w.members["caller"].url(), Name: "caller", Wait: true})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := w.startAgents(ctx, c); err != nil {
		return fmt.Errorf("start the agents: %w", err)
	}
	saved, err := followStates(ctx, w.js, api.DefaultNamespace)
	if err != nil {
		return err
	}
	work := &load{c: c}
	working, finish := context.WithCancel(ctx)
	work.start(working, cfg.Seed)
	err = w.strikes(ctx, r.Plan)
	calm := time.Now()
	cfg.Log("the last fault is over")
	if err == nil {
		err = w.healed(ctx, work, calm)
	}
	r.Healed = time.Since(calm)
	finish()
	work.tasks.Wait()
	if err == nil {
		err = w.outcomes(ctx, work, calm)
	}
	err = errors.Join(err, r.checkLocks(ctx, w, err == nil))
	saves, wrong := saved.stop()
	r.Saves, r.Calls, r.Tasks = saves, len(work.counts), len(work.accepted)
	if wrong != nil {
		wrong = fmt.Errorf("states: %w", wrong)
	}
	err = errors.Join(err, wrong, checkCounts(work.counts))
	if err == nil { // after some quiet
		last, cancel := context.WithTimeout(ctx, opTime)
		defer cancel()
		err = w.ready(last)
	}
	return errors.Join(err, w.logs())
}

// startAgents has hosts run the counters.
func (w *world) startAgents(ctx context.Context, c *client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	most, seconds := 1000, 60
	for n := range agents {
		spec := api.AgentSpec{
			ID: agentID(n), Capabilities: []string{capability}, Command: []string{w.cfg.Self}, Env: map[string]string{EnvRole: RoleAgent},
			MaxRestarts: &most, MaxSeconds: &seconds,
		}
		if _, err := c.Agents.Start(ctx, api.AgentStartRequest{Agent: &spec}); err != nil {
			return err
		}
	}
	return nil
}
