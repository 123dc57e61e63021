package economics

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	archiveBytes = 64 << 30  // of all that has ended, and of transcripts; the oldest go first
	archivePart  = 512 << 10 // bytes of one message
	partsHeader  = "Mabus-Parts"
	archiveTime  = 10 * time.Second // to store what one effect is about
)

// archive keeps entities that have ended, each under a subject of its own, and transcripts in pages. What is there is never changed:
// storing it again stores the same.
type archive struct {
	js      jetstream.JetStream
	stream  jetstream.Stream
	subject string
}

// openArchive creates the stream, if there is none. It is read from its leader, so that what was stored is seen.
func openArchive(ctx context.Context, conn *rpc.Conn, replicas int) (*archive, error) {
	a := &archive{js: conn.JS, subject: conn.Namespace + ".archive.economy."}
	cfg := jetstream.StreamConfig{
		Name: api.Bucket(conn.Namespace, "economics_archive"), Subjects: []string{a.subject + ">"}, Storage: jetstream.FileStorage, Replicas: replicas,
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

// recordSubject is where an entity is that has ended, pageSubject a page of its transcript, by the number of its first step.
func (a *archive) recordSubject(entity string) string {
	return a.subject + strings.ReplaceAll(entity, "/", ".") + ".r"
}

func (a *archive) pageSubject(entity string, from uint64) string {
	return a.subject + strings.ReplaceAll(entity, "/", ".") + ".p." + strconv.FormatUint(from, 10)
}

// put stores a value, in several messages when it is long.
func (a *archive) put(subject string, value any) ([]jetstream.PubAckFuture, error) {
	data, err := codec.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", subject, err)
	}
	parts := max((len(data)+archivePart-1)/archivePart, 1)
	stored := make([]jetstream.PubAckFuture, 0, parts)
	for i := parts - 1; i >= 0; i-- { // the first is the last, and tells how many there are
		msg := nats.NewMsg(subject)
		if i > 0 {
			msg.Subject += "." + strconv.Itoa(i)
		} else {
			msg.Header.Set(partsHeader, strconv.Itoa(parts))
		}
		msg.Data = data[i*archivePart : min((i+1)*archivePart, len(data))]
		f, err := a.js.PublishMsgAsync(msg)
		if err != nil {
			return stored, fmt.Errorf("archive %s: %w", subject, err)
		}
		stored = append(stored, f)
	}
	return stored, nil
}

// get reads a value, and tells whether there is one. One of which a part is gone is as gone as all of it soon will be.
func (a *archive) get(ctx context.Context, subject string, into any) (bool, error) {
	first, err := a.stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unreadable(err)
	}
	data := first.Data
	parts, _ := strconv.Atoi(first.Header.Get(partsHeader))
	for i := 1; i < parts; i++ {
		msg, err := a.stream.GetLastMsgForSubject(ctx, subject+"."+strconv.Itoa(i))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return false, nil
		}
		if err != nil {
			return false, unreadable(err)
		}
		data = append(data, msg.Data...)
	}
	if err := codec.Read(data, into); err != nil {
		return false, fmt.Errorf("read %s from the archive: %w", subject, err)
	}
	return true, nil
}

func (a *archive) has(ctx context.Context, entity string) (bool, error) {
	_, err := a.stream.GetLastMsgForSubject(ctx, a.recordSubject(entity))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unreadable(err)
	}
	return true, nil
}

func unreadable(err error) error {
	return api.Errorf(api.Unavailable, "the archive cannot be read now, try again: %v", err).WithReason(api.ReasonDependencyDown)
}

// archived reads an entity that has ended, and tells whether the archive has it.
func (e *economy) archived(ctx context.Context, entity string, into any) (found bool, err error) {
	return e.archive.get(ctx, e.archive.recordSubject(entity), into)
}

// steps returns steps of a transcript after one, in their order: from the archive, and then from the log of the entity, which is nil when
// that has ended and was dropped. What the log says must have been copied under the lock of the state.
func (e *economy) steps(ctx context.Context, entity string, l *transcript.Log, after uint64, limit int) ([]api.TranscriptStep, error) {
	var all []api.TranscriptStep
	for len(all) < limit {
		from := after + uint64(len(all)) + 1
		if l != nil && from > l.Archived {
			return append(all, l.Steps(from, limit-len(all))...), nil
		}
		start := (from-1)/transcript.Page*transcript.Page + 1
		var steps []api.TranscriptStep
		found, err := e.archive.get(ctx, e.archive.pageSubject(entity, start), &steps)
		if err != nil || !found || uint64(len(steps)) <= from-start {
			return all, err
		}
		steps = steps[from-start:]
		all = append(all, steps[:min(len(steps), limit-len(all))]...)
	}
	return all, nil
}

// runPage archives a page of a transcript that is full.
func (e *economy) runPage(ctx context.Context, f engine.Effect) ([]byte, error) {
	var p act.Page
	if err := codec.Read(f.Body, &p); err != nil {
		return nil, err
	}
	var steps []api.TranscriptStep
	if _, err := e.log.Read(ctx, "", func(s *realm.State, _ uint64, _ time.Time) {
		if l := realm.Log(s, p.Entity); l != nil {
			steps = append(steps, l.Steps(p.From, transcript.Page)...)
		}
	}); err != nil {
		return nil, err
	}
	if len(steps) < transcript.Page { // it is archived already, or the entity is
		return []byte("{}"), nil
	}
	return e.store(ctx, func() ([]jetstream.PubAckFuture, error) {
		return e.archive.put(e.archive.pageSubject(p.Entity, p.From), steps)
	})
}

// runSave archives an entity that has ended, after the rest of its transcript.
func (e *economy) runSave(ctx context.Context, f engine.Effect) ([]byte, error) {
	var what act.Save
	if err := codec.Read(f.Body, &what); err != nil {
		return nil, err
	}
	var record []byte
	var steps []api.TranscriptStep
	from := uint64(0)
	var failed error
	if _, err := e.log.Read(ctx, "", func(s *realm.State, _ uint64, _ time.Time) {
		if r := realm.Record(s, what.Entity); r != nil {
			record, failed = codec.Marshal(r)
		}
		if l := realm.Log(s, what.Entity); l != nil {
			from = l.Archived + 1
			steps = append(steps, l.Steps(from, len(l.Recent))...)
		}
	}); err != nil {
		return nil, err
	}
	if record == nil || failed != nil { // another replica has done it
		return []byte("{}"), failed
	}
	return e.store(ctx, func() ([]jetstream.PubAckFuture, error) {
		var stored []jetstream.PubAckFuture
		for len(steps) > 0 {
			n := min(len(steps), transcript.Page)
			some, err := e.archive.put(e.archive.pageSubject(what.Entity, from), steps[:n])
			if err != nil {
				return nil, err
			}
			stored = append(stored, some...)
			steps, from = steps[n:], from+uint64(n)
		}
		last, err := e.archive.put(e.archive.recordSubject(what.Entity), raw(record))
		return append(stored, last...), err
	})
}

// raw is JSON that is written already.
type raw []byte

// MarshalJSON implements json.Marshaler.
func (r raw) MarshalJSON() ([]byte, error) { return r, nil }

// store waits until all is stored.
func (e *economy) store(ctx context.Context, put func() ([]jetstream.PubAckFuture, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, archiveTime)
	defer cancel()
	stored, err := put()
	if err != nil {
		return nil, err
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
