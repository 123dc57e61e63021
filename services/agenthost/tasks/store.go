package tasks

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Bounds of what is kept.
const (
	MaxWaiting      = 2_000_000
	MaxWaitingBytes = 8 << 30
	MaxResultBytes  = 4 << 30
	ResultAge       = 7 * 24 * time.Hour
	MaxPartBytes    = 2 << 30
	MaxStateBytes   = 1 << 30
	StateAge        = 30 * 24 * time.Hour
)

// AckWait is the time after which a task whose host is silent is delivered again. A host says three times as often that it is
// still at work.
const AckWait = 10 * time.Second

// IdleQueue is the time after which the server forgets the place in the queue of a capability that no host has asked for tasks. The tasks
// stay, and the next host to serve the capability has them all.
const IdleQueue = 24 * time.Hour

// later takes the place of the priority while a task waits for its next attempt.
const later = "later"

// bounds are the constants above, which tests make small.
type bounds struct {
	waiting     uint64
	resultBytes int64
	ackWait     time.Duration
	recheck     time.Duration // the longest that a task which is aside is not looked at
	idleQueue   time.Duration
}

// Store is the tasks and outcomes of a namespace.
type Store struct {
	conn    *rpc.Conn
	ns      string
	tasks   string
	results string
	parts   string // what tasks say beside their outcomes
	state   string // what the next attempt at a task needs: checkpoints, questions and answers
	bounds  bounds
	stream  jetstream.Stream

	checked atomic.Int64 // when the stream's size was last looked at, in Unix milliseconds
	full    atomic.Bool
}

// Open creates what the store needs, trying until JetStream is ready or ctx ends.
func Open(ctx context.Context, conn *rpc.Conn) (*Store, error) {
	return open(ctx, conn, bounds{MaxWaiting, MaxResultBytes, AckWait, recheck, IdleQueue})
}

