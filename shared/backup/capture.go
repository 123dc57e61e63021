package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Options of a back-up.
type Options struct {
	// Version of the program, for the manifest.
	Version string
	// Progress is told of each step; it may be nil.
	Progress func(Progress)
}

// Make backs a namespace up into a directory, which must be empty or not be there. It returns the manifest when all is on the disk.
// A namespace without a store is not_found.
func Make(ctx context.Context, conn *rpc.Conn, dir string, o Options) (*Manifest, error) {
	c, err := newCapture(ctx, conn, dir, o)
	if err != nil {
		return nil, err
	}
	defer c.drop()
	if err := c.readAll(ctx); err != nil {
		return nil, err
	}
	if err := c.cut(ctx); err != nil {
		return nil, err
	}
	return c.finish()
}

// cutTries is how often snapshots and their logs are cut anew. Replicas make snapshots minutes apart, and a cut takes milliseconds.
const cutTries = 100

// capture is a back-up on its way.
type capture struct {
	server  *server
	dir     string
	options Options
	began   time.Time
	scans   []*scan // in the order of their cuts
}

// newCapture looks which stores there are.
func newCapture(ctx context.Context, conn *rpc.Conn, dir string, o Options) (*capture, error) {
	c := &capture{server: newServer(conn), dir: dir, options: o, began: time.Now().UTC()}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(names) > 0 {
		return nil, api.Errorf(api.FailedPrecondition, "%s is not empty: name a new directory for each back-up", dir)
	}
	for _, s := range Order(api.Stores) {
		stream := s.Stream(conn.Namespace)
		i, err := c.server.stream(ctx, stream)
		if err != nil {
			return nil, err
		}
		if i == nil {
			continue
		}
		cfg, err := i.settings()
		if err != nil {
			return nil, err
		}
		if cfg.Metadata[restoringKey] != "" {
			return nil, api.Errorf(api.FailedPrecondition, "%s is being restored, or was when that ended: restore it to its end first", stream)
		}
		c.scans = append(c.scans, &scan{server: c.server, store: s, stream: stream, path: filepath.Join(dir, fileName(stream))})
	}
	if len(c.scans) == 0 {
		return nil, api.Errorf(api.NotFound, "the namespace %s has no store here: look at --server and --namespace", conn.Namespace)
	}
	return c, nil
}

// readAll reads every stream for the first time. One that is removed meanwhile is left out.
func (c *capture) readAll(ctx context.Context) error {
	for _, s := range c.scans {
		if err := s.catchUp(ctx); err != nil && !errors.Is(err, errVanish) {
			return err
		}
		tell(c.options.Progress, Progress{Step: "read", Store: s.store.Name, Messages: s.count, Bytes: s.size})
	}
	return nil
}

// cut takes the consumers and then reads what has come since, in the order that the invariant needs.
func (c *capture) cut(ctx context.Context) error {
	gone := map[*scan]bool{}
	for _, s := range c.scans {
		list, err := c.server.consumers(ctx, s.stream)
		var refused *apiError
		if errors.As(err, &refused) && refused.ErrCode == codeNoStream {
			gone[s] = true
			s.drop()
			if err := os.Remove(s.path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		s.consumers = list
	}
	c.scans = slices.DeleteFunc(c.scans, func(s *scan) bool { return gone[s] })
	tries := 0
	for i := 0; i < len(c.scans); i++ {
		s := c.scans[i]
		if err := s.catchUp(ctx); err != nil {
			return err
		}
		again, err := c.again(ctx, s)
		if err != nil {
			return err
		}
		if again {
			if tries++; tries > cutTries {
				return api.Errorf(api.Unavailable, "%s and its snapshots change faster than they are read: try again", s.stream)
			}
			i = slices.Index(c.scans, c.pointers()) - 1
		}
	}
	for _, s := range c.scans {
		tell(c.options.Progress, Progress{Step: "cut", Store: s.store.Name, Messages: s.count, Bytes: s.size})
	}
	return nil
}

// again tells, after the cut of a stream, whether the snapshots of logs must be cut anew: their pointers have moved while what they point to
// was read, or a log was purged beyond them.
func (c *capture) again(ctx context.Context, s *scan) (bool, error) {
	p := c.pointers()
	if p == nil {
		return false, nil
	}
	if s.store.Name == p.store.Name && s.store.Kind == api.StoreObjects {
		was := p.cut
		err := p.catchUp(ctx)
		return p.cut != was, err
	}
	if !isLog(s.store) {
		return false, nil
	}
	var newest struct {
		Seq uint64 `json:"seq"`
	}
	if data := p.values["$KV."+api.Bucket(c.server.conn.Namespace, p.store.Name)+"."+strings.TrimPrefix(s.store.Name, "log_")]; len(data) > 0 {
		if err := codec.Read(data, &newest); err != nil {
			return false, fmt.Errorf("read which snapshot of %s is the newest: %w", s.stream, err)
		}
	}
	return s.cut < newest.Seq || s.cut > newest.Seq && (s.seen < s.cut || s.first > newest.Seq+1), nil
}

// pointers is the scan of the bucket that says which snapshots are the newest.
func (c *capture) pointers() *scan {
	for _, s := range c.scans {
		if s.store.Name == "snapshots" && s.store.Kind == api.StoreBucket {
			return s
		}
	}
	return nil
}

// finish ends the files, and writes the manifest.
func (c *capture) finish() (*Manifest, error) {
	m := &Manifest{Format: Format, Namespace: c.server.conn.Namespace, Mabus: c.options.Version, NATS: c.server.conn.NC.ConnectedServerVersion(), Began: c.began}
	for _, s := range c.scans {
		p, err := s.finish()
		if err != nil {
			return nil, err
		}
		m.Parts = append(m.Parts, p)
	}
	m.Ended = time.Now().UTC()
	if err := m.write(c.dir); err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}
	return m, nil
}

// drop closes what is open; after finish it does nothing that matters.
func (c *capture) drop() {
	for _, s := range c.scans {
		s.drop()
	}
}
