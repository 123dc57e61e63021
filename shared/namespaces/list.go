// Package namespaces finds the namespaces that a server has, and removes one with everything that is in it.
//
// What is a namespace's is what api.Stores names, by exact names: one namespace's name may begin another's ("prod" and "prod_eu").
package namespaces

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/rpc"
)

// ReasonProcessesLive says that processes of the namespace live: failed_precondition.
const ReasonProcessesLive = backup.ReasonProcessesLive

// fence begins the names of the streams that keep writes away while a namespace is migrated.
const fence = api.Fence

// Stream is one of a namespace's streams, buckets or object stores.
type Stream struct {
	Name      string `json:"name"`
	Messages  uint64 `json:"messages"`
	Bytes     uint64 `json:"bytes"`
	Consumers int    `json:"consumers"`
}

// Namespace is what a server has of a namespace.
type Namespace struct {
	Name string `json:"name"`
	// Streams are those of the table of stores.
	Streams []Stream `json:"streams"`
	// Strange are streams that are called as if they were the namespace's, and are not in the table of stores.
	Strange []Stream `json:"strange,omitempty"`
}

// List returns the namespaces that the account of the connection has, in the order of their names. It looks at the names of streams, and at the
// subjects of those that two namespaces could mean.
func List(ctx context.Context, conn *rpc.Conn) ([]Namespace, error) {
	if !conn.HasStores() { // it would wait in vain for an answer
		return nil, conn.NoStore("looking for namespaces")
	}
	if conn.Kind() == api.KindHost { // it may use stores, and not ask which there are
		return nil, api.Errorf(api.FailedPrecondition, "looking for namespaces takes an operator: a host's credentials may not ask which streams there are").WithReason(api.ReasonNoStore)
	}
	found := map[string]*Namespace{}
	var rest []jetstream.StreamInfo
	list := conn.JS.ListStreams(ctx)
	for i := range list.Info() {
		ns := owner(i.Config)
		if ns == "" {
			rest = append(rest, *i)
			continue
		}
		if found[ns] == nil {
			found[ns] = &Namespace{Name: ns}
		}
		found[ns].Streams = append(found[ns].Streams, streamOf(i))
	}
	if err := list.Err(); err != nil && !errors.Is(err, jetstream.ErrEndOfData) {
		return nil, fmt.Errorf("list the streams: %w", err)
	}
	all := make([]Namespace, 0, len(found))
	for _, n := range found {
		for i := range rest {
			if called(n.Name, rest[i].Config.Name) && !closer(found, n.Name, rest[i].Config.Name) {
				n.Strange = append(n.Strange, streamOf(&rest[i]))
			}
		}
		byName := func(a, b Stream) int { return strings.Compare(a.Name, b.Name) }
		slices.SortFunc(n.Streams, byName)
		slices.SortFunc(n.Strange, byName)
		all = append(all, *n)
	}
	slices.SortFunc(all, func(a, b Namespace) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func streamOf(i *jetstream.StreamInfo) Stream {
	return Stream{Name: i.Config.Name, Messages: i.State.Msgs, Bytes: i.State.Bytes, Consumers: i.State.Consumers}
}

// owner is the namespace that a stream is a store of; empty if it is none's.
func owner(c jetstream.StreamConfig) string {
	name := strings.TrimPrefix(c.Name, fence)
	for _, s := range api.Stores {
		before, ok := strings.CutSuffix(name, api.Bucket("", s.Name))
		if !ok {
			continue
		}
		ns := before
		if s.Kind != api.StoreStream {
			prefix := strings.TrimSuffix(s.Stream("n"), api.Bucket("n", s.Name))
			if ns, ok = strings.CutPrefix(before, prefix); !ok {
				continue
			}
		}
		if api.ValidID(ns) && s.Stream(ns) == name && says(c, ns, s) {
			return ns
		}
	}
	return ""
}

// says tells whether the subjects of a stream are those of the namespace's store. A fenced one has given its subjects away.
func says(c jetstream.StreamConfig, ns string, s api.Store) bool {
	prefix := ns + "."
	switch s.Kind {
	case api.StoreBucket:
		prefix = "$KV." + api.Bucket(ns, s.Name) + "."
	case api.StoreObjects:
		prefix = "$O." + api.Bucket(ns, s.Name) + "."
	}
	return !slices.ContainsFunc(c.Subjects, func(subject string) bool {
		return !strings.HasPrefix(subject, prefix) && subject != backup.FencedSubject(s.Stream(ns))
	})
}

// called tells whether a stream has a name as the namespace's have.
func called(ns, stream string) bool {
	for _, prefix := range []string{"", "KV_", "OBJ_", fence, fence + "KV_", fence + "OBJ_"} {
		if strings.HasPrefix(stream, prefix+api.Bucket(ns, "")) {
			return true
		}
	}
	return false
}

// closer tells whether the name fits another namespace of a longer name.
func closer(found map[string]*Namespace, ns, stream string) bool {
	for other := range found {
		if len(other) > len(ns) && called(other, stream) {
			return true
		}
	}
	return false
}

// Look returns what there is of one namespace; one that has nothing has no streams.
func Look(ctx context.Context, conn *rpc.Conn, ns string) (*Namespace, error) {
	all, err := List(ctx, conn)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Name == ns {
			return &all[i], nil
		}
	}
	return &Namespace{Name: ns}, nil
}
