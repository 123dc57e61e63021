package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// restoringKey is in the metadata of a stream while it is being restored; its value names the back-up.
const restoringKey = "mabus-restoring"

// RestoreOptions say how a namespace comes back.
type RestoreOptions struct {
	// Replicas is the number of copies of each stream; as in the back-up unless given.
	Replicas int
	// Replace removes what the namespace has on the server now. It is refused while a process of the namespace lives.
	Replace bool
	// Progress is told of each step; it may be nil.
	Progress func(Progress)
}

// Restore brings a back-up, a directory or a tar file, back, into a server that has no store of its namespace, after it has read all of it and found it whole; then it
// reads what it has written and compares. What was left by a restore that did not come to its end is removed first. Stores that exist are
// conflict (stores_exist), and a back-up of another namespace is failed_precondition.
func Restore(ctx context.Context, conn *rpc.Conn, path string, o RestoreOptions) (*Manifest, error) {
	s, err := openSource(path)
	if err != nil {
		return nil, err
	}
	defer s.close()
	m, err := s.verify(ctx, o.Progress)
	if err != nil {
		return nil, err
	}
	r := &restore{server: newServer(conn), from: s, m: m, options: o}
	if err := r.server.able(ctx); err != nil { // first, as it waits for a leader
		return nil, err
	}
	compared, err := r.compared(ctx)
	if err == nil && compared {
		return m, r.finish(ctx)
	}
	if err == nil {
		err = r.prepare(ctx)
	}
	if err != nil {
		return nil, err
	}
	return m, r.run(ctx)
}

// atOnce is how many streams are worked on at a time.
const atOnce = 16

