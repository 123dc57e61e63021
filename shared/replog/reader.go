package replog

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

var (
	errWentBack   = errors.New("the log went back behind what was read of it")
	errOtherLog   = errors.New("the log is not the one that it was")
	errIncomplete = errors.New("the log lacks entries that no snapshot covers")
	errDoubt      = errors.New("others had other results for the same entries")
)

// reader is what the reader's goroutine remembers between its sessions with the stream. Nobody else touches it, but for end.
type reader struct {
	end  atomic.Pointer[context.CancelCauseFunc] // ends the session under way
	anew bool                                    // the state is to be built anew
	live bool                                    // it has caught up since then
	last mark
	log  string // the id of the log, once it is known
	trial
}

// endSession makes the reader look at the stream anew.
func (l *Log[S]) endSession(why error) {
	if end := l.reader.end.Load(); end != nil {
		(*end)(why)
	}
}

// read is the reader's loop: one session with the stream after the other.
func (l *Log[S]) read() {
	r := &l.reader
	r.anew = true
	for try := 0; l.ctx.Err() == nil; {
		if !l.store.nc.IsConnected() {
			select {
			case <-l.back:
			case <-time.After(heartbeat):
			case <-l.ctx.Done():
			}
			continue
		}
		ctx, end := context.WithCancelCause(l.ctx)
		r.end.Store(&end)
		served, err := l.session(ctx)
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) && errors.Is(err, ctx.Err()) {
			err = cause
		}
		end(nil)
		if l.ctx.Err() != nil {
			return
		}
		l.health.following(false, l.cfg.hooks.now())
		if served {
			try = 0
		}
		l.assess(err)
		wait := delay(try)
		if r.anew && try > 4 {
			wait = min(delay(6)<<min(try-4, 6), 10*time.Second)
		}
		try++
		if !pause(l.ctx, wait) {
			return
		}
	}
}

// assess decides how to go on after a session that ended.
func (l *Log[S]) assess(err error) {
	r, state := &l.reader, State("")
	switch {
	case errors.Is(err, engine.ErrVersion):
		state = StateNoRules
	case errors.Is(err, engine.ErrEvolve), errors.Is(err, errIncomplete), errors.Is(err, errOtherLog):
		state = StateBroken
	case errors.Is(err, errDoubt):
		state = StateRebuilding
		if l.health.state() == StateContradicted {
			state = StateContradicted
		}
	case errors.Is(err, engine.ErrGap):
		state = StateRebuilding
	default:
		level := zerolog.DebugLevel
		if r.anew {
			level = zerolog.WarnLevel // it may be for good, when a snapshot is gone
		}
		l.log.WithLevel(level).Err(err).Msg("the log is followed anew")
		return
	}
	l.log.Error().Err(err).Str("state", string(state)).Msg("this replica leaves: it builds its state anew")
	r.anew, r.live = true, false
	l.health.troubled(state)
	if state == StateNoRules || state == StateBroken {
		l.writer.interrupt() // what is under way may never be read here
	}
}

// session follows the stream until something is amiss. served says whether it caught up.
func (l *Log[S]) session(ctx context.Context) (served bool, err error) {
	r := &l.reader
	info, err := l.store.info(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if !r.anew {
			l.lose("the stream is gone")
		}
		return false, fmt.Errorf("%w: there is none", errOtherLog) // and whoever restores it must find its place free
	}
	if err != nil {
		return false, err
	}
	if !r.anew {
		if why, err := l.changed(ctx, info); err != nil {
			return false, err
		} else if why != "" {
			l.lose(why)
		}
	}
	if r.anew {
		if err := l.restore(ctx, info); err != nil {
			return false, err
		}
	}
	from := l.seen.Load()
	if info.State.FirstSeq > from+1 {
		r.anew = true
		return false, fmt.Errorf("%w: it begins with %d, and %d was read", errIncomplete, info.State.FirstSeq, from)
	}
	f, err := l.store.follow(ctx, from)
	if err != nil {
		return false, err
	}
	defer f.drop()
	defer context.AfterFunc(ctx, f.stop)()
	l.known.Store(info.State.LastSeq) // whatever was heard of: the leader says what there is
	return l.follow(ctx, f, info.State.LastSeq)
}

