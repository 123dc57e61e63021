package economics

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/archive"
	"github.com/mabus-project/mabus/shared/codec"
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
			steps = append(steps, l.Steps(p.From, transcript.Page)...)
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
	batch := e.archive.Batch()
	for len(steps) > 0 {
		n := min(len(steps), transcript.Page)
		if err := batch.Put(e.archive.pageSubject(what.Entity, from), steps[:n]); err != nil {
			return nil, err
		}
		steps, from = steps[n:], from+uint64(n)
	}
	if err := batch.Put(e.archive.recordSubject(what.Entity), raw(record)); err != nil {
		return nil, err
	}
	return []byte("{}"), batch.Wait(ctx)
}

// raw is JSON that is written already.
type raw []byte

// MarshalJSON implements json.Marshaler.
func (r raw) MarshalJSON() ([]byte, error) { return r, nil }

// store stores one value: it is what an effect has brought.
func (e *economy) store(ctx context.Context, subject string, value any) ([]byte, error) {
	batch := e.archive.Batch()
	if err := batch.Put(subject, value); err != nil {
		return nil, err
	}
	return []byte("{}"), batch.Wait(ctx)
}
