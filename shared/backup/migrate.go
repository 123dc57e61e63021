package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// settleTime is how long no stream may change behind a fence before it counts as shut: what was on its way when it was shut is stored in
// less.
const settleTime = 200 * time.Millisecond

// MigrateOptions say how a namespace moves.
type MigrateOptions struct {
	Options
	// Replicas is the number of copies of each stream on the new server; as on the old one unless given.
	Replicas int
}

// Migration says how a migration went.
type Migration struct {
	Manifest *Manifest `json:"manifest"`
	// Reading is how long the namespace was read while it was written to.
	Reading api.Duration `json:"reading"`
	// Pause is how long nothing could be written before the new server had all of it, whole and compared.
	Pause api.Duration `json:"pause"`
}

// Migrate moves a namespace to another server, or to a cluster, which must have no store of it. It is read while it is worked with; then its
// stores are fenced, what has come since is read, all is restored on the other side and compared, and the old side is looked at once more:
// nothing that was acknowledged there is missing here. The old side stays fenced. When anything fails before that, the fence is removed, and
// work goes on where it was. dir keeps the back-up of the moment of the move.
func Migrate(ctx context.Context, from, to *rpc.Conn, dir string, o MigrateOptions) (*Migration, error) {
	r := &restore{server: newServer(to), from: &source{path: dir}, m: &Manifest{Namespace: from.Namespace}, options: RestoreOptions{Replicas: o.Replicas, Progress: o.Progress}}
	if err := r.prepare(ctx); err != nil {
		return nil, fmt.Errorf("look at the new server: %w", err)
	}
	if err := Unfence(ctx, from); err != nil { // that of one which has died
		return nil, err
	}
	began := time.Now()
	c, err := newCapture(ctx, from, dir, o.Options)
	if err != nil {
		return nil, err
	}
	defer c.drop()
	if err := c.readAll(ctx); err != nil {
		return nil, err
	}
	shut := time.Now()
	m := &Migration{Reading: api.Duration(shut.Sub(began))}
	if m.Manifest, err = r.behindFence(ctx, from, c); err != nil {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if undone := Unfence(undo, from); undone != nil {
			return nil, errors.Join(err, fmt.Errorf("the old server still refuses writes, say migrate --undo: %w", undone))
		}
		return nil, err
	}
	m.Pause = api.Duration(time.Since(shut))
	return m, nil
}

// behindFence moves what nobody can change any more.
func (r *restore) behindFence(ctx context.Context, from *rpc.Conn, c *capture) (*Manifest, error) {
	if err := Fence(ctx, from); err != nil {
		return nil, err
	}
	tell(r.options.Progress, Progress{Step: "fenced"})
	for {
		if err := c.cut(ctx); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(settleTime):
		}
		still, err := c.still(ctx)
		if err != nil {
			return nil, err
		}
		if still {
			break
		}
	}
	m, err := c.finish()
	if err != nil {
		return nil, err
	}
	r.m = m
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	still, err := c.still(ctx)
	if err == nil && !still {
		err = api.Errorf(api.Conflict, "the old server was written to behind the fence, by whoever may change its streams: stop that and migrate again")
	}
	return m, err
}

// still tells whether every stream ends where its cut is.
func (c *capture) still(ctx context.Context) (bool, error) {
	for _, s := range c.scans {
		i, err := s.server.stream(ctx, s.stream)
		if err != nil {
			return false, err
		}
		if i == nil || i.State.Last != s.cut {
			return false, nil
		}
	}
	return true, nil
}
