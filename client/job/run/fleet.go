package run

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	lookEvery   = time.Second      // how often the job's agents are compared with what the job wants
	maxBackoff  = 30 * time.Second // between two starts of an agent that fails again and again
	startWidth  = 16               // agents being started at once
	startTime   = 20 * time.Second // one start
	firstTime   = 30 * time.Second // until the first agent of each capability runs
	stopTime    = 15 * time.Second // all agents together
	lookTimeout = 10 * time.Second
)

// fleet keeps the job's agents running: on hosts that join too, and on others when a host is lost. It only compares what the
// job wants with what the registry says, so it may be interrupted anywhere.
type fleet struct {
	cfg  Config
	quit chan struct{}
	done chan struct{}

	mu     sync.Mutex
	warned map[string]string
	failed map[string]failure         // of agents that did not start, or not for good
	serves map[string]bool            // capabilities of agents that were started
	asking map[string]map[string]bool // by capability, the agents that were started and ask a price
}

// failure is why an agent has to wait, and for how long.
type failure struct {
	err   error
	caps  []string
	wait  time.Duration
	until time.Time
}

func newFleet(cfg Config) *fleet {
	return &fleet{cfg: cfg, warned: map[string]string{}, failed: map[string]failure{}, serves: map[string]bool{}, asking: map[string]map[string]bool{}}
}

// start brings the agents up, and keeps them up until stop. It fails when no agent of some capability could be started; for
// a host that died a moment ago, or is full, it waits a while.
func (f *fleet) start(ctx context.Context) error {
	for begin := time.Now(); ; pause(ctx, lookEvery) {
		err := f.reconcile(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil {
			err = f.unserved()
		}
		if err == nil {
			break
		}
		if !transient(err) && api.ReasonOf(err) != api.ReasonHostNotFound || time.Since(begin) > firstTime {
			return err
		}
	}
	f.warnFailed()
	f.warnUnserved(ctx)
	f.quit, f.done = make(chan struct{}), make(chan struct{})
	go f.keep(ctx)
	return nil
}

func (f *fleet) keep(ctx context.Context) {
	defer close(f.done)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-f.quit:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := f.reconcile(ctx); err != nil && ctx.Err() == nil {
			f.warn("the job's agents", err)
		}
		f.warnFailed()
	}
}

// reconcile starts what should run and does not. What does not start is noted; the error says that nothing could be tried.
func (f *fleet) reconcile(ctx context.Context) error {
	if len(f.cfg.Job.Agents) == 0 {
		return nil
	}
	look, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	hosts, err := f.hosts(look)
	if err != nil {
		return err
	}
	known := map[string]api.Agent{}
	for a, err := range f.cfg.Client.Agents.All(look, api.AgentsListRequest{Tags: []string{job.JobTag(f.cfg.ID)}, Limit: api.MaxPage}) {
		if err != nil {
			return err
		}
		known[a.ID] = a
	}
	width := make(chan struct{}, startWidth)
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, p := range f.cfg.Job.Place(f.cfg.ID, hosts) {
		a, exists := known[p.Spec.ID]
		switch {
		case a.Status == api.AgentRunning && slices.Contains(hosts, a.Host):
			f.started(p)
			continue
		case a.Status.Active(), f.waits(p.Spec.ID):
			continue
		case a.Status == api.AgentFailed:
			f.warn("agent "+p.Spec.ID+" is started again", api.Errorf(api.FailedPrecondition, "it failed: %s", a.Reason))
		}
		width <- struct{}{}
		if ctx.Err() != nil {
			return nil
		}
		wg.Go(func() {
			defer func() { <-width }()
			f.launch(ctx, p, exists)
		})
	}
	return nil
}

// hosts returns the live hosts that answer: one that was killed is listed for some seconds more.
func (f *fleet) hosts(ctx context.Context) ([]string, error) {
	var mu sync.Mutex
	var hosts []string
	var wg sync.WaitGroup
	defer wg.Wait()
	width := make(chan struct{}, startWidth)
	conn := f.cfg.Client.Conn()
	for h, err := range f.cfg.Client.Hosts.All(ctx, api.HostsListRequest{Status: api.HostLive, Limit: api.MaxPage}) {
		if err != nil {
			return nil, err
		}
		width <- struct{}{}
		wg.Go(func() {
			defer func() { <-width }()
			if _, err := conn.Request(ctx, api.HostSubject(conn.Namespace, h.ID, "ping"), nil, true); api.ReasonOf(err) == api.ReasonNobodyListens {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			hosts = append(hosts, h.ID)
		})
	}
	wg.Wait()
	if len(hosts) == 0 {
		return nil, api.Errorf(api.Unavailable, "%s", noHost().Message).WithReason(api.ReasonHostNotFound)
	}
	return hosts, nil
}

func noHost() *api.Error {
	return api.Errorf(api.FailedPrecondition, "no agent host is running: start one with `mabus up` or `mabus serve agenthost`").
		WithReason(api.ReasonHostNotFound)
}

// launch starts one agent. The end of the run does not interrupt it: a start whose fate is unknown might leave an agent.
func (f *fleet) launch(ctx context.Context, p job.Placement, exists bool) {
	req := api.AgentStartRequest{Host: p.Host, Agent: &p.Spec}
	if exists {
		req.ID, req.Agent = p.Spec.ID, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTime)
	defer cancel()
	_, err := f.cfg.Client.Agents.Start(ctx, req)
	if api.ReasonOf(err) == api.ReasonAlreadyRegistered {
		_, err = f.cfg.Client.Agents.Start(ctx, api.AgentStartRequest{ID: p.Spec.ID, Host: p.Host})
	}
	if err == nil || api.ReasonOf(err) == api.ReasonAlreadyRunning {
		f.started(p)
		return
	}
	f.mu.Lock()
	last := f.failed[p.Spec.ID]
	wait := min(max(2*last.wait, lookEvery), maxBackoff)
	for _, asking := range f.asking {
		delete(asking, p.Spec.ID)
	}
	f.failed[p.Spec.ID] = failure{err: err, caps: p.Spec.Capabilities, wait: wait, until: time.Now().Add(wait)}
	f.mu.Unlock()
}

func (f *fleet) started(p job.Placement) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.failed, p.Spec.ID)
	for _, c := range p.Spec.Capabilities {
		f.serves[c] = true
		if p.Spec.Ask == nil {
			continue
		}
		if f.asking[c] == nil {
			f.asking[c] = map[string]bool{}
		}
		f.asking[c][p.Spec.ID] = true
	}
}

