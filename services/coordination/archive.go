package coordination

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/coordination/realm"
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/archive"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

const archiveBytes = 8 << 30 // of all ended sessions; the oldest go first

// shelves keep the sessions that have ended.
type shelves struct {
	all     *archive.Archive
	subject string
}

func openArchive(ctx context.Context, conn *rpc.Conn, replicas int) (*shelves, error) {
	subject := conn.Namespace + ".archive.session."
	all, err := archive.Open(ctx, conn, "archive", subject, replicas, archiveBytes)
	return &shelves{all, subject}, err
}

// outbox returns what tells of every session that has ended as an event, mabus.sessions.<state>; it has not been started.
func (a *shelves) outbox(conn *rpc.Conn, log zerolog.Logger) *kv.Outbox {
	return kv.NewStreamOutbox(conn.JS, kv.StreamSource{
		Namespace: conn.Namespace, Service: "coordination", Thing: kv.LastToken("sessions"), Once: true,
		Stream: api.Bucket(conn.Namespace, "archive"), Filter: a.subject + "*",
	}, log)
}

// get returns an archived session, or nil.
func (a *shelves) get(ctx context.Context, id string) (*session.Record, error) {
	r := new(session.Record)
	if found, err := a.all.Get(ctx, a.subject+id, r); err != nil || !found {
		return nil, err
	}
	return r, nil
}

// before returns sessions that are older than the given place, the latest first, and the place to go on from, or 0 at the end.
func (a *shelves) before(ctx context.Context, place uint64, limit int, keep func(*session.Record) bool) (found []*session.Record, next uint64, err error) {
	next, err = archive.Before(ctx, a.all, place, func(r *session.Record) bool {
		if keep(r) {
			found = append(found, r)
		}
		return len(found) == limit
	})
	return found, next, err
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
	batch := c.archive.all.Batch()
	for _, r := range records {
		x := &r.Session
		if err := batch.PutTold(c.archive.subject+x.ID, r, kv.Told{Event: string(x.State), Principal: x.StartedBy, Correlation: x.ID}); err != nil {
			return nil, err
		}
	}
	if err := batch.Wait(ctx); err != nil {
		return nil, err
	}
	return []byte("{}"), nil
}
