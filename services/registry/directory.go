package registry

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// kind is what a directory has to know of the things in it.
type kind[T any] struct {
	noun  string
	bytes int64 // bound of the bucket
	terms func(*T) []roster.Term
	share func(*T)         // makes texts that many have in common the same one; nil for none
	stamp func(*T, string) // sets the revision of an answer
	miss  func(id string) error
}

// directory holds the things of one kind: the bucket, a mirror of it, and an index over the mirror.
type directory[T any] struct {
	kind[T]
	bucket *kv.Bucket
	table  *kv.Table[T]
	mirror *kv.Mirror[T]
	outbox *kv.Outbox
	news   func(*T) // hears of every change; set before start, and must not wait

	mu      sync.RWMutex
	index   *roster.Index
	applied uint64        // the revision of the newest change in the index
	changed chan struct{} // closed with the next change; nil while nobody waits
}

func openDirectory[T any](ctx context.Context, conn *rpc.Conn, cfg Config, requests *kv.Requests, k kind[T]) (*directory[T], error) {
	bucket, err := kv.Open(ctx, conn.JS, kv.Config{Namespace: conn.Namespace, Name: k.noun, Replicas: cfg.Replicas, MaxBytes: k.bytes})
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", k.noun, err)
	}
	d := &directory[T]{kind: k, bucket: bucket, index: roster.NewIndex()}
	d.mirror = kv.NewMirror(bucket, kv.MirrorOptions[T]{OnChange: d.onChange, Share: k.share, Log: cfg.Log})
	d.table = kv.NewTable[T](bucket, "registry", requests)
	d.table.UseMirror(d.mirror)
	d.outbox = kv.NewOutbox(bucket, "registry", k.noun, cfg.Log)
	return d, nil
}

func (d *directory[T]) start(ctx context.Context) error {
	d.mirror.Start()
	d.outbox.Start()
	select {
	case <-d.mirror.Ready():
		return nil
	case <-ctx.Done():
		d.stop()
		return fmt.Errorf("load bucket %s: %w", d.noun, ctx.Err())
	}
}

func (d *directory[T]) stop() {
	d.outbox.Stop()
	d.mirror.Stop()
}

func (d *directory[T]) onChange(c kv.Change[T]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.New == nil {
		d.index.Remove(c.Key)
	} else {
		d.index.Set(c.Key, d.terms(c.New))
	}
	d.applied = c.Revision
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
	if d.news != nil {
		d.news(c.New)
	}
}

// change returns a channel that is closed with the next change.
func (d *directory[T]) change() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changed == nil {
		d.changed = make(chan struct{})
	}
	return d.changed
}

// update applies a rule of package roster. The value of its result is shared: answer makes a copy.
func (d *directory[T]) update(ctx context.Context, cause api.Cause, id string, rule func(old *T, now time.Time) (*T, roster.Event, error)) (kv.Result[T], error) {
	return d.table.Update(ctx, cause, id, func(old *T, now time.Time) (*T, string, error) {
		next, event, err := rule(old, now.UTC())
		return next, string(event), err
	})
}

// write is update for a caller that wants the thing as it now is.
func (d *directory[T]) write(ctx context.Context, id string, rule func(old *T, now time.Time) (*T, roster.Event, error)) (*T, error) {
	res, err := d.update(ctx, rpc.CauseFrom(ctx), id, rule)
	if err != nil {
		return nil, err
	}
	return d.answer(res.Value, res.Token), nil
}

// remove applies a rule that removes a thing.
func (d *directory[T]) remove(ctx context.Context, id string, rule func(old *T, now time.Time) (*T, roster.Event, error)) (*api.DeregisterResponse, error) {
	res, err := d.update(ctx, rpc.CauseFrom(ctx), id, rule)
	if err != nil {
		return nil, err
	}
	return &api.DeregisterResponse{Existed: res.Existed, Revision: res.Token}, nil
}

// get reads one thing from the mirror. What the mirror lacks may be too new for it, so the store's leader is asked.
func (d *directory[T]) get(ctx context.Context, req *api.GetRequest) (*T, error) {
	if err := d.await(ctx, req.MinRevision); err != nil {
		return nil, err
	}
	if v, rev, ok := d.mirror.Get(req.ID); ok {
		return d.answer(v, d.bucket.Token(rev)), nil
	}
	return d.present(ctx, req)
}

// present reads one thing as the store's leader has it.
func (d *directory[T]) present(ctx context.Context, req *api.GetRequest) (*T, error) {
	if req.MinRevision != "" { // the leader has seen every revision that there is
		if _, err := d.bucket.ParseToken(req.MinRevision); err != nil {
			return nil, err
		}
	}
	res, err := d.table.Get(ctx, req.ID)
	if err != nil {
		return nil, err
	}
	if !res.Existed {
		return nil, d.miss(req.ID)
	}
	return d.answer(res.Value, res.Token), nil
}

// page is a part of a list.
type page[T any] struct {
	items          []T
	next, revision string
}

// list reads a page of the things that have all terms. A thing that the mirror has already changed so that it no longer
// belongs there is left out.
func (d *directory[T]) list(ctx context.Context, terms []roster.Term, cursor string, limit int, minRevision string) (page[T], error) {
	p := page[T]{items: []T{}}
	if err := d.await(ctx, minRevision); err != nil {
		return p, err
	}
	if limit == 0 {
		limit = api.DefaultPage
	}
	mirrored := d.mirror.Revision()
	d.mu.RLock()
	ids, more := d.index.List(terms, cursor, limit)
	p.revision = d.token(mirrored)
	d.mu.RUnlock()
	for _, id := range ids {
		if v, rev, ok := d.mirror.Get(id); ok && roster.Match(d.terms(v), terms) {
			p.items = append(p.items, *d.answer(v, d.bucket.Token(rev)))
		}
	}
	if more {
		p.next = ids[len(ids)-1]
	}
	return p, nil
}

// with returns the ids of all things that have a term.
func (d *directory[T]) with(t roster.Term) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	ids, _ := d.index.List([]roster.Term{t}, "", d.index.Len())
	return ids
}

// await waits until the mirror holds the revision that a token names.
func (d *directory[T]) await(ctx context.Context, token string) error {
	if token == "" {
		return nil
	}
	rev, err := d.bucket.ParseToken(token)
	if err != nil {
		return err
	}
	return d.mirror.WaitFor(ctx, rev)
}

// token names the revision that the index reflects; d.mu is held. The mirror's own revision, taken before, is the lower one
// only after the bucket was lost and made anew, until the index has followed.
func (d *directory[T]) token(mirrored uint64) string { return d.bucket.Token(min(d.applied, mirrored)) }

// answer returns a copy of a stored thing with its revision; nil for nil.
func (d *directory[T]) answer(v *T, token string) *T {
	if v == nil {
		return nil
	}
	c := *v
	d.stamp(&c, token)
	return &c
}

func (d *directory[T]) watch(conn *rpc.Conn) *api.WatchResponse {
	return &api.WatchResponse{Subject: api.EventSubject(conn.Namespace, "registry", d.noun, "*"), Stream: api.Bucket(conn.Namespace, "events")}
}
