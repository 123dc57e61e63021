package economics

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/archive"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

const archiveBytes = 64 << 30 // of all that has ended, and of transcripts; the oldest go first

// shelves keep entities that have ended, and transcripts in pages.
type shelves struct {
	*archive.Archive
	subject string
}

func openArchive(ctx context.Context, conn *rpc.Conn, replicas int) (*shelves, error) {
	subject := conn.Namespace + ".archive.economy."
	all, err := archive.Open(ctx, conn, "economics_archive", subject, replicas, archiveBytes)
	return &shelves{all, subject}, err
}

// outbox returns what tells of every entity that has ended as an event, mabus.<noun>.ended; it has not been started.
func (a *shelves) outbox(conn *rpc.Conn, log zerolog.Logger) *kv.Outbox {
	return kv.NewStreamOutbox(conn.JS, kv.StreamSource{
		Namespace: conn.Namespace, Service: "economics", Thing: a.thing, Once: true,
		Stream: api.Bucket(conn.Namespace, "economics_archive"), Filter: a.subject + "*.*.r",
	}, log)
}

// thing tells what a recordSubject is about.
func (a *shelves) thing(recordSubject string) (noun, id string) {
	domain, rest, _ := strings.Cut(strings.TrimPrefix(recordSubject, a.subject), ".")
	return domain + "s", strings.TrimSuffix(rest, ".r")
}

// recordSubject is where an entity is that has ended, pageSubject a page of its transcript, by the number of its first step.
func (a *shelves) recordSubject(entity string) string {
	return a.subject + strings.ReplaceAll(entity, "/", ".") + ".r"
}

func (a *shelves) pageSubject(entity string, from uint64) string {
	return a.subject + strings.ReplaceAll(entity, "/", ".") + ".p." + strconv.FormatUint(from, 10)
}

// archived reads an entity that has ended, and tells whether the archive has it.
func (e *economy) archived(ctx context.Context, entity string, into any) (found bool, err error) {
	return e.archive.Get(ctx, e.archive.recordSubject(entity), into)
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
		found, err := e.archive.Get(ctx, e.archive.pageSubject(entity, start), &steps)
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
			steps = l.Steps(p.From, transcript.Page) // which are never changed
		}
	}); err != nil {
		return nil, err
	}
	if len(steps) < transcript.Page { // it is archived already, or the entity is
		return []byte("{}"), nil
	}
	return e.store(ctx, e.archive.pageSubject(p.Entity, p.From), steps)
}

// runSave archives an entity that has ended, after the rest of its transcript.
func (e *economy) runSave(ctx context.Context, f engine.Effect) ([]byte, error) {
	var what act.Save
	if err := codec.Read(f.Body, &what); err != nil {
		return nil, err
	}
	var record any // made of what is never changed, so that it is written when the log goes on
	var steps []api.TranscriptStep
	from := uint64(0)
	if _, err := e.log.Read(ctx, "", func(s *realm.State, _ uint64, _ time.Time) {
		record = realm.Record(s, what.Entity)
		if l := realm.Log(s, what.Entity); l != nil {
			from = l.Archived + 1
			steps = l.Steps(from, len(l.Recent))
		}
	}); err != nil {
		return nil, err
	}
	if record == nil { // another replica has done it
		return []byte("{}"), nil
	}
	batch := e.archive.Batch()
	for len(steps) > 0 {
		n := min(len(steps), transcript.Page)
		if err := batch.Put(e.archive.pageSubject(what.Entity, from), steps[:n]); err != nil {
			return nil, err
		}
		steps, from = steps[n:], from+uint64(n)
	}
	_, id, _ := strings.Cut(what.Entity, "/")
	if err := batch.PutTold(e.archive.recordSubject(what.Entity), record, kv.Told{Event: "ended", Principal: ownerOf(record), Correlation: id}); err != nil {
		return nil, err
	}
	return []byte("{}"), batch.Wait(ctx)
}

// store stores one value: it is what an effect has brought.
func (e *economy) store(ctx context.Context, subject string, value any) ([]byte, error) {
	batch := e.archive.Batch()
	if err := batch.Put(subject, value); err != nil {
		return nil, err
	}
	return []byte("{}"), batch.Wait(ctx)
}
