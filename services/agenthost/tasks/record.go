package tasks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Headers of a stored task. What changes from attempt to attempt stands in headers, so that the body, which may be in the
// object store, is written once and belongs to the task until it has its outcome.
const (
	headerHash     = "Mabus-Hash"       // of the specification, to tell a repetition from another task of the same id
	headerNamed    = "Mabus-Named"      // present if the submitter chose the id, so that the task may have been submitted, and done, before
	headerAttempts = "Mabus-Attempts"   // begun before this message was written
	headerError    = "Mabus-Last-Error" // of the last attempt
	headerUsed     = "Mabus-Used"       // what the attempts before have cost
)

// How long the store may take before it counts as away.
const (
	readTimeout    = 5 * time.Second
	publishTimeout = 5 * time.Second
	bodyTimeout    = time.Minute // for a body in the object store
)

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
	p, err := s.look(stream, query)
	if err != nil {
		return nil, err
	}
	return s.seen(ctx, stream, p)
}

// look asks for a message, and seen takes the answer.
func (s *Store) look(stream string, query map[string]any) (rpc.Pending, error) {
	body, err := codec.Marshal(query)
	if err != nil {
		return rpc.Pending{}, err
	}
	p, err := s.conn.BeginStore(&nats.Msg{Subject: "$JS.API.STREAM.MSG.GET." + stream, Data: body})
	if err != nil {
		return p, away("read "+stream, err)
	}
	return p, nil
}

func (s *Store) seen(ctx context.Context, stream string, p rpc.Pending) (*stored, error) {
	msg, err := p.Wait(ctx, readTimeout) // an answer that is lost with the connection never comes
	if err != nil {
		return nil, away("read "+stream, err)
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
		return nil, away("read "+stream, resp.Error)
	case resp.Message == nil:
		return nil, fmt.Errorf("read %s: an answer without a message", stream)
	}
	if len(resp.Message.Hdrs) > 0 {
		if resp.Message.header, err = nats.DecodeHeadersMsg(resp.Message.Hdrs); err != nil {
			return resp.Message, fmt.Errorf("%w: %w", errJunk, err)
		}
	}
	return resp.Message, nil
}

// publish stores a message. Without an answer in time nobody knows whether it is stored.
func (s *Store) publish(ctx context.Context, msg *nats.Msg) error {
	p, err := s.conn.BeginStore(msg)
	if err != nil {
		return err
	}
	return confirmed(ctx, p)
}

// confirmed waits until the stream has taken a message. The client library's publish does the same with more ado, and takes
// a tenth of the time of a small task.
func confirmed(ctx context.Context, p rpc.Pending) error {
	msg, err := p.Wait(ctx, publishTimeout)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return jetstream.ErrNoStreamResponse
	case err != nil:
		return err
	case bytes.HasPrefix(msg.Data, []byte(`{"stream":`)): // an error comes first in its answer
		return nil
	}
	_, err = acknowledged(msg)
	return err
}

// sequence stores a message and returns where it stands.
func (s *Store) sequence(ctx context.Context, msg *nats.Msg) (uint64, error) {
	p, err := s.conn.BeginStore(msg)
	if err != nil {
		return 0, err
	}
	answer, err := p.Wait(ctx, publishTimeout)
	if errors.Is(err, nats.ErrNoResponders) {
		return 0, jetstream.ErrNoStreamResponse
	}
	if err != nil {
		return 0, err
	}
	return acknowledged(answer)
}

func acknowledged(msg *nats.Msg) (uint64, error) {
	var ack struct {
		Seq   uint64              `json:"seq"`
		Error *jetstream.APIError `json:"error"`
	}
	if err := codec.Read(msg.Data, &ack); err != nil {
		return 0, fmt.Errorf("the stream's confirmation is not readable: %w", err)
	}
	if ack.Error != nil {
		return 0, ack.Error
	}
	return ack.Seq, nil
}

// record is a task as it is stored.
type record struct {
	task *api.Task
	hash string
	ref  string // of the body, when it is in the object store
}

// outcome returns the outcome of a task; nil if it has none.
func (s *Store) outcome(ctx context.Context, id string) (*record, error) {
	return s.last(ctx, s.results, s.anyResult(id))
}

// waiting returns a task that stands in the queue; nil if there is none. A body that cannot be read, now or ever, is an
// error, and what the subject tells of the task is returned all the same.
func (s *Store) waiting(ctx context.Context, id string) (*record, error) {
	return s.last(ctx, s.tasks, s.anyTask(id))
}

