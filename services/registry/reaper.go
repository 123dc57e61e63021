package registry

import (
	"context"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
)

const (
	reapTimeout = 30 * time.Second // of one sweep; the next one goes on
	traceAge    = time.Hour        // for which the traces of removed keys are kept
	traceEvery  = 5 * time.Minute  // between two sweeps of traces
	traceLimit  = 1000             // keys looked at by one sweep of traces
)

// reaper marks what lives by dead leases. Every replica runs one. It looks at state: when a lease dies, and again after each
// interval for what it did not hear of, so that nothing is lost with a replica.
type reaper struct {
	s      *Service
	signal chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
	traces time.Time                 // when traces were last swept
	lost   map[incarnation]time.Time // since when hosts are seen lost that ran agents which nobody has taken up
}

// incarnation is a host under one lease, or whoever holds the lease when no host is named.
type incarnation struct{ host, lease string }

func newReaper(s *Service) *reaper {
	return &reaper{s: s, signal: make(chan struct{}, 1), done: make(chan struct{}), lost: map[incarnation]time.Time{}}
}

// wake makes the reaper look now. It never waits.
func (r *reaper) wake() {
	select {
	case r.signal <- struct{}{}:
	default:
	}
}

func (r *reaper) start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go r.run(ctx)
}

func (r *reaper) stop() {
	r.cancel()
	<-r.done
}

func (r *reaper) run(ctx context.Context) {
	defer close(r.done)
	r.traces = time.Now()
	for {
		sweep, cancel := context.WithTimeout(ctx, reapTimeout)
		err := r.sweep(sweep)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.s.cfg.Log.Warn().Err(err).Msg("not all that lived by dead leases is marked; trying again")
		}
		// Replicas that started together do not stay in step.
		every := r.s.tuning.Current().Sweep.Std()
		next := time.NewTimer(min(every/2+rand.N(every), r.untilNext()))
		select {
		case <-ctx.Done():
		case <-r.signal:
		case <-next.C:
		}
		next.Stop()
	}
}

// sweep marks all that lives by dead leases and on lost hosts, and forgets what nobody needs any more.
func (r *reaper) sweep(ctx context.Context) error {
	s := r.s
	var errs []error
	seen := map[incarnation]bool{}
	inUse := s.leasesInUse()
	for id := range inUse {
		gone, err := s.watcher.State(id) == lease.Dead, error(nil)
		if !gone {
			gone, err = s.forgotten(ctx, id)
		}
		if gone {
			seen[incarnation{lease: id}] = true
			err = s.reap(ctx, id, r.overdue(incarnation{lease: id}))
		}
		errs = append(errs, err)
	}
	for _, id := range s.hosts.with(roster.Term{Field: roster.FieldStatus, Value: string(api.HostDead)}) {
		h, _, ok := s.hosts.mirror.Get(id)
		if lost := (incarnation{host: id}); ok && inUse[h.Lease] > 0 {
			lost.lease = h.Lease
			seen[lost] = true
			errs = append(errs, s.failAgents(ctx, api.Cause{}, id, h.Lease, r.overdue(lost)))
		}
	}
	maps.DeleteFunc(r.lost, func(i incarnation, _ time.Time) bool { return !seen[i] })
	errs = append(errs, s.forgetServices(ctx))
	if time.Since(r.traces) > traceEvery {
		r.traces = time.Now()
		errs = append(errs, s.sweepTraces(ctx))
	}
	return errors.Join(errs...)
}

// overdue tells whether the hosts have had their time to take up what one that is lost ran. Until then the reaper leaves it
// to them: both at once would be in each other's way.
func (r *reaper) overdue(i incarnation) bool {
	since, known := r.lost[i]
	if !known {
		since = time.Now()
		r.lost[i] = since
	}
	return time.Since(since) >= r.s.tuning.Current().TakeUp.Std()
}

// untilNext returns the time until the hosts have had theirs for one that is lost; very long when none is due.
func (r *reaper) untilNext() time.Duration {
	next := time.Duration(math.MaxInt64)
	for _, since := range r.lost {
		if left := r.s.tuning.Current().TakeUp.Std() - time.Since(since); left > 0 {
			next = min(next, left)
		}
	}
	return next
}

// leasesInUse returns the leases by which something lives.
func (s *Service) leasesInUse() map[string]int {
	leases := map[string]int{}
	collect(leases, s.agents)
	collect(leases, s.hosts)
	collect(leases, s.services)
	return leases
}

