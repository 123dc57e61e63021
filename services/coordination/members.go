package coordination

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// members knows the agents that may be members of sessions: a mirror of the registry's, which it follows as soon as a registry has run.
type members struct {
	mirror atomic.Pointer[kv.Mirror[api.Agent]]
	work   sync.WaitGroup
}

func followMembers(ctx context.Context, conn *rpc.Conn, log zerolog.Logger) *members {
	m := &members{}
	m.work.Go(func() {
		for {
			bucket, err := kv.Attach(ctx, conn.JS, conn.Namespace, "agents")
			if err == nil {
				mirror := kv.NewMirror(bucket, kv.MirrorOptions[api.Agent]{Log: log})
				mirror.Start()
				m.mirror.Store(mirror)
				return
			}
			if !pause(ctx, retryEvery) {
				return
			}
		}
	})
	return m
}

func (m *members) close() {
	m.work.Wait()
	if mirror := m.mirror.Load(); mirror != nil {
		mirror.Stop()
	}
}

// get returns an agent: from the mirror, or when it is not there yet, from the registry.
func (c *council) agent(ctx context.Context, id string) (*api.Agent, error) {
	if mirror := c.members.mirror.Load(); mirror != nil && mirror.Synced() {
		if a, _, ok := mirror.Get(id); ok {
			return a, nil
		}
	}
	a, err := rpc.Call(ctx, c.conn, api.AgentsGet, &api.GetRequest{ID: id})
	if api.CodeOf(err) == api.NotFound {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	return a, err
}

// fill looks the members up in the registry, and adds what it says of them to their attributes. Who is not there is refused.
func (c *council) fill(ctx context.Context, r *api.SessionStartRequest) error {
	var unknown []string
	attributes, size := make(map[string]map[string]string, len(r.Members)), 0
	for _, id := range r.Members {
		a, err := c.agent(ctx, id)
		if err != nil {
			return err
		}
		if a == nil {
			unknown = append(unknown, id)
			continue
		}
		known := map[string]string{"type": a.Type, "host": a.Host, "capabilities": strings.Join(slices.Sorted(slices.Values(a.Capabilities)), ",")}
		maps.DeleteFunc(known, func(_, v string) bool { return v == "" })
		size += len(known[api.AttributeCapabilities])
		maps.Copy(known, r.Attributes[id])
		attributes[id] = known
	}
	switch {
	case len(unknown) == 0:
	case len(unknown) == len(r.Members):
		return api.Errorf(api.NotFound, "none of the members is a registered agent").WithReason(api.ReasonAgentsNotFound).WithFields("members")
	default:
		return api.Errorf(api.NotFound, "members that are no registered agents: %s", strings.Join(unknown[:min(len(unknown), maxNamed)], ", ")).
			WithReason(api.ReasonSomeAgentsNotFound).WithFields("members")
	}
	if size > maxCapabilities {
		for id, known := range attributes {
			if _, given := r.Attributes[id][api.AttributeCapabilities]; !given {
				abridge(known)
			}
		}
	}
	r.Attributes = attributes
	return nil
}

const (
	maxNamed        = 20        // unknown members that an error names
	maxCapabilities = 128 << 10 // bytes of the capabilities of all members; more would not fit into a command with all else
	maxAbridged     = 64
)

// abridge shortens long capabilities to their beginning and a hash: equal ones stay equal, and others different.
func abridge(known map[string]string) {
	if all := known[api.AttributeCapabilities]; len(all) > maxAbridged {
		sum := sha256.Sum256([]byte(all))
		known[api.AttributeCapabilities] = all[:maxAbridged/2] + "#" + hex.EncodeToString(sum[:8])
	}
}