func (s *Store) last(ctx context.Context, stream, subject string) (*record, error) {
	m, err := s.read(ctx, stream, map[string]any{"last_by_subj": subject})
	switch {
	case m == nil:
		return nil, err
	case err != nil:
		return &record{task: bare(m.Subject)}, err
	}
	return s.record(ctx, m)
}

func (s *Store) record(ctx context.Context, m *stored) (r *record, err error) {
	r = &record{hash: m.header.Get(headerHash), ref: m.header.Get(api.HeaderBlob)}
	if r.task, err = s.decode(ctx, m.Subject, m.header, m.Data); err != nil {
		r.task = bare(m.Subject)
	}
	return r, err
}

// decode reads a task from a stored message, with its body from the object store when it is there.
func (s *Store) decode(ctx context.Context, subject string, header nats.Header, data []byte) (*api.Task, error) {
	if header.Get(api.HeaderBlob) != "" {
		ctx, cancel := context.WithTimeout(ctx, bodyTimeout)
		defer cancel()
		var err error
		if data, err = s.conn.Body(ctx, header, data); err != nil {
			return nil, err
		}
	}
	return s.parse(subject, header, data)
}

// parse reads a task from its body, or from the summary of a large one. The subject has to fit: it says which task it is.
func (s *Store) parse(subject string, header nats.Header, body []byte) (*api.Task, error) {
	t := new(api.Task)
	if err := codec.Read(body, t); err != nil {
		return nil, fmt.Errorf("%w: %w", errJunk, err)
	}
	if err := t.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", errJunk, err)
	}
	if subject != s.taskSubject(t) && subject != s.laterSubject(t) && subject != api.ResultSubject(s.ns, t.Job, t.ID) {
		return nil, fmt.Errorf("%w: it is task %q, of capability %q", errJunk, t.ID, t.Capability)
	}
	if n, err := strconv.Atoi(header.Get(headerAttempts)); err == nil && n > 0 && n <= api.MaxAttempts {
		t.Attempt = n
	}
	if text := header.Get(headerError); text != "" {
		e := new(api.Error)
		if codec.Read([]byte(text), e) == nil {
			t.Error = e
		}
	}
	if text := header.Get(headerUsed); text != "" {
		u := new(api.Usage)
		if codec.Read([]byte(text), u) == nil && u.Validate() == nil {
			t.Usage = u
		}
	}
	if !t.Status.Ended() {
		t.Status = statusOf(subject, header)
	}
	return t, nil
}

// errJunk says that what is stored is no task.
var errJunk = errors.New("not a task")

// unreadable tells whether an error of decode is a verdict on what is stored, not trouble on the way to it.
func unreadable(err error) bool { return errors.Is(err, errJunk) || api.CodeOf(err) == api.Invalid }

// bare is what the subject of a stored task tells of it: <namespace>.task.<capability>.<priority>.<id>.
func bare(subject string) *api.Task {
	t := &api.Task{Status: api.TaskQueued}
	if tokens := strings.Split(subject, "."); len(tokens) == 5 {
		t.Capability, t.Priority, t.ID = tokens[2], api.Priority(tokens[3]), tokens[4]
	}
	return t
}

// message returns a task as a message for the subject. A large body goes into the object store, from where drop removes it,
// and a summary stays.
func (s *Store) message(ctx context.Context, subject, hash string, t *api.Task) (msg *nats.Msg, drop func(), err error) {
	body, err := codec.Marshal(t)
	if err != nil {
		return nil, nil, api.Errorf(api.Invalid, "the task cannot be written as JSON: %v", err)
	}
	msg = nats.NewMsg(subject)
	if hash != "" {
		msg.Header.Set(headerHash, hash)
	}
	if drop, err = s.conn.Pack(ctx, msg, body); err != nil || msg.Data != nil {
		return msg, drop, err
	}
	summary := *t
	summary.Payload, summary.Result = nil, nil
	msg.Data, err = codec.Marshal(&summary)
	return msg, drop, err
}

// forget removes a body that nobody needs any more; what is left in trouble goes by its age.
func (s *Store) forget(ctx context.Context, ref string) {
	if ref != "" {
		ctx, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		_ = s.conn.Blobs.Delete(ctx, ref)
	}
}
