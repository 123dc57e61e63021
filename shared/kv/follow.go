package kv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/codec"
)

// heartbeat is how often the server shows that a consumer of an idle bucket is alive; two missing ones end a session.
const heartbeat = time.Second

var (
	errBehind   = errors.New("the consumer does not deliver what the leader has")
	errWentBack = errors.New("the stream's sequence went back")
	errGap      = errors.New("the consumer skipped a message")
)

// watchConnection ends the session whenever the connection changes: what was missed meanwhile is found by a resync.
func (m *Mirror[T]) watchConnection(status chan nats.Status) {
	for s := range status {
		m.interrupted()
		if s == nats.CONNECTED {
			select {
			case m.connected <- struct{}{}:
			default:
			}
		}
		if end := m.session.Load(); end != nil {
			(*end)()
		}
	}
}

func (m *Mirror[T]) interrupted() {
	m.epoch.Add(1)
	m.synced.Store(false)
}

// run keeps one session with the store going: a full load, then every change.
func (m *Mirror[T]) run(ctx context.Context) {
	for try := 0; ctx.Err() == nil; try++ {
		session, end := context.WithCancel(ctx)
		m.session.Store(&end)
		if !m.bucket.nc.IsConnected() {
			select {
			case <-m.connected:
			case <-time.After(heartbeat):
			case <-ctx.Done():
			}
			end()
			continue
		}
		loaded, err := m.follow(session)
		end()
		if ctx.Err() != nil {
			return
		}
		m.interrupted()
		if loaded {
			try = 0
		}
		m.opts.Log.Debug().Err(err).Str("bucket", m.bucket.name).Msg("mirror resyncs")
		_ = pause(ctx, min(try+3, 10))
	}
}

// follow is one session. loaded says whether the first part, the full load, succeeded.
func (m *Mirror[T]) follow(ctx context.Context) (loaded bool, err error) {
	setup, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	info, err := m.bucket.refresh(setup)
	if err != nil {
		return false, fmt.Errorf("look up stream: %w", err)
	}
	cons, err := m.bucket.js.CreateConsumer(setup, m.bucket.stream, m.bucket.lastOfEach(m.opts.Filter, false))
	if err != nil {
		return false, fmt.Errorf("create consumer: %w", err)
	}
	defer m.bucket.dropConsumer(cons.CachedInfo().Name)
	f, err := m.open(ctx, cons)
	if err != nil {
		return false, fmt.Errorf("consume: %w", err)
	}
	defer f.stop()
	defer context.AfterFunc(ctx, f.stop)()
	s := &session[T]{m: m, feed: f, ctx: ctx, floor: info.State.FirstSeq}
	if err := s.load(cons.CachedInfo().NumPending, info.Created.UnixNano()); err != nil {
		return false, err
	}
	return true, s.live()
}

// session is the state of one consumer.
type session[T any] struct {
	m       *Mirror[T]
	feed    feed
	ctx     context.Context
	next    uint64 // consumer sequence of the message before
	last    uint64 // stream sequence of the message before
	floor   uint64 // first sequence that the stream had
	probed  time.Time
	stalled int // probes in a row that saw the leader ahead and nothing arriving
	at      uint64
	goal    uint64 // what the leader had at the probe of asked, and has not come yet; 0 for nothing
	asked   time.Time
}

// receive returns the next message, checked to be the one that follows the last. It returns nats.ErrTimeout if none comes
// until the next probe is due.
func (s *session[T]) receive() (delivery, error) {
	d, err := s.feed.next(s.m.opts.Probe)
	switch {
	case err != nil:
		return d, err
	case d.consumer != s.next+1:
		return d, errGap
	case d.stream <= s.last:
		return d, errWentBack
	}
	s.next, s.last = d.consumer, d.stream
	return d, nil
}

// load builds a new map, puts it in the place of the old one and tells the differences.
func (s *session[T]) load(pending uint64, created int64) error {
	m := s.m
	room := pending
	if m.opts.Keep != nil {
		room = 0 // how many of them will be kept is not known
	}
	fresh := make(map[string]entry[T], room)
	for pending > 0 {
		d, err := s.receive()
		if errors.Is(err, nats.ErrTimeout) {
			// Keys that were removed meanwhile never come.
			if last, err := m.last(s.ctx); err != nil || last > s.last {
				return errors.Join(errBehind, err)
			}
			break
		}
		if err != nil {
			return err
		}
		pending = d.pending
		key, e, ok := m.decode(d, created == m.created)
		if ok {
			fresh[strings.Clone(key)] = e // or it would hold the subject
		} else {
			delete(fresh, key)
		}
	}
	if created == m.created {
		if err := s.keepOvertaken(fresh); err != nil {
			return err
		}
	}
	m.mu.Lock()
	old := m.data
	m.data = fresh
	m.mu.Unlock()
	m.created = created
	for _, c := range differences(old, fresh, s.last) {
		m.opts.OnChange(c)
	}
	m.advance(max(s.last, s.floor-min(s.floor, 1))) // all below the first sequence is gone
	if err := s.probe(); err != nil {
		return err
	}
	m.synced.Store(s.ctx.Err() == nil)
	select {
	case <-m.ready:
	default:
		close(m.ready)
	}
	return nil
}

