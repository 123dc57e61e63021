package registry

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/services/registry/suspicion"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	markTimeout = time.Second // of one try to mark a host
	markLimit   = 16          // hosts that are marked at once
)

// suspecter asks all live hosts whether they listen, and marks those dead that do not. Every replica runs one. It marks the
// host's record and leaves its lease alone: by that live locks and other things of a process which may believe in it.
type suspecter struct {
	s      *Service
	nc     *nats.Conn
	prefix string // of the subjects of answers
	sub    *nats.Subscription
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu         sync.Mutex
	watch      *suspicion.Watch
	reconnects uint64
	marking    map[string]bool
	ctx        context.Context // of marks; nil once stopping
}

func newSuspecter(s *Service) *suspecter {
	return &suspecter{s: s, nc: s.conn.NC, prefix: s.conn.NewInbox() + ".", marking: map[string]bool{}}
}

func (p *suspecter) start() (err error) {
	p.watch, p.reconnects = suspicion.New(time.Now()), p.nc.Stats().Reconnects
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if p.sub, err = p.nc.Subscribe(p.prefix+"*.*", p.hear); err != nil {
		p.cancel()
		return err
	}
	ctx := p.ctx
	p.done.Go(func() { p.run(ctx) })
	return nil
}

func (p *suspecter) stop() {
	p.mu.Lock()
	p.ctx = nil
	p.mu.Unlock()
	p.cancel()
	_ = p.sub.Unsubscribe() // it fails when the connection is closed, which ended it
	p.done.Wait()
}

func (p *suspecter) run(ctx context.Context) {
	tick := time.NewTicker(suspicion.Again)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, a := range p.due(time.Now()) {
			subject := api.HostSubject(p.s.conn.Namespace, a.ID, "ping")
			if p.nc.PublishRequest(subject, p.prefix+a.ID+"."+strconv.FormatUint(a.Number, 36), []byte("{}")) != nil {
				break // the next tick sees the connection lost
			}
		}
	}
}

// due returns the asks that are due, none while there is no connection.
func (p *suspecter) due(now time.Time) []suspicion.Ask {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stable(now) {
		return nil
	}
	return p.watch.Tick(now, p.liveHosts)
}

// stable tells whether the connection is there, and ends every suspicion if it was lost since it was last asked. p.mu is held.
func (p *suspecter) stable(now time.Time) bool {
	connected, reconnects := p.nc.IsConnected(), p.nc.Stats().Reconnects
	if !connected || reconnects != p.reconnects {
		p.reconnects = reconnects
		p.watch.Break(now)
	}
	return connected
}

func (p *suspecter) liveHosts() []suspicion.Host {
	ids := p.s.hosts.with(roster.Term{Field: roster.FieldStatus, Value: string(api.HostLive)})
	hosts := make([]suspicion.Host, 0, len(ids))
	for _, id := range ids {
		if h, _, ok := p.s.hosts.mirror.Get(id); ok && h.Status == api.HostLive {
			hosts = append(hosts, suspicion.Host{ID: id, Lease: h.Lease})
		}
	}
	return hosts
}

// hear takes an answer, of a host or of the server that nobody listens.
func (p *suspecter) hear(msg *nats.Msg) {
	id, number, _ := strings.Cut(strings.TrimPrefix(msg.Subject, p.prefix), ".")
	n, err := strconv.ParseUint(number, 36, 64)
	if err != nil {
		return
	}
	nobody := len(msg.Data) == 0 && msg.Header.Get("Status") == "503"
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.stable(now) || p.ctx == nil {
		return
	}
	lease, dead := p.watch.Heard(now, suspicion.Ask{ID: id, Number: n}, !nobody)
	// A host that is not marked now is heard of again soon.
	if !dead || p.marking[id] || len(p.marking) >= markLimit {
		return
	}
	p.marking[id] = true
	ctx := p.ctx
	p.done.Go(func() { p.mark(ctx, suspicion.Host{ID: id, Lease: lease}) })
}

// mark marks a host dead, if it still is when the store asks.
func (p *suspecter) mark(ctx context.Context, h suspicion.Host) {
	ctx, cancel := context.WithTimeout(ctx, markTimeout)
	defer cancel()
	res, err := p.s.hosts.update(ctx, api.Cause{}, h.ID, func(old *api.Host, _ time.Time) (*api.Host, roster.Event, error) {
		if !p.stands(h) {
			return old, roster.NoChange, nil
		}
		return roster.HostDead(old, h.Lease)
	})
	log := &p.s.cfg.Log
	switch {
	case err != nil:
		log.Debug().Err(err).Str("host", h.ID).Msg("nobody listens for the host, which is not marked dead yet")
	case res.Changed:
		log.Warn().Str("host", h.ID).Str("lease", h.Lease).Msg("nobody listens for the host: marked dead")
	}
	p.mu.Lock()
	delete(p.marking, h.ID)
	p.mu.Unlock()
}

func (p *suspecter) stands(h suspicion.Host) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stable(time.Now()) && p.watch.Stands(h)
}