func collect[T any](leases map[string]int, d *directory[T]) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for id, n := range d.index.Counts(roster.FieldLease) {
		leases[id] += n
	}
}

// forgotten tells whether a lease is not even on record: it was dead for so long that its record was dropped, or the bucket of
// leases was lost. The watcher may be behind, so the store is asked.
func (s *Service) forgotten(ctx context.Context, id string) (bool, error) {
	if s.watcher.State(id) != lease.Unknown {
		return false, nil
	}
	on, err := s.onRecord(ctx, id)
	return err == nil && !on, err
}

// reap marks the hosts, the services and the agents that live by a dead lease; hosts first, so that nothing more is placed
// there.
func (s *Service) reap(ctx context.Context, id string, all bool) error {
	cause := api.Cause{}
	return errors.Join(
		markAll(ctx, s.hosts, cause, id, nil, func(old *api.Host, _ time.Time) (*api.Host, roster.Event, error) { return roster.HostDead(old, id) }),
		s.failAgents(ctx, cause, "", id, all),
		markAll(ctx, s.services, cause, id, nil, func(old *api.Service, _ time.Time) (*api.Service, roster.Event, error) {
			return roster.ServiceDead(old, id)
		}),
	)
}

// failAgents fails the agents that live by a lease which is dead, or, if a host is named, that this host ran. Those that hosts
// will take up are left to them unless all is set.
func (s *Service) failAgents(ctx context.Context, cause api.Cause, host, leaseID string, all bool) error {
	spared := func(a *api.Agent) bool { return host != "" && a.Host != host || !all && roster.Awaited(a) }
	return markAll(ctx, s.agents, cause, leaseID, spared, func(old *api.Agent, now time.Time) (*api.Agent, roster.Event, error) {
		return roster.HostLost(old, host, leaseID, now)
	})
}

// reapIfDead lets a process that comes back under a new lease take its own place at once.
func (s *Service) reapIfDead(ctx context.Context, old, next string) {
	if old == "" || old == next || s.watcher.State(old) != lease.Dead {
		return
	}
	if err := s.reap(ctx, old, false); err != nil {
		s.cfg.Log.Debug().Err(err).Str("lease", old).Msg("not reaped yet")
	}
}

// markAll applies a rule to all that lives by a lease and is not spared. The order is random, so that replicas that do it at once share the work
// rather than collide at every step: what another one has marked is skipped.
func markAll[T any](ctx context.Context, d *directory[T], cause api.Cause, id string, spared func(*T) bool,
	rule func(*T, time.Time) (*T, roster.Event, error),
) error {
	term := roster.Term{Field: roster.FieldLease, Value: id}
	ids := d.with(term)
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	var group errgroup.Group // one that fails does not stop the others
	group.SetLimit(parallel)
	for _, key := range ids {
		group.Go(func() error {
			v, _, ok := d.mirror.Get(key)
			if !ok || spared != nil && spared(v) || !roster.Match(d.terms(v), []roster.Term{term}) {
				return nil
			}
			_, err := d.update(ctx, cause, key, rule)
			return err
		})
	}
	return group.Wait()
}

// forgetServices removes dead service instances whose lease is no longer on record. Each incarnation of a process has an
// instance of its own, so they would pile up.
func (s *Service) forgetServices(ctx context.Context) error {
	for _, id := range s.services.with(roster.Term{Field: roster.FieldStatus, Value: string(api.HostDead)}) {
		v, _, ok := s.services.mirror.Get(id)
		if !ok {
			continue
		}
		gone, err := s.forgotten(ctx, v.Lease)
		if err != nil {
			return err
		}
		if !gone {
			continue
		}
		_, err = s.services.update(ctx, api.Cause{}, id, func(old *api.Service, _ time.Time) (*api.Service, roster.Event, error) {
			return roster.ForgetService(old, v.Lease)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepTraces drops what is left of removed keys.
func (s *Service) sweepTraces(ctx context.Context) error {
	_, errAgents := s.agents.bucket.Sweep(ctx, traceAge, traceLimit)
	_, errHosts := s.hosts.bucket.Sweep(ctx, traceAge, traceLimit)
	_, errServices := s.services.bucket.Sweep(ctx, traceAge, traceLimit)
	_, errSecrets := s.secrets.sealed.bucket.Sweep(ctx, traceAge, traceLimit)
	return errors.Join(errAgents, errHosts, errServices, errSecrets)
}
