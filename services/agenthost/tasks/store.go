package tasks

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Bounds of what is kept.
const (
	MaxWaiting      = 2_000_000
	MaxWaitingBytes = 8 << 30
	MaxResultBytes  = 4 << 30
	ResultAge       = 7 * 24 * time.Hour
)

// Timing of deliveries.
const (
	AckWait   = 10 * time.Second // after which a task whose host is silent is delivered again
	heartbeat = 3 * time.Second  // how often a host says that it is still at work
)

const (
	later      = "later"      // takes the place of the priority while a task waits for its next attempt
	headerHash = "Mabus-Hash" // of the specification, to tell a repetition from another task of the same id
)

// Store is the tasks and outcomes of a namespace.
type Store struct {
	conn    *rpc.Conn
	ns      string
	tasks   string
	results string
	stream  jetstream.Stream

	checked atomic.Int64 // when the stream's size was last looked at, in Unix milliseconds
	full    atomic.Bool
}

// Open creates what the store needs, trying until JetStream is ready or ctx ends.
func Open(ctx context.Context, conn *rpc.Conn) (*Store, error) {
	s := &Store{conn: conn, ns: conn.Namespace, tasks: api.Bucket(conn.Namespace, "tasks"), results: api.Bucket(conn.Namespace, "results")}
	for {
		err := s.create(ctx)
		if err == nil {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("open the task streams: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *Store) create(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	stream, err := s.conn.JS.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: s.tasks, Description: "Mabus: tasks without an outcome",
		Subjects: []string{s.ns + ".task.*.*.*", s.ns + ".deadline.*.*"}, Retention: jetstream.WorkQueuePolicy,
		MaxMsgsPerSubject: 1, AllowMsgSchedules: true, Replicas: s.conn.Replicas,
	})
	if err != nil {
		return err
	}
	s.stream = stream
	_, err = s.conn.JS.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: s.results, Description: "Mabus: outcomes of tasks", Subjects: []string{s.ns + ".result.*.*"},
		MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
		MaxAge: ResultAge, MaxBytes: MaxResultBytes, Replicas: s.conn.Replicas,
	})
	return err
}

func (s *Store) taskSubject(t *api.Task) string {
	return api.TaskSubject(s.ns, t.Capability, t.Priority, t.ID)
}

func (s *Store) laterSubject(t *api.Task) string {
	return api.TaskSubject(s.ns, t.Capability, later, t.ID)
}
func (s *Store) anyTask(id string) string       { return s.ns + ".task.*.*." + id }
func (s *Store) anyResult(id string) string     { return s.ns + ".result.*." + id }
func (s *Store) readySubject(cap string) string { return s.ns + ".task_ready." + cap }
func (s *Store) runningSubject(id string) string {
	return s.ns + ".running." + id
}

// stored is a message as it stands in a stream.
type stored struct {
	Subject string      `json:"subject"`
	Seq     uint64      `json:"seq"`
	Data    []byte      `json:"data"`
	Hdrs    []byte      `json:"hdrs"`
	Time    time.Time   `json:"time"`
	header  nats.Header `json:"-"`
}

// read returns a message from the stream's leader, which is never behind; nil if there is none.
func (s *Store) read(ctx context.Context, stream string, query map[string]any) (*stored, error) {
	body, err := codec.Marshal(query)
	if err != nil {
		return nil, err
	}
	msg, err := s.conn.NC.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, body)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", stream, err)
	}
	var resp struct {
		Message *stored             `json:"message"`
		Error   *jetstream.APIError `json:"error"`
	}
	if err := codec.Read(msg.Data, &resp); err != nil {
		return nil, fmt.Errorf("read %s: %w", stream, err)
	}
	switch {
	case resp.Error != nil && resp.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return nil, nil
	case resp.Error != nil:
		return nil, fmt.Errorf("read %s: %w", stream, resp.Error)
	case resp.Message == nil:
		return nil, fmt.Errorf("read %s: an answer without a message", stream)
	}
	if len(resp.Message.Hdrs) > 0 {
		if resp.Message.header, err = nats.DecodeHeadersMsg(resp.Message.Hdrs); err != nil {
			return nil, fmt.Errorf("read %s: %w", stream, err)
		}
	}
	return resp.Message, nil
}

// decode reads a task from a stored message, with its body from the object store when it is there.
func (s *Store) decode(ctx context.Context, header nats.Header, data []byte) (*api.Task, error) {
	body, err := s.conn.Body(ctx, header, data)
	if err != nil {
		return nil, err
	}
	t := new(api.Task)
	if err := codec.Read(body, t); err != nil {
		return nil, fmt.Errorf("%w: %w", errJunk, err)
	}
	if t.ID == "" || t.Capability == "" {
		return nil, fmt.Errorf("%w: no id or no capability", errJunk)
	}
	return t, nil
}

// errJunk says that what is stored is no task.
var errJunk = errors.New("not a task")

// message returns a task as a message for the subject.
func (s *Store) message(ctx context.Context, subject, hash string, t *api.Task) (msg *nats.Msg, drop func(), err error) {
	body, err := codec.Marshal(t)
	if err != nil {
		return nil, nil, err
	}
	msg = nats.NewMsg(subject)
	if hash != "" {
		msg.Header.Set(headerHash, hash)
	}
	drop, err = s.conn.Pack(ctx, msg, body)
	return msg, drop, err
}

// outcome returns the outcome of a task, with its hash; nil if it has none.
func (s *Store) outcome(ctx context.Context, id string) (*api.Task, string, error) {
	return s.last(ctx, s.results, s.anyResult(id))
}

// waiting returns a task that has no outcome, with its hash; nil if there is none.
func (s *Store) waiting(ctx context.Context, id string) (*api.Task, string, error) {
	return s.last(ctx, s.tasks, s.anyTask(id))
}

func (s *Store) last(ctx context.Context, stream, subject string) (*api.Task, string, error) {
	m, err := s.read(ctx, stream, map[string]any{"last_by_subj": subject})
	if m == nil || err != nil {
		return nil, "", err
	}
	t, err := s.decode(ctx, m.header, m.Data)
	return t, m.header.Get(headerHash), err
}

// isWrongLast tells whether the server refused a write because something stands on the subject already.
func isWrongLast(err error) bool {
	var e *jetstream.APIError
	return errors.As(err, &e) && (e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || e.ErrorCode == codeWrongLastR3)
}

// isTaken tells whether the server refused an outcome because there is one.
func isTaken(err error) bool {
	var e *jetstream.APIError
	return errors.As(err, &e) && e.ErrorCode == codeMaxMsgsPerSubject
}

const (
	codeWrongLastR3       jetstream.ErrorCode = 10164 // a lost race as a replicated stream reports it
	codeMaxMsgsPerSubject jetstream.ErrorCode = 10077
)
