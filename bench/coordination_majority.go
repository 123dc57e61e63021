package bench

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const majorityMembers = 5

// majority is a session in which all members vote.
func (a *assembly) majority() api.SessionStartRequest {
	return api.SessionStartRequest{
		Type: api.SessionConsensus, Algorithm: api.BallotMajority, Members: a.members, Question: json.RawMessage(`{"proposal":"go on"}`), Timeout: api.Duration(sessionTime),
	}
}

// agreed checks that the members have agreed.
func agreed(x *api.Session) error {
	if err := completed(x); err != nil {
		return err
	}
	var result api.BallotResult
	if err := codec.Read(x.Result, &result); err != nil {
		return fmt.Errorf("read the result of session %s: %w", x.ID, err)
	}
	if !result.ConsensusReached || result.Decision != "yes" || result.Participants <= majorityMembers/2 {
		return fmt.Errorf("session %s has the result %s", x.ID, x.Result)
	}
	return nil
}

func measureMajority(ctx context.Context, r *run) error {
	a, end, err := r.assemble(ctx, "bench-majority", majorityMembers)
	if err != nil {
		return err
	}
	defer end()
	decide := func(ctx context.Context, _ int) error {
		x, err := a.run(ctx, a.majority())
		if err != nil {
			return err
		}
		return agreed(x)
	}
	for _, callers := range []int{1, 64} {
		err := r.rounds(ctx, fmt.Sprintf("5 members, %d", callers), []side{{"sessions", loop(callers, decide)}}, func(l []load) {
			if callers == 1 {
				r.record("majority5_p50_ms", "ms", millis(l[0].p50))
				r.record("majority5_p99_ms", "ms", millis(l[0].p99))
				return
			}
			r.record(fmt.Sprintf("majority5_per_s_%d", callers), "ops/s", l[0].rate())
			r.record(fmt.Sprintf("majority5_p50_ms_%d", callers), "ms", millis(l[0].p50))
			r.record(fmt.Sprintf("majority5_cpu_%d", callers), "us", l[0].cpuEach())
		})
		if err != nil {
			return err
		}
	}
	return nil
}
