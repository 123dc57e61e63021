package run

import (
	"context"
	"sync"
	"time"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	lookEvery  = time.Second // how often the job's agents are compared with what the job wants
	startWidth = 16          // agents being started at once
)

// fleet keeps the job's agents running: on hosts that join too, and on others when a host is lost. It only compares what the
// job wants with what the registry says, so it may be interrupted anywhere.
type fleet struct {
	cfg    Config
	cancel context.CancelFunc
	done   chan struct{}
	warned map[string]string
}

func newFleet(cfg Config) *fleet { return &fleet{cfg: cfg, warned: map[string]string{}} }

// start brings the agents up. It fails when none of the job's agents could be started.
func (f *fleet) start(ctx context.Context) error {
	if len(f.cfg.Job.Agents) == 0 {
		return nil
	}
	if err := f.reconcile(ctx, true); err != nil {
		return err
	}
	loop, cancel := context.WithCancel(ctx)
	f.cancel, f.done = cancel, make(chan struct{})
	go func() {
		defer close(f.done)
		for {
			pause(loop, lookEvery)
			if loop.Err() != nil {
				return
			}
			if err := f.reconcile(loop, false); err != nil && loop.Err() == nil {
				f.warn("agents", err.Error())
			}
		}
	}()
	return nil
}

// reconcile starts what should run and does not. With strict, an agent that cannot be started is an error.
func (f *fleet) reconcile(ctx context.Context, strict bool) error {
	var hosts []string
	for h, err := range f.cfg.Client.Hosts.All(ctx, api.HostsListRequest{Status: api.HostLive, Limit: api.MaxPage}) {
		if err != nil {
			return err
		}
		hosts = append(hosts, h.ID)
	}
	if len(hosts) == 0 {
		return api.Errorf(api.Unavailable, "no agent host is running: start one with `mabus up` or `mabus serve agenthost`").WithReason(api.ReasonHostNotFound)
	}
	known := map[string]api.AgentStatus{}
	for a, err := range f.cfg.Client.Agents.All(ctx, api.AgentsListRequest{Tags: []string{job.JobTag(f.cfg.ID)}, Limit: api.MaxPage}) {
		if err != nil {
			return err
		}
		known[a.ID] = a.Status
	}
	width := make(chan struct{}, startWidth)
	var mu sync.Mutex
	var first error
	var wg sync.WaitGroup
	for _, p := range f.cfg.Job.Place(f.cfg.ID, hosts) {
		status, exists := known[p.Spec.ID]
		if status.Active() {
			continue
		}
		width <- struct{}{}
		wg.Go(func() {
			defer func() { <-width }()
			if err := f.launch(ctx, p, exists); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if first == nil {
					first = err
				}
				if !strict {
					f.warn(p.Spec.ID, err.Error())
				}
			}
		})
	}
	wg.Wait()
	if strict {
		return first
	}
	return nil
}

func (f *fleet) launch(ctx context.Context, p job.Placement, exists bool) error {
	req := api.AgentStartRequest{Host: p.Host, Agent: &p.Spec}
	if exists {
		req.ID, req.Agent = p.Spec.ID, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	_, err := f.cfg.Client.Agents.Start(ctx, req)
	switch api.ReasonOf(err) {
	case api.ReasonAlreadyRunning:
		return nil
	case api.ReasonAlreadyRegistered:
		_, err = f.cfg.Client.Agents.Start(ctx, api.AgentStartRequest{ID: p.Spec.ID, Host: p.Host})
		if api.ReasonOf(err) == api.ReasonAlreadyRunning {
			return nil
		}
	}
	return err
}

// warn tells a person once, not every second.
func (f *fleet) warn(about, text string) {
	if f.warned[about] != text {
		f.warned[about] = text
		f.cfg.Warn("%s: %s", about, text)
	}
}

// stop stops and removes the job's agents. The context that it is given may have ended.
func (f *fleet) stop(ctx context.Context) {
	if len(f.cfg.Job.Agents) == 0 {
		return
	}
	if f.cancel != nil {
		f.cancel()
		<-f.done
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	width := make(chan struct{}, startWidth)
	var wg sync.WaitGroup
	for a, err := range f.cfg.Client.Agents.All(ctx, api.AgentsListRequest{Tags: []string{job.JobTag(f.cfg.ID)}, Limit: api.MaxPage}) {
		if err != nil {
			f.cfg.Warn("the job's agents could not be listed and may still run: %v", err)
			break
		}
		width <- struct{}{}
		wg.Go(func() {
			defer func() { <-width }()
			_, err := f.cfg.Client.Agents.Stop(ctx, a.ID)
			if err == nil || api.ReasonOf(err) == api.ReasonNotRunning {
				_, err = f.cfg.Client.Agents.Deregister(ctx, a.ID)
			}
			if err != nil {
				f.cfg.Warn("agent %s is not removed: %v", a.ID, err)
			}
		})
	}
	wg.Wait()
}
