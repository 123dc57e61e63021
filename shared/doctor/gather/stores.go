package gather

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/doctor"
)

// streams looks at every store that is there, and its durable consumers.
func (g *gathering) streams(ctx context.Context) {
	if g.noStores {
		return
	}
	for _, store := range api.Stores {
		name := store.Stream(g.conn.Namespace)
		ask, cancel := context.WithTimeout(ctx, askTime)
		sent := time.Now()
		stream, err := g.conn.JS.Stream(ask, name)
		took := time.Since(sent)
		if err == nil {
			g.stream(store, stream.CachedInfo(), sent, took)
			g.consumers(ask, stream, name)
		}
		cancel()
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			g.failed(name, err)
			if ctx.Err() != nil {
				return
			}
		}
	}
}

func (g *gathering) stream(store api.Store, i *jetstream.StreamInfo, sent time.Time, took time.Duration) {
	s := doctor.Stream{
		Store: store.Name, Name: i.Config.Name, Replicas: max(i.Config.Replicas, 1), Messages: i.State.Msgs, Bytes: i.State.Bytes, MaxBytes: i.Config.MaxBytes,
		Drops: i.Config.Discard == jetstream.DiscardOld, Metadata: i.Config.Metadata,
	}
	if i.Cluster != nil && i.Cluster.Name != "" {
		s.Cluster, s.Leader = true, i.Cluster.Leader
		for _, p := range i.Cluster.Replicas {
			s.Peers = append(s.Peers, doctor.Peer{Name: p.Name, Current: p.Current, Offline: p.Offline, Lag: p.Lag})
		}
		g.facts.Server.Nodes = max(g.facts.Server.Nodes, len(i.Cluster.Replicas)+1, len(g.conn.NC.DiscoveredServers()))
	}
	g.facts.Streams = append(g.facts.Streams, s)
	if len(g.facts.Clocks) == 0 && !i.TimeStamp.IsZero() {
		g.facts.Clocks = append(g.facts.Clocks, doctor.Clock{Who: "NATS server", Ahead: i.TimeStamp.Sub(sent.Add(took / 2)), Within: took / 2})
		g.facts.At = sent.Add(took).Add(i.TimeStamp.Sub(sent.Add(took / 2)))
	}
}

func (g *gathering) consumers(ctx context.Context, stream jetstream.Stream, name string) {
	list := stream.ListConsumers(ctx)
	for c := range list.Info() {
		if c.Config.Durable == "" {
			continue
		}
		d := doctor.Consumer{
			Stream: name, Name: c.Name, Pending: c.NumPending, AckPending: c.NumAckPending, MaxAck: c.Config.MaxAckPending, Waiting: c.NumWaiting,
			Bound: c.PushBound, Created: c.Created,
		}
		if c.Delivered.Last != nil {
			d.Active = *c.Delivered.Last
		}
		g.facts.Consumers = append(g.facts.Consumers, d)
	}
	if err := list.Err(); err != nil {
		g.failed("consumers of "+name, err)
	}
}

// leases reads when each lease was renewed.
func (g *gathering) leases(ctx context.Context) {
	g.entries(ctx, "leases", false, func(key string, e jetstream.KeyValueEntry) {
		var r struct {
			State string `json:"state"`
		}
		if codec.Read(e.Value(), &r) == nil {
			g.facts.Leases = append(g.facts.Leases, doctor.Lease{ID: key, Dead: r.State != "live", Renewed: e.Created()})
		}
	})
}

// states reads of which agents a state is kept.
func (g *gathering) states(ctx context.Context) {
	g.entries(ctx, "state", true, func(key string, _ jetstream.KeyValueEntry) {
		if !strings.Contains(key, ".") { // which are parts of one
			g.facts.States = append(g.facts.States, key)
		}
	})
}

// budgets reads what is reserved for calls whose time is over: hosts settle theirs, so these hosts have died.
func (g *gathering) budgets(ctx context.Context) {
	g.entries(ctx, "budgets", false, func(key string, e jetstream.KeyValueEntry) {
		var r struct {
			Holds map[string]struct {
				Max   api.Micro `json:"max"`
				Until time.Time `json:"until"`
			} `json:"holds"`
		}
		if codec.Read(e.Value(), &r) != nil {
			return
		}
		b := doctor.Budget{Name: key}
		for _, h := range r.Holds {
			if h.Until.Before(g.facts.At) {
				b.Reserved, b.Open = b.Reserved+h.Max, b.Open+1
				if b.Since.IsZero() || h.Until.Before(b.Since) {
					b.Since = h.Until
				}
			}
		}
		if b.Open > 0 {
			g.facts.Budgets = append(g.facts.Budgets, b)
		}
	})
}

// entries calls f with each entry of a bucket; one that is not there has none.
func (g *gathering) entries(ctx context.Context, store string, keys bool, f func(key string, e jetstream.KeyValueEntry)) {
	if g.noStores {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*askTime)
	defer cancel()
	bucket, err := g.conn.JS.KeyValue(ctx, api.Bucket(g.conn.Namespace, store))
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return
	}
	opts := []jetstream.WatchOpt{jetstream.IgnoreDeletes()}
	if keys {
		opts = append(opts, jetstream.MetaOnly())
	}
	var w jetstream.KeyWatcher
	if err == nil {
		w, err = bucket.WatchAll(ctx, opts...)
	}
	if err != nil {
		g.failed(store, err)
		return
	}
	defer w.Stop() //nolint:errcheck // the connection is closed, and then there is nothing to end
	for {
		select {
		case e := <-w.Updates():
			if e == nil {
				return
			}
			f(e.Key(), e)
		case <-ctx.Done():
			g.failed(store, context.Cause(ctx))
			return
		}
	}
}