// keepOvertaken keeps what the load missed because it was written anew meanwhile: its old message is gone and its new one is
// yet to come. That a key did not come is no proof that it is gone; the leader's word is.
func (s *session[T]) keepOvertaken(fresh map[string]entry[T]) error {
	m := s.m
	for key, e := range m.data { // only this goroutine writes it
		if _, ok := fresh[key]; ok {
			continue
		}
		now, err := m.bucket.Get(s.ctx, key)
		if err != nil {
			return err
		}
		if now.Exists() && now.Revision > s.last {
			fresh[key] = e
		}
	}
	return nil
}

func differences[T any](old, fresh map[string]entry[T], last uint64) []Change[T] {
	var changes []Change[T]
	for k, e := range fresh {
		if o := old[k]; o.value != e.value {
			changes = append(changes, Change[T]{Key: k, Old: o.value, New: e.value, Revision: e.revision()})
		}
	}
	for k, o := range old {
		if _, ok := fresh[k]; !ok {
			changes = append(changes, Change[T]{Key: k, Old: o.value, Revision: last})
		}
	}
	slices.SortFunc(changes, func(a, b Change[T]) int {
		if a.Revision != b.Revision {
			if a.Revision < b.Revision {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Key, b.Key)
	})
	return changes
}

// live applies changes until the session ends.
func (s *session[T]) live() error {
	for {
		d, err := s.receive()
		switch {
		case err == nil:
			s.m.apply(d)
			if s.goal > 0 && s.last >= s.goal {
				s.goal = 0
				s.current(s.asked)
			}
		case !errors.Is(err, nats.ErrTimeout):
			return err
		}
		if time.Since(s.probed) >= s.m.opts.Probe {
			if err := s.probe(); err != nil {
				return err
			}
		}
	}
}

func (m *Mirror[T]) apply(d delivery) {
	key, e, ok := m.decode(d, false)
	m.mu.Lock()
	old := m.data[key]
	if ok {
		if old.value == nil {
			key = strings.Clone(key)
		}
		m.data[key] = e
	} else {
		delete(m.data, key)
	}
	m.mu.Unlock()
	if old.value != nil || ok {
		m.opts.OnChange(Change[T]{Key: key, Old: old.value, New: e.value, Revision: d.stream})
	}
	m.advance(d.stream)
}

// decode reads a message. ok is false for a deletion, for junk and for what is not to be kept. A record that the mirror holds
// already is not decoded again if reuse is set.
func (m *Mirror[T]) decode(d delivery, reuse bool) (key string, e entry[T], ok bool) {
	key = strings.TrimPrefix(d.subject, m.bucket.prefix)
	if deletion(d.header) {
		return key, e, false
	}
	e.rev = d.stream
	if d.header.Get(headerRequest) != "" {
		e.rev |= tag
	}
	if reuse {
		if have, found := m.entry(key); found && have.rev == e.rev {
			return key, have, true
		}
	}
	v := new(T)
	if err := codec.Read(d.data, v); err != nil {
		m.junk.Add(1)
		m.opts.Log.Warn().Err(err).Str("bucket", m.bucket.name).Str("key", key).Uint64("revision", d.stream).Msg("mirror skips a value that it cannot read")
		return key, entry[T]{}, false
	}
	if m.opts.Keep != nil && !m.opts.Keep(v) {
		return key, entry[T]{}, false
	}
	if m.opts.Share != nil {
		m.opts.Share(v)
	}
	e.value = v
	return key, e, true
}

// probe asks the leader for the newest revision. Only this proves that the copy is current.
func (s *session[T]) probe() error {
	m := s.m
	s.probed = time.Now()
	last, err := m.last(s.ctx)
	if err != nil {
		m.epoch.Add(1) // the store does not answer; nobody can write now
		return nil
	}
	switch {
	case last < s.last:
		return errWentBack
	case last == s.last:
		s.stalled = 0
		s.goal = 0
		s.current(s.probed)
	case s.at != s.last:
		s.stalled = 0
	default:
		if s.stalled++; s.stalled >= 3 {
			return errBehind
		}
	}
	s.at = s.last
	if s.goal == 0 && last > s.last {
		s.goal, s.asked = last, s.probed
	}
	return nil
}

// current says that the copy has all that the leader had then.
func (s *session[T]) current(then time.Time) { s.m.current.Store(int64(then.Sub(s.m.began))) }

// last returns the newest revision of the mirrored keys that the leader has.
func (m *Mirror[T]) last(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, min(tryTimeout, max(m.opts.Probe, 250*time.Millisecond)))
	defer cancel()
	e, err := m.bucket.readOnce(ctx, "", getRequest{Last: m.bucket.prefix + m.opts.Filter})
	return e.Revision, err
}