// run restores every part and compares it. Only when all are as they should be they lose their marks.
func (r *restore) run(ctx context.Context) error {
	all := ctx // the group's ends with it
	work, ctx := errgroup.WithContext(all)
	work.SetLimit(atOnce)
	for i := range r.m.Parts {
		p := &r.m.Parts[i]
		work.Go(func() error {
			if err := r.part(ctx, p); err != nil {
				return fmt.Errorf("restore %s: %w", p.Stream, err)
			}
			r.tell(Progress{Step: "restored", Store: p.Store, Messages: p.Messages, Bytes: p.Size})
			if err := r.compare(ctx, p); err != nil {
				return fmt.Errorf("compare %s: %w", p.Stream, err)
			}
			r.tell(Progress{Step: "compared", Store: p.Store, Messages: p.Messages, Bytes: p.Bytes})
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	return r.finish(all)
}

// whole is the mark of the last stream when all are as they should be.
func (r *restore) whole() string { return "whole " + r.m.Sum }

// compared tells whether a restore of this back-up has come so far that only marks are to be taken away.
func (r *restore) compared(ctx context.Context) (bool, error) {
	if len(r.m.Parts) == 0 {
		return false, nil
	}
	i, err := r.server.stream(ctx, r.m.Parts[len(r.m.Parts)-1].Stream)
	if err != nil || i == nil {
		return false, err
	}
	cfg, err := i.settings()
	return cfg.Metadata[restoringKey] == r.whole(), err
}

// finish takes the marks away. The last stream says until the end that nothing else is to be done.
func (r *restore) finish(ctx context.Context) error {
	parts := r.m.Parts
	last := &parts[len(parts)-1]
	if err := r.server.update(ctx, last.Stream, last.configure(r.options.Replicas, r.whole())); err != nil {
		return err
	}
	for i := range parts {
		if err := r.server.update(ctx, parts[i].Stream, parts[i].configure(r.options.Replicas, "")); err != nil {
			return err
		}
	}
	return nil
}

// tell tells of progress, for one stream at a time.
func (r *restore) tell(p Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tell(r.options.Progress, p)
}

// Reasons of errors of this package.
const (
	ReasonStoresExist    = "stores_exist"    // conflict
	ReasonProcessesLive  = "processes_live"  // failed_precondition
	ReasonOtherNamespace = "other_namespace" // failed_precondition
	ReasonDiffers        = "restore_differs" // failed_precondition
)

type restore struct {
	server  *server
	from    *source
	m       *Manifest
	options RestoreOptions
	mu      sync.Mutex
}

// prepare finds out whether the server can take the back-up, and makes room for it.
func (r *restore) prepare(ctx context.Context) error {
	ns := r.server.conn.Namespace
	if r.m.Namespace != ns {
		return api.Errorf(api.FailedPrecondition, "the back-up is of the namespace %s, and names it in every subject: restore it with --namespace %s", r.m.Namespace, r.m.Namespace).
			WithReason(ReasonOtherNamespace)
	}
	if err := r.server.able(ctx); err != nil {
		return err
	}
	var left, exist []string
	for _, stream := range r.streams(ns) {
		i, err := r.server.stream(ctx, stream)
		if err != nil {
			return err
		}
		if i == nil {
			continue
		}
		cfg, err := i.settings()
		if err != nil {
			return err
		}
		if cfg.Metadata[restoringKey] != "" {
			left = append(left, stream)
		} else {
			exist = append(exist, stream)
		}
	}
	if len(exist) > 0 && !r.options.Replace {
		return api.Errorf(api.Conflict, "the server has %s of the namespace already: restore into an empty one, or say --replace, which removes them",
			strings.Join(exist, ", ")).WithReason(ReasonStoresExist)
	}
	if len(exist) > 0 {
		live, err := Living(ctx, r.server.conn)
		if err != nil {
			return err
		}
		if len(live) > 0 {
			return api.Errorf(api.FailedPrecondition, "processes of the namespace live (%s): stop them first", strings.Join(live, ", ")).WithReason(ReasonProcessesLive)
		}
	}
	for _, stream := range append(left, exist...) {
		if err := r.server.remove(ctx, stream); err != nil {
			return err
		}
	}
	return nil
}

// streams are all that the namespace may have, and all that the back-up has.
func (r *restore) streams(ns string) []string {
	var all []string
	seen := map[string]bool{}
	add := func(stream string) {
		if !seen[stream] {
			seen[stream], all = true, append(all, stream)
		}
	}
	for _, s := range api.Stores {
		add(s.Stream(ns))
	}
	for i := range r.m.Parts {
		add(r.m.Parts[i].Stream)
	}
	return all
}

// configure is the configuration of a part's stream, with other numbers of copies if replicas is given, and marked if mark is.
func (p *Part) configure(replicas int, mark string) map[string]json.RawMessage {
	cfg := configured(p.Config, nil, restoringKey, mark)
	if replicas > 0 {
		cfg["num_replicas"] = fmt.Appendf(nil, "%d", replicas)
	}
	return cfg
}

// head is what comes before the messages in an archive: what the stream was, and its consumers.
func (p *Part) head(replicas int) ([]entry, error) {
	state, err := codec.Marshal(map[string]any{
		"messages": p.Messages, "bytes": 0, "first_seq": p.firstSeq(), "last_seq": p.lastSeq(), "consumer_count": len(p.Consumers),
		"first_ts": time.Time{}, "last_ts": time.Time{},
	})
	if err != nil {
		return nil, err
	}
	all := []entry{{Subject: "state.json", Data: state}}
	for _, c := range p.Consumers {
		config := map[string]json.RawMessage{}
		if err := codec.Read(c.Config, &config); err != nil {
			return nil, fmt.Errorf("read the configuration of consumer %s: %w", c.Name, err)
		}
		if own := string(config["num_replicas"]); replicas > 0 && own != "" && own != "0" { // a work queue's has as many as the stream
			config["num_replicas"] = fmt.Appendf(nil, "%d", replicas)
		}
		data, err := codec.Marshal(map[string]any{"config": config, "state": map[string]any{"delivered": c.Delivered, "ack_floor": c.Floor}})
		if err != nil {
			return nil, err
		}
		all = append(all, entry{Subject: "consumers/" + c.Name, Data: data})
	}
	return all, nil
}

// firstSeq is where the restored stream begins.
func (p *Part) firstSeq() uint64 {
	if p.Messages == 0 {
		return p.Last + 1
	}
	return p.First
}

// lastSeq is the last sequence of the restored stream.
func (p *Part) lastSeq() uint64 { return p.Last + gap(p.store()) }

// sendings is how often a part is sent.
const sendings = 3

// part brings one stream back. The server gives up a sender that it has not heard for five seconds, which on a busy machine can be its own
// fault: then the part is sent again.
func (r *restore) part(ctx context.Context, p *Part) error {
	for try := 1; ; try++ {
		err := r.send(ctx, p)
		if !errors.Is(err, errGivenUp) || try == sendings || ctx.Err() != nil {
			return err
		}
		if err := r.server.remove(ctx, p.Stream); err != nil {
			return err
		}
	}
}

func (r *restore) send(ctx context.Context, p *Part) error {
	f, err := r.from.open(p.File)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.server.upload(ctx, p, r.options.Replicas, r.m.Sum, f)
}