func open(ctx context.Context, conn *rpc.Conn, b bounds) (*Store, error) {
	s := &Store{
		conn: conn, ns: conn.Namespace, tasks: api.Bucket(conn.Namespace, "tasks"), results: api.Bucket(conn.Namespace, "results"),
		parts: api.Bucket(conn.Namespace, "parts"), state: api.Bucket(conn.Namespace, "task_state"), bounds: b,
	}
	for {
		stream, err := s.create(ctx)
		if err == nil {
			s.stream = stream
			return s, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("open the task streams: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *Store) create(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	stream, err := kv.Ensure(ctx, s.conn.JS, jetstream.StreamConfig{
		Name: s.tasks, Description: "Mabus: tasks without an outcome",
		Subjects: []string{s.ns + ".task.*.*.*", s.ns + ".deadline.*.*.*"}, Retention: jetstream.WorkQueuePolicy,
		MaxMsgsPerSubject: 1, AllowMsgSchedules: true, Replicas: s.conn.Replicas,
	})
	if err != nil {
		return nil, err
	}
	_, err = kv.Ensure(ctx, s.conn.JS, jetstream.StreamConfig{
		Name: s.results, Description: "Mabus: outcomes of tasks", Subjects: []string{s.ns + ".result.*.*"},
		MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
		MaxAge: ResultAge, MaxBytes: s.bounds.resultBytes, Replicas: s.conn.Replicas,
	})
	if err != nil {
		return nil, err
	}
	_, err = kv.Ensure(ctx, s.conn.JS, jetstream.StreamConfig{
		Name: s.parts, Description: "Mabus: what tasks say", Subjects: []string{api.PartsSubject(s.ns, "*")},
		MaxMsgsPerSubject: api.MaxTaskParts, MaxAge: ResultAge, MaxBytes: MaxPartBytes, Replicas: s.conn.Replicas,
	})
	if err != nil {
		return nil, err
	}
	_, err = kv.Ensure(ctx, s.conn.JS, jetstream.StreamConfig{
		Name: s.state, Description: "Mabus: checkpoints, questions and answers of tasks",
		Subjects:          []string{s.checkpointSubject("*"), s.questionsSubject("*")},
		MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, MaxAge: StateAge, MaxBytes: MaxStateBytes, Replicas: s.conn.Replicas,
	})
	return stream, err
}

// Outbox returns what tells of every outcome as an event; it has not been started.
func (s *Store) Outbox(log zerolog.Logger) *kv.Outbox {
	return kv.NewStreamOutbox(s.conn.JS, kv.StreamSource{
		Namespace: s.ns, Service: "agenthost", Thing: kv.LastToken("tasks"), Stream: s.results, Filter: s.ns + ".result.>",
	}, log)
}

// restore creates the streams again if that is why a write or a consumer was refused: somebody has removed them.
func (s *Store) restore(ctx context.Context, why error) {
	if errors.Is(why, jetstream.ErrStreamNotFound) || errors.Is(why, jetstream.ErrNoStreamResponse) {
		_, _ = s.create(ctx)
	}
}

// makeRoom lets the oldest tenth of the outcomes go when they take up all their room: a new outcome matters more.
func (s *Store) makeRoom(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	results, err := s.conn.JS.Stream(ctx, s.results)
	if err != nil {
		return fmt.Errorf("look at the outcomes: %w", err)
	}
	state := results.CachedInfo().State
	if state.Bytes < uint64(s.bounds.resultBytes)/10*9 {
		return nil // another host has just done it
	}
	if err := results.Purge(ctx, jetstream.WithPurgeSequence(state.FirstSeq+(state.LastSeq-state.FirstSeq)/10+1)); err != nil {
		return fmt.Errorf("remove the oldest outcomes: %w", err)
	}
	return nil
}

func (s *Store) taskSubject(t *api.Task) string {
	return api.TaskSubject(s.ns, t.Capability, t.Priority, t.ID)
}

func (s *Store) laterSubject(t *api.Task) string {
	return api.TaskSubject(s.ns, t.Capability, later, t.ID)
}
func (s *Store) anyTask(id string) string        { return s.ns + ".task.*.*." + id }
func (s *Store) anyResult(id string) string      { return s.ns + ".result.*." + id }
func (s *Store) readySubject(c string) string    { return s.ns + ".task_ready." + c }
func (s *Store) runningSubject(id string) string { return s.ns + ".running." + id }

// admit refuses when as many tasks wait as the store takes. It looks at the stream at most once a second.
func (s *Store) admit(ctx context.Context) error {
	now, last := time.Now().UnixMilli(), s.checked.Load()
	if now-last > 1000 && s.checked.CompareAndSwap(last, now) {
		info, err := s.stream.Info(ctx)
		if err != nil {
			s.checked.Store(last)
			return away("look at the task stream", err)
		}
		s.full.Store(info.State.Msgs >= s.bounds.waiting || info.State.Bytes >= MaxWaitingBytes)
	}
	if s.full.Load() {
		return api.Errorf(api.Overloaded, "%d tasks or %d bytes wait already: submit again when some have ended", s.bounds.waiting, int64(MaxWaitingBytes)).WithReason(api.ReasonServerFull)
	}
	return nil
}

// away is what a caller is told when the store cannot be reached.
func away(what string, err error) *api.Error {
	return api.Errorf(api.Unavailable, "%s: %v: try again", what, err).WithReason(api.ReasonDependencyDown)
}

// isWrongLast tells whether the server refused a write because something else stands on the subject, or, on a replicated
// stream, because another write was under way.
func isWrongLast(err error) bool {
	var e *jetstream.APIError
	return errors.As(err, &e) && (e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || e.ErrorCode == codeWrongLastR3)
}

// isNotStored tells whether the server refused an outcome: because there is one, or because its room is used up.
func isNotStored(err error) bool {
	var e *jetstream.APIError
	return errors.As(err, &e) && e.ErrorCode == codeStoreFailed
}

const (
	codeWrongLastR3 jetstream.ErrorCode = 10164
	codeStoreFailed jetstream.ErrorCode = 10077
)
