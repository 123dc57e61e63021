package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	byzantineMembers = 4                     // the least number that survives one liar
	byzantinePause   = 10 * time.Millisecond // between sessions
)

func measureByzantine(ctx context.Context, r *run) error {
	a, end, err := r.assemble(ctx, "bench-byzantine", byzantineMembers)
	if err != nil {
		return err
	}
	defer end()
	proposal := json.RawMessage(`{"proposal":"go on"}`)
	decide := func(ctx context.Context) (time.Duration, error) {
		select {
		case <-time.After(byzantinePause):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		begin := time.Now()
		x, err := a.run(ctx, api.SessionStartRequest{Type: api.SessionByzantine, Members: a.members, Question: proposal})
		if err != nil {
			return 0, err
		}
		took := time.Since(begin)
		var result api.ByzantineResult
		if err := codec.Read(x.Result, &result); err != nil {
			return 0, fmt.Errorf("read the result of session %s: %w", x.ID, err)
		}
		if string(result.Decision) != string(proposal) || len(result.Certificate) == 0 {
			return 0, fmt.Errorf("session %s has the result %s", x.ID, x.Result)
		}
		return took, nil
	}
	return r.rounds(ctx, "4 members", []side{{"sessions", timed(decide)}}, func(l []load) {
		r.record("pbft4_p50_ms", "ms", millis(l[0].p50))
		r.record("pbft4_p99_ms", "ms", millis(l[0].p99))
		r.record("pbft4_cpu", "us", l[0].cpuEach())
	})
}
