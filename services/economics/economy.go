package economics

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/replog/front"
	"github.com/mabus-project/mabus/shared/replog/tell"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/setting"
	"github.com/mabus-project/mabus/shared/trace"
)

const (
	logBytes      = 8 << 30
	snapshotBytes = 16 << 20 // of commands, a hundred bytes or two each, that a replica which starts has to carry out at most
)

// economy is what the replicas of the service agree on in one replicated log.
type economy struct {
	conn    *rpc.Conn
	cfg     Config
	log     *replog.Log[*realm.State]
	front   *front.Front
	archive *shelves
	outbox  *kv.Outbox // of the archive: it tells what has ended
	teller  *tell.Teller
	key     ed25519.PrivateKey
	bells   await.Bells[struct{}] // by entity
	seats   await.Seats
	tuning  *setting.Setting[Tuning]
}

// open opens the log and begins to answer as soon as the replica is caught up.
func open(ctx context.Context, conn *rpc.Conn, cfg Config) (*economy, error) {
	e := &economy{conn: conn, cfg: cfg}
	if err := e.tune(ctx, conn, cfg); err != nil {
		return nil, err
	}
	if err := e.open(ctx, conn, cfg); err != nil {
		e.tuning.Close()
		return nil, err
	}
	return e, nil
}

func (e *economy) open(ctx context.Context, conn *rpc.Conn, cfg Config) (err error) {
	if e.archive, err = openArchive(ctx, conn, cfg.Replicas); err != nil {
		return fmt.Errorf("open the archive: %w", err)
	}
	if e.key, err = signingKey(ctx, conn, cfg.Replicas); err != nil {
		return fmt.Errorf("open the key for signatures: %w", err)
	}
	if err := kv.EnsureEvents(ctx, conn.JS, conn.Namespace, cfg.Replicas); err != nil {
		return fmt.Errorf("open the events stream: %w", err)
	}
	opened := make(chan struct{})
	runners := map[string]replog.Runner{}
	for kind, run := range e.runners() {
		runners[kind] = replog.When(opened, run)
	}
	e.teller = tell.New(conn, "economics", cfg.Log)
	e.log, err = replog.Open(ctx, conn, replog.Config[*realm.State]{
		Realm: "economics", Machine: cfg.machine(), Replicas: cfg.Replicas, MaxBytes: logBytes, Log: cfg.Log, Metrics: cfg.Metrics,
		SnapshotBytes: snapshotBytes, Runners: runners, Applied: e.applied, Restored: func(*realm.State, uint64) { e.bells.RingAll() },
	})
	if err != nil {
		e.teller.Close()
		return err
	}
	close(opened)
	e.front = front.New(conn, e.log, cfg.Log, e.serve)
	e.front.Open(ctx)
	e.outbox = e.archive.outbox(conn, cfg.Log)
	e.outbox.Start()
	return nil
}

func (e *economy) close(ctx context.Context) error {
	e.tuning.Close()
	e.front.Close()
	e.outbox.Stop()
	defer e.teller.Close()
	return e.log.Close(ctx)
}

// applied wakes those who wait, and has told what is new.
func (e *economy) applied(a *engine.Applied, _ *realm.State, live bool) {
	for _, event := range a.Events {
		for _, entity := range realm.Changed(event) {
			e.bells.Ring(entity, struct{}{})
		}
	}
	e.teller.Tell(a, live, told(a))
}

// revised is an answer that carries the revision of the log at which it was so.
type revised interface{ SetRevision(revision string) }

// write answers a method by one command of the same name.
func write[Req, Resp any](e *economy, srv *rpc.Server, m api.Method[Req, Resp]) {
	rpc.HandleRaw(srv, m, func(ctx context.Context, body []byte, _ *Req) ([]byte, error) {
		return order(ctx, e, m, body, act.Call{})
	})
}

// create is write for a method that creates an entity whose id the request may choose: one that the archive has is taken.
func create[Req, Resp any](e *economy, srv *rpc.Server, m api.Method[Req, Resp], kind string, id func(*Req) string) {
	rpc.HandleRaw(srv, m, func(ctx context.Context, body []byte, r *Req) ([]byte, error) {
		var as act.Call
		if id := id(r); id != "" {
			var err error
			if as, err = e.taken(ctx, kind+"/"+id); err != nil {
				return nil, err
			}
		}
		return order(ctx, e, m, body, as)
	})
}

// taken tells whether an id was used before, for the call that would use it. The state is looked at first: what leaves it is in the archive
// by then, so that no entity is missed on its way from one to the other. What comes and goes after that the machine itself knows.
func (e *economy) taken(ctx context.Context, entity string) (act.Call, error) {
	as := act.Call{Entity: entity}
	_, err := e.log.Read(ctx, "", func(s *realm.State, seq uint64, _ time.Time) {
		as.Taken, as.Seen = realm.Record(s, entity) != nil, seq
	})
	if err == nil && !as.Taken {
		as.Taken, err = e.archive.Has(ctx, e.archive.recordSubject(entity))
	}
	return as, err
}

