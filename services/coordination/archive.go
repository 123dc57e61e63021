package coordination

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/services/coordination/realm"
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	archiveBytes = 8 << 30   // of all ended sessions; the oldest go first
	archivePart  = 512 << 10 // bytes of one message of a session
	partsHeader  = "Mabus-Parts"
	archiveTime  = 10 * time.Second // to store the sessions of one effect
	openTime     = 5 * time.Second  // of one try to create the stream
)

// archive keeps the sessions that have ended, each under a subject of its own, in one message or, when it is long, in several. What is
// there is never changed: storing a session again stores the same.
type archive struct {
	js      jetstream.JetStream
	stream  jetstream.Stream
	subject string
}

// openArchive creates the stream, if there is none. It is read from its leader, so that what was stored is seen.
func openArchive(ctx context.Context, conn *rpc.Conn, replicas int) (*archive, error) {
	a := &archive{js: conn.JS, subject: conn.Namespace + ".archive.session."}
	cfg := jetstream.StreamConfig{
		Name: api.Bucket(conn.Namespace, "archive"), Subjects: []string{a.subject + ">"}, Storage: jetstream.FileStorage, Replicas: replicas,
		MaxMsgsPerSubject: 1, MaxBytes: archiveBytes, Discard: jetstream.DiscardOld, DenyDelete: true, Compression: jetstream.S2Compression,
	}
	for {
		try, cancel := context.WithTimeout(ctx, openTime)
		stream, err := conn.JS.CreateOrUpdateStream(try, cfg)
		cancel()
		if err == nil {
			a.stream = stream
			return a, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(retryEvery):
		}
	}
}

// put stores a session.
func (a *archive) put(r *session.Record) ([]jetstream.PubAckFuture, error) {
	data, err := codec.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write session %s: %w", r.Session.ID, err)
	}
	parts := max((len(data)+archivePart-1)/archivePart, 1)
	stored := make([]jetstream.PubAckFuture, 0, parts)
	for i := parts - 1; i >= 0; i-- { // the first is the last, and tells how many there are
		msg := nats.NewMsg(a.subject + r.Session.ID)
		if i > 0 {
			msg.Subject += "." + strconv.Itoa(i)
		} else {
			msg.Header.Set(partsHeader, strconv.Itoa(parts))
		}
		msg.Data = data[i*archivePart : min((i+1)*archivePart, len(data))]
		f, err := a.js.PublishMsgAsync(msg)
		if err != nil {
			return stored, fmt.Errorf("archive session %s: %w", r.Session.ID, err)
		}
		stored = append(stored, f)
	}
	return stored, nil
}

// get returns an archived session, or nil.
func (a *archive) get(ctx context.Context, id string) (*session.Record, error) {
	msg, err := a.stream.GetLastMsgForSubject(ctx, a.subject+id)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	if err != nil {
		return nil, unreadable(err)
	}
	return a.record(ctx, msg)
}

// record puts a session together from its first message. It is nil when a part is gone: the oldest messages go first, and of a session
// the first message is the last that was stored.
func (a *archive) record(ctx context.Context, first *jetstream.RawStreamMsg) (*session.Record, error) {
	data := first.Data
	parts, _ := strconv.Atoi(first.Header.Get(partsHeader))
	for i := 1; i < parts; i++ {
		msg, err := a.stream.GetLastMsgForSubject(ctx, first.Subject+"."+strconv.Itoa(i))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil, nil //nolint:nilnil // it is as gone as all of it soon will be
		}
		if err != nil {
			return nil, unreadable(err)
		}
		data = append(data, msg.Data...)
	}
	r := new(session.Record)
	if err := codec.Read(data, r); err != nil {
		return nil, fmt.Errorf("read %s from the archive: %w", first.Subject, err)
	}
	return r, nil
}

// before returns sessions that are older than the given message, the latest first, and the message to go on from, or 0 at the end.
// It looks at no more than a bounded number of messages and bytes.
func (a *archive) before(ctx context.Context, seq uint64, limit int, keep func(*session.Record) bool) (found []*session.Record, next uint64, err error) {
	info, err := a.stream.Info(ctx)
	if err != nil {
		return nil, 0, unreadable(err)
	}
	if seq == 0 || seq > info.State.LastSeq {
		seq = info.State.LastSeq + 1
	}
	for looked, n := 0, 0; n < archiveLook && looked < archiveLookBytes; n++ {
		if seq--; seq < max(info.State.FirstSeq, 1) {
			return found, 0, nil
		}
		msg, err := a.stream.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, 0, unreadable(err)
		}
		looked += len(msg.Data)
		if strings.Contains(strings.TrimPrefix(msg.Subject, a.subject), ".") {
			continue // a further part
		}
		r, err := a.record(ctx, msg)
		if err != nil {
			return nil, 0, err
		}
		if r != nil && keep(r) {
			if found = append(found, r); len(found) == limit {
				return found, seq, nil
			}
		}
	}
	return found, seq, nil
}

const (
	archiveLook      = 2000     // messages that one page looks at
	archiveLookBytes = 16 << 20 // of them
)

func unreadable(err error) error {
	return api.Errorf(api.Unavailable, "the archive of sessions cannot be read now, try again: %v", err).WithReason(api.ReasonDependencyDown)
}

// runSave archives the sessions of an effect. Some may be stored already, or be dropped: another replica has run it then.
func (c *council) runSave(ctx context.Context, e engine.Effect) ([]byte, error) {
	var what session.Archiving
	if err := codec.Read(e.Body, &what); err != nil {
		return nil, err
	}
	records := make([]*session.Record, 0, len(what.Sessions))
	if _, err := c.log.Read(ctx, "", func(s *realm.State, _ uint64, _ time.Time) {
		for _, id := range what.Sessions {
			if r := s.Sessions.Sessions[id]; r != nil {
				records = append(records, r)
			}
		}
	}); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, archiveTime)
	defer cancel()
	var stored []jetstream.PubAckFuture
	for _, r := range records {
		some, err := c.archive.put(r)
		if err != nil {
			return nil, err
		}
		stored = append(stored, some...)
	}
	for _, f := range stored {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			return nil, fmt.Errorf("archive: %w", err)
		case <-ctx.Done():
			return nil, fmt.Errorf("archive: %w", ctx.Err())
		}
	}
	return []byte("{}"), nil
}