// changed says in which way the stream is not the one that was read, or "".
func (l *Log[S]) changed(ctx context.Context, info *jetstream.StreamInfo) (string, error) {
	seen := l.seen.Load()
	switch {
	case info.Created.UnixNano() != l.created && seen > 0:
		return "the stream was made anew", nil
	case info.State.LastSeq < seen:
		return fmt.Sprintf("the stream ends with entry %d, and %d was read", info.State.LastSeq, seen), nil
	}
	same, err := l.store.holds(ctx, l.reader.last)
	if err != nil || same {
		return "", err
	}
	return fmt.Sprintf("the stream has another entry %d than was read", seen), nil
}

// lose leaves because the stream is not the one that was read. What is under way may be in neither.
func (l *Log[S]) lose(why string) {
	l.log.Error().Str("why", why).Msg("the log was changed under its readers: the state is built anew")
	r := &l.reader
	r.anew, r.live, r.last = true, false, mark{}
	l.rebuilding()
	l.health.troubled(StateRebuilding)
	l.writer.interrupt()
}

// rebuilding counts that the state is built anew.
func (l *Log[S]) rebuilding() {
	l.metrics.rebuilds.Inc()
	l.health.rebuilds.Add(1)
}

// follow applies entries until something is amiss. It has caught up when it has applied goal.
func (l *Log[S]) follow(ctx context.Context, f *feed, goal uint64) (served bool, err error) {
	l.health.following(true, l.cfg.hooks.now())
	r := &l.reader
	for {
		// It has caught up with the goal; or, if it was in doubt there, an entry since then has settled that.
		if !served && l.seen.Load() >= goal || served && !r.live && !r.doubted() {
			if err := l.catchUp(); err != nil {
				return false, err
			}
			served = true
		}
		en, err := f.next(heartbeat)
		switch {
		case ctx.Err() != nil:
			return served, context.Cause(ctx)
		case errors.Is(err, nats.ErrTimeout):
		case err != nil:
			return served, err
		default:
			l.heardOf(f.seq + f.pending)
			if err := l.apply(en); err != nil {
				return served, err
			}
		}
		if r.doubted() && served && time.Now().After(r.retry) {
			return false, errDoubt
		}
	}
}

// catchUp takes up service, unless something is against it.
func (l *Log[S]) catchUp() error {
	r := &l.reader
	log := l.engine.Log()
	switch {
	case r.log == "":
		r.log = log
	case log != r.log:
		return fmt.Errorf("%w: its id is %q now, and was %q; restart to accept it", errOtherLog, log, r.log)
	}
	l.reconcile()
	if r.doubted() {
		r.postpone()
		l.metrics.contradicted.Set(1)
		l.health.troubled(StateContradicted)
		l.log.Error().Str("who", r.who()).Msg("others contradict this replica, and nobody agrees with it: it does not serve")
		return nil
	}
	r.live, r.past = true, nil
	r.retries = 0
	l.metrics.contradicted.Set(0)
	l.sayPresent() // before anything else of this writer, so that nobody counts it without its versions
	l.health.well()
	return nil
}

// reconcile settles a flight that the state has in it, though its entry was not read.
func (l *Log[S]) reconcile() {
	w := &l.writer
	w.mu.Lock()
	f, name := w.flight, w.name
	w.mu.Unlock()
	for _, m := range l.engine.Members() {
		if m.Writer != name {
			continue
		}
		if f != nil && m.Number >= f.number {
			w.settle(f, lost)
		}
		w.mu.Lock()
		w.number = max(w.number, m.Number)
		w.mu.Unlock()
	}
}