// order has the machine carry out a command of the method's name, and returns its answer as it is written, with the revision of the log if
// it has one. The body is that of the request: it was read strictly, and is what the request id stands for.
func order[Req, Resp any](ctx context.Context, e *economy, m api.Method[Req, Resp], body []byte, as act.Call) ([]byte, error) {
	answer, err := e.command(ctx, m.Noun+"."+m.Verb, body, as)
	if err != nil {
		return nil, err
	}
	if _, ok := any((*Resp)(nil)).(revised); !ok || len(answer.Body) < len("{}") {
		return answer.Body, nil
	}
	return withRevision(answer.Body, answer.Revision), nil
}

// withRevision adds a field to a JSON object that has none of its name, since the machine does not know it. A revision needs no escapes.
func withRevision(object []byte, revision string) []byte {
	out := make([]byte, 0, len(object)+len(revision)+len(`,"revision":""`))
	out = append(out, object[:len(object)-1]...)
	if len(object) > len("{}") {
		out = append(out, ',')
	}
	out = append(out, `"revision":"`...)
	out = append(out, revision...)
	return append(out, `"}`...)
}

// do has the machine carry out a command, and reads its answer.
func do[Resp any](ctx context.Context, e *economy, kind string, body any, as act.Call) (*Resp, error) {
	raw, err := codec.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write the command %s: %w", kind, err)
	}
	answer, err := e.command(ctx, kind, raw, as)
	if err != nil {
		return nil, err
	}
	resp := new(Resp)
	if err := codec.Read(answer.Body, resp); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", kind, err)
	}
	if v, ok := any(resp).(revised); ok {
		v.SetRevision(answer.Revision)
	}
	return resp, nil
}

// command has the machine carry out a command for whoever asks, with what is known of the id that it uses.
func (e *economy) command(ctx context.Context, kind string, body []byte, call act.Call) (replog.Answer, error) {
	cause := rpc.CauseFrom(ctx)
	call.ID, call.Operator = rand.Text(), e.isOperator(cause.Principal)
	ctx, span := trace.StartAppend(ctx, "economics", kind)
	answer, err := e.log.Do(ctx, engine.Command{
		Kind: kind, Principal: cause.Principal, ID: cause.RequestID, Hash: cause.BodyHash, Key: call.String(), Body: body,
	})
	span.EndAppend(answer.Seq, answer.Repeated, err)
	return answer, err
}

// read looks at the replica's own state. It asks again before it says that something is not there: another replica may have just made
// it, and this one be a moment behind. What f returns must be a copy.
func read[T any](ctx context.Context, e *economy, minRevision string, f func(s *realm.State, now time.Time) (T, error)) (v T, revision string, err error) {
	look := func() {
		var failed error
		revision, err = e.log.Read(ctx, minRevision, func(s *realm.State, _ uint64, at time.Time) { v, failed = f(s, at) })
		if err == nil {
			err = failed
		}
	}
	if look(); api.CodeOf(err) == api.NotFound && e.log.CatchUp(ctx) == nil {
		look()
	}
	return v, revision, err
}

// await waits until done says so, or the wait is over: it is asked at first and after every change of the entity.
func (e *economy) await(ctx context.Context, entity string, wait api.Duration, done func() (bool, error)) error {
	free, err := e.seats.Take()
	if err != nil {
		return err
	}
	defer free()
	over, cancel := await.Limit(ctx, wait.Std())
	defer cancel()
	for {
		bell, forget := e.bells.Listen(entity)
		if ok, err := done(); ok || err != nil {
			forget()
			return err
		}
		select {
		case <-bell.Rung:
			forget()
		case <-over.Done():
			forget()
			return nil
		case <-e.front.Leaving():
			forget()
			return front.ErrLeaving
		}
	}
}

// page returns the ids of a page of records in their order, and where the next begins; "" when this is the last. It keeps no more ids than
// the page has while it looks at all, since the log stands still meanwhile.
func page[T draft.Record[T]](t draft.Table[T], after string, limit int) (ids []string, next string) {
	if limit == 0 {
		limit = api.DefaultPage
	}
	for id := range t {
		if id <= after || len(ids) > limit && id > ids[limit] {
			continue
		}
		i, _ := slices.BinarySearch(ids, id)
		if ids = slices.Insert(ids, i, id); len(ids) > limit+1 {
			ids = ids[:limit+1]
		}
	}
	if len(ids) > limit {
		ids = ids[:limit]
		next = ids[limit-1]
	}
	return ids, next
}
