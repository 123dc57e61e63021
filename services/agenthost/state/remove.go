package state

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Remove removes what one registration of an agent has saved, if that is what is kept; there need not be anything.
func (s *Store) Remove(ctx context.Context, agentID string, registered time.Time) error {
	if err := api.CheckID("agent", agentID); err != nil {
		return err
	}
	for try := 0; ; try++ {
		rec, rev, err := s.read(ctx, agentID)
		if err != nil || rec == nil && rev == 0 || rec != nil && !rec.Registered.Equal(registered) {
			return err
		}
		if rec != nil {
			rev, err = s.bucket.Write(ctx, kv.Write{Key: agentID, Delete: true, Expect: rev})
		}
		if err == nil {
			err = s.bury(ctx, agentID, rev)
		}
		if again(ctx, err, try) {
			continue
		}
		if err != nil {
			return fmt.Errorf("remove the state of agent %s: %w", agentID, err)
		}
		return nil
	}
}

// bury removes what is left of an agent up to the deletion of its record. Parts are written under a record only, so up to there
// they are nobody's, and what is newer stays. The deletion goes last: while it is there, it is known that something may be left.
func (s *Store) bury(ctx context.Context, agentID string, deletion uint64) error {
	for _, filter := range []string{agentID + ".>", agentID} {
		if err := s.purge(ctx, filter, jetstream.WithPurgeSequence(deletion+1)); err != nil {
			return err
		}
	}
	return nil
}

// Sweep removes the states of agents that are not registered any more, and returns how many it has removed. It asks the
// registry for each agent that has saved.
func (s *Store) Sweep(ctx context.Context) (removed int, err error) {
	info, err := s.stream.Info(ctx, jetstream.WithSubjectFilter("$KV."+s.bucket.Name()+".*"))
	if err != nil {
		return 0, fmt.Errorf("list the states of %s: %w", s.bucket.Name(), err)
	}
	prefix := len("$KV." + s.bucket.Name() + ".")
	for subject := range info.State.Subjects {
		id := subject[prefix:]
		rec, _, err := s.read(ctx, id)
		if err != nil {
			return removed, err
		}
		if rec == nil { // deleted, and perhaps not to the end
			if err := s.Remove(ctx, id, time.Time{}); err != nil {
				return removed, err
			}
			continue
		}
		now, err := rpc.Call(ctx, s.conn, api.AgentsUpdate, &api.AgentUpdateRequest{ID: id}) // see confirm
		switch {
		case err == nil && now.RegisteredAt.Equal(rec.Registered):
			continue
		case err != nil && api.CodeOf(err) != api.NotFound:
			return removed, err
		}
		if err := s.Remove(ctx, id, rec.Registered); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}