// bidders are the agents of the job that were started, have a capability, and ask a price.
func (f *fleet) bidders(capability string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.asking[capability]))
}

func (f *fleet) waits(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Before(f.failed[id].until)
}

// unserved returns why a capability that the job's agents should have has none; nil if each has one.
func (f *fleet) unserved() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.cfg.Job.Agents {
		for _, c := range a.Capabilities {
			if f.serves[c] {
				continue
			}
			for _, fail := range f.failed {
				if slices.Contains(fail.caps, c) {
					return fail.err
				}
			}
			return api.Errorf(api.Unavailable, "no agent %s runs yet", a.Name)
		}
	}
	return nil
}

// warnFailed says which agents do not start, save for those whose host is gone: the registry will soon know that too.
func (f *fleet) warnFailed() {
	f.mu.Lock()
	failed := maps.Clone(f.failed)
	f.mu.Unlock()
	for id, fail := range failed {
		if api.ReasonOf(fail.err) != api.ReasonHostNotFound {
			f.warn("agent "+id, fail.err)
		}
	}
}

// warnUnserved says which capabilities nobody has, the job leaving them to agents that run anyway.
func (f *fleet) warnUnserved(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	for _, s := range f.cfg.Job.Tasks {
		if f.serves[s.Capability] {
			continue
		}
		list, err := f.cfg.Client.Agents.List(ctx, api.AgentsListRequest{Capabilities: []string{s.Capability}, Status: api.AgentRunning, Limit: 1})
		if err == nil && len(list.Agents) == 0 {
			f.cfg.Warn("no running agent has the capability %s: its tasks wait until one is started", s.Capability)
		}
	}
}

// warn tells a person once, not every second.
func (f *fleet) warn(about string, err error) {
	f.mu.Lock()
	again := f.warned[about] == text(err)
	f.warned[about] = text(err)
	f.mu.Unlock()
	if !again {
		f.cfg.Warn("%s: %s", about, text(err))
	}
}

// stop stops and removes the job's agents: first those that take its tasks, so that a task in hand goes back before the agents that it
// asks are gone. The context that it is given may have ended.
func (f *fleet) stop(ctx context.Context) {
	if f.quit != nil {
		close(f.quit)
		<-f.done
	}
	if len(f.cfg.Job.Agents) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	var workers, others []string
	for a, err := range f.cfg.Client.Agents.All(ctx, api.AgentsListRequest{Tags: []string{job.JobTag(f.cfg.ID)}, Limit: api.MaxPage}) {
		switch {
		case err != nil:
			f.cfg.Warn("not all of the job's agents could be listed, some may still run: %s", text(err))
		case f.works(a):
			workers = append(workers, a.ID)
		default:
			others = append(others, a.ID)
		}
	}
	f.stopAll(ctx, workers)
	f.stopAll(ctx, others)
}

// works tells whether an agent takes tasks of the job.
func (f *fleet) works(a api.Agent) bool {
	return slices.ContainsFunc(f.cfg.Job.Tasks, func(s job.Step) bool { return slices.Contains(a.Capabilities, s.Capability) })
}

func (f *fleet) stopAll(ctx context.Context, ids []string) {
	width := make(chan struct{}, startWidth)
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, id := range ids {
		width <- struct{}{}
		wg.Go(func() {
			defer func() { <-width }()
			_, err := f.cfg.Client.Agents.Stop(ctx, id)
			if err == nil || api.ReasonOf(err) == api.ReasonNotRunning {
				_, err = f.cfg.Client.Agents.Deregister(ctx, id)
			}
			if err != nil && api.CodeOf(err) != api.NotFound {
				f.cfg.Warn("agent %s is not removed: %s", id, text(err))
			}
		})
	}
}
