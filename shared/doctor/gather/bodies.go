package gather

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/doctor"
)

const (
	bodyAge    = time.Hour // younger bodies may be those of calls under way
	maxLooked  = 300_000   // messages of one stream in which references are looked for
	bodiesTime = 10 * askTime
)

// naming are the streams whose messages name large bodies for longer than a call takes.
var naming = []string{"tasks", "results", "parts", "task_state"}

// bodies finds large bodies that no message names any more.
func (g *gathering) bodies(ctx context.Context) {
	if g.noStores {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, bodiesTime)
	defer cancel()
	left, err := g.oldBodies(ctx)
	for _, store := range naming {
		if err == nil && len(left) > 0 {
			err = g.named(ctx, api.Bucket(g.conn.Namespace, store), func(name string) { delete(left, name) })
		}
	}
	if err != nil {
		g.failed("blobs", err)
		return
	}
	b := doctor.Bodies{Bucket: api.Bucket(g.conn.Namespace, "blobs")}
	for name, o := range left {
		b.Count, b.Bytes = b.Count+1, b.Bytes+o.Size
		if o.Size > b.Size || b.Largest == "" {
			b.Largest, b.Size, b.Stored = name, o.Size, o.ModTime
		}
	}
	g.facts.Bodies = b
}

// oldBodies are those that no call is likely to have under way.
func (g *gathering) oldBodies(ctx context.Context) (map[string]*jetstream.ObjectInfo, error) {
	old := map[string]*jetstream.ObjectInfo{}
	store, err := g.conn.JS.ObjectStore(ctx, api.Bucket(g.conn.Namespace, "blobs"))
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return old, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := store.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, err
	}
	for _, o := range list {
		if g.facts.At.Sub(o.ModTime) > g.bodyAge {
			old[o.Name] = o
		}
	}
	return old, nil
}

// named calls f with the name of each body that a message of a stream refers to.
func (g *gathering) named(ctx context.Context, name string, f func(body string)) error {
	stream, err := g.conn.JS.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	info := stream.CachedInfo()
	if info.State.Msgs > maxLooked {
		return fmt.Errorf("%s has %d messages, and references are looked for in %d at most", name, info.State.Msgs, maxLooked)
	}
	ref := func(header map[string][]string) {
		for _, r := range header[api.HeaderBlob] {
			body, _, _ := strings.Cut(r, ":")
			f(body)
		}
	}
	if info.Config.Retention == jetstream.WorkQueuePolicy { // which allows no second consumer
		for seq := info.State.FirstSeq; seq <= info.State.LastSeq; seq++ {
			msg, err := stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(">"))
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			ref(msg.Header)
			seq = msg.Sequence
		}
		return nil
	}
	return eachHeader(ctx, stream, info.State.Msgs, ref)
}

// eachHeader reads the headers of what a stream holds now.
func eachHeader(ctx context.Context, stream jetstream.Stream, messages uint64, f func(header map[string][]string)) error {
	if messages == 0 {
		return nil
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{HeadersOnly: true})
	if err != nil {
		return err
	}
	all, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer all.Stop()
	for {
		msg, err := all.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		f(msg.Headers())
		meta, err := msg.Metadata()
		if err != nil || meta.NumPending == 0 {
			return err
		}
	}
}
