package replog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

const (
	aheadPerSlot  = 4                      // effects that wait here for each that may run; more wait in the engine
	claimJitter   = 200 * time.Millisecond // by which replicas that claim the same effect differ
	claimsAtOnce  = engine.MaxCommands     // of one round
	effectTry     = 100 * time.Millisecond // first wait after a run that failed
	effectTryMost = 10 * time.Second
)

// effects are those that this replica runs, or is about to.
type effects struct {
	ctx   context.Context
	limit int
	run   func(ctx context.Context, e engine.Effect) error
	work  sync.WaitGroup

	mu      sync.Mutex
	known   map[string]*job // that wait, run, or have failed and wait for another try
	waiting []*job
	running int
	stopped bool
}

// job is an effect that this replica is to run.
type job struct {
	effect engine.Effect
	cancel context.CancelFunc // while it runs
	tries  int
	after  time.Time // when a failed one may run again
	failed bool
	moved  bool // it is no longer ours
}

func newEffects(ctx context.Context, limit int, run func(context.Context, engine.Effect) error) *effects {
	return &effects{ctx: ctx, limit: limit, run: run, known: map[string]*job{}}
}

// count is how many effects run.
func (s *effects) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// changed takes in what an entry says of effects.
func (s *effects) changed(a *engine.Applied, me string, can func(kind string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range a.Settled {
		s.forget(id)
	}
	for _, p := range a.Started {
		if p.Owner != me {
			s.forget(p.ID)
		} else if can(p.Kind) {
			s.add(p.Effect)
		}
	}
}

// offer takes in effects that are ours, as far as there is room and they are not known, or have failed and may run again.
func (s *effects) offer(list []engine.Effect) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range list {
		s.add(e)
	}
}

// wanting returns a function that tells which effects would be taken in. It holds the lock until done is called.
func (s *effects) wanting() (wants func(id string) bool, done func()) {
	s.mu.Lock()
	room, now := s.limit*(1+aheadPerSlot)-len(s.known), time.Now()
	return func(id string) bool {
		if j := s.known[id]; j != nil {
			return j.failed && now.After(j.after)
		}
		room--
		return room >= 0
	}, s.mu.Unlock
}

func (s *effects) add(e engine.Effect) {
	j := s.known[e.ID]
	switch {
	case s.stopped, j != nil && !j.failed, j == nil && len(s.known) >= s.limit*(1+aheadPerSlot):
		return
	case j != nil && time.Now().Before(j.after):
		return
	case j == nil:
		j = &job{effect: e}
		s.known[e.ID] = j
	}
	j.failed = false
	if s.running >= s.limit {
		s.waiting = append(s.waiting, j)
		return
	}
	s.start(j)
}

// forget ends an effect that is settled or another's.
func (s *effects) forget(id string) {
	j := s.known[id]
	if j == nil {
		return
	}
	j.moved = true
	if j.cancel != nil {
		j.cancel() // and it is forgotten when it has ended
		return
	}
	delete(s.known, id)
}

// start runs a job, and then others that wait, on one goroutine.
func (s *effects) start(j *job) {
	s.running++
	ctx := s.begin(j)
	s.work.Go(func() {
		for j != nil {
			j, ctx = s.next(j, s.run(ctx, j.effect))
		}
	})
}

func (s *effects) begin(j *job) context.Context {
	ctx, cancel := context.WithCancel(s.ctx)
	j.cancel = cancel
	return ctx
}

// next ends a job and returns another one, or nil.
func (s *effects) next(j *job, err error) (*job, context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.cancel()
	j.cancel = nil
	if err == nil || j.moved {
		delete(s.known, j.effect.ID)
	} else {
		most := min(effectTry<<min(j.tries, 10), effectTryMost)
		j.failed, j.after = true, time.Now().Add(most/2+rand.N(most))
		j.tries++
	}
	for len(s.waiting) > 0 && !s.stopped {
		n := s.waiting[0]
		s.waiting[0] = nil
		s.waiting = s.waiting[1:]
		if !n.moved {
			return n, s.begin(n)
		}
	}
	s.running--
	return nil, nil
}

// leave cancels what runs and forgets what waits, since this replica does not serve. What is ours is found again when it does.
func (s *effects) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, j := range s.known {
		if j.cancel != nil {
			j.cancel()
		} else {
			j.moved = true
			delete(s.known, id)
		}
	}
	s.waiting = nil
}

// quit ends everything for good.
func (s *effects) quit() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.leave()
}

// stop ends everything and waits for it.
func (s *effects) stop() {
	s.quit()
	s.work.Wait()
}

// runEffect carries out an effect and appends its outcome.
func (l *Log[S]) runEffect(ctx context.Context, e engine.Effect) error {
	body, err := l.guarded(ctx, e)
	if err != nil {
		if ctx.Err() == nil {
			l.log.Warn().Err(err).Str("effect", e.ID).Str("kind", e.Kind).Msg("an effect could not be carried out: it is tried again")
		}
		return err
	}
	l.metrics.effects.Inc()
	for try := 0; ; try++ {
		_, err := l.own(l.ctx, engine.OutcomeCommand(e.ID, body)) // even if it is not ours any more: the first outcome counts
		var refused *api.Error
		switch {
		case err == nil, l.ctx.Err() != nil:
			return nil
		case errors.As(err, &refused) && refused.Code == api.Invalid:
			l.log.Error().Err(err).Str("effect", e.ID).Str("kind", e.Kind).Msg("the outcome of an effect cannot be logged")
			return err
		case errors.As(err, &refused) && !retryable(refused.Code):
			return nil // it was delivered, and the machine refused it
		}
		if !pause(l.ctx, delay(try)) {
			return nil
		}
	}
}

func retryable(c api.Code) bool {
	return c == api.Unavailable || c == api.Overloaded || c == api.DeadlineExceeded || c == api.Cancelled
}

func (l *Log[S]) guarded(ctx context.Context, e engine.Effect) (body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the runner failed: %v", p)
		}
	}()
	return l.cfg.Runners[e.Kind](ctx, e)
}

func (l *Log[S]) canRun(kind string) bool { return l.cfg.Runners[kind] != nil }

// tendEffects takes up effects that are ours and do not run, renews their claims, and claims those whose runner is silent.
func (l *Log[S]) tendEffects() {
	var ours []engine.Effect
	var claims []string
	me, now, patience := l.writer.id(), l.timeNow(), rand.N(claimJitter)
	l.mu.RLock()
	wants, done := l.effects.wanting()
	for p := range l.engine.Effects() {
		left := p.Deadline.Sub(now)
		switch {
		case !l.canRun(p.Kind):
		case p.Owner != me:
			if left < -patience && len(claims) < claimsAtOnce && wants(p.ID) {
				claims = append(claims, p.ID)
			}
		default:
			if wants(p.ID) {
				ours = append(ours, p.Effect)
			}
			if left < engine.Claim/2 && len(claims) < claimsAtOnce {
				claims = append(claims, p.ID)
			}
		}
	}
	done()
	l.mu.RUnlock()
	l.effects.offer(ours)
	k := &l.keeper
	if k.claim != nil && k.claim.state.Load() == callWaits {
		return // the claims of the round before are not under way yet
	}
	for _, id := range claims {
		k.claim = newCall(engine.ClaimCommand(id), 0)
		_ = l.queue.putOwn(k.claim) // fails when the log is closed
	}
}
