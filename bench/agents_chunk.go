package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// chunkWork is how long the agents work that do not send their first chunk at once.
const chunkWork = 5 * time.Millisecond

// speaker is the module of agents whose first chunk says how long it took them, in nanoseconds. Their config names the time
// that they work first.
var speaker = agent.Module{
	Name: "bench-speaker",
	Doc:  "Answers in two parts after a while.",
	New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		var cfg struct {
			Work api.Duration `json:"work"`
		}
		if err := codec.Decode(env.Spec.Config, &cfg); err != nil {
			return nil, err
		}
		return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
			begin := time.Now()
			if cfg.Work > 0 {
				work(cfg.Work.Std())
			}
			if err := m.Parts.Chunk(ctx, strconv.AppendInt(nil, int64(time.Since(begin)), 10)); err != nil {
				return nil, err
			}
			return m.Payload, nil
		}), nil
	},
}

// chunkSides are the agents that take turns.
var chunkSides = []struct {
	figure string
	spec   func(r *run) api.AgentSpec
}{
	{"first_chunk_", func(*run) api.AgentSpec { return api.AgentSpec{Module: speaker.Name, Config: works(0)} }},
	{"first_chunk_work_", func(*run) api.AgentSpec { return api.AgentSpec{Module: speaker.Name, Config: works(chunkWork)} }},
	{"first_chunk_exec_", func(r *run) api.AgentSpec { return api.AgentSpec{Command: r.program(workExec)} }},
	{"first_chunk_exec_work_", func(r *run) api.AgentSpec {
		return api.AgentSpec{Command: r.program(workExec, chunkWork.String())}
	}},
}

// measureChunk times the first chunk of answers, and the round trip of plain requests in the same turns.
func measureChunk(ctx context.Context, r *run) error {
	f, err := r.host(ctx)
	if err != nil {
		return err
	}
	for i, s := range chunkSides {
		spec := s.spec(r)
		spec.ID, spec.Concurrency = fmt.Sprintf("chunk-%d", i), 64
		end, err := f.beginAgent(ctx, spec)
		if err != nil {
			return err
		}
		defer end()
	}
	for _, callers := range []int{1, 64} {
		sides := []side{{"nats", loop(callers, func(context.Context, int) error {
			m, err := f.ask.Request(plainEcho, payload, api.DefaultTimeout.Std())
			if err != nil {
				return err
			}
			return same(m.Data)
		})}}
		for i, s := range chunkSides {
			id := fmt.Sprintf("chunk-%d", i)
			sides = append(sides, side{s.figure[len("first_chunk_"):] + "agent", func(ctx context.Context, d time.Duration) (load, error) {
				added := make([][]time.Duration, callers)
				l, err := closed(ctx, callers, d, func(ctx context.Context, c int) error {
					took, err := f.firstChunk(ctx, id)
					added[c] = append(added[c], took)
					return err
				})
				l.p50, l.p99 = percentiles(slices.Concat(added...))
				return l, err
			}})
		}
		err := r.rounds(ctx, fmt.Sprintf("%d callers", callers), sides, func(l []load) {
			r.record(suffixed("first_chunk_raw_ms", callers), "ms", millis(l[0].p50))
			r.record(suffixed("first_chunk_raw_p99_ms", callers), "ms", millis(l[0].p99))
			for i, s := range chunkSides {
				r.record(suffixed(s.figure+"added_ms", callers), "ms", millis(l[i+1].p50))
				r.record(suffixed(s.figure+"added_p99_ms", callers), "ms", millis(l[i+1].p99))
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

var errParts = errors.New("the answer is not a chunk and a result")

// firstChunk asks an agent and reads its answer to the end. It returns how much later than the agent it had the first chunk.
func (f *faraway) firstChunk(ctx context.Context, id string) (time.Duration, error) {
	begin := time.Now()
	s, err := f.client.Stream(ctx, id, payload)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	first, err := s.Next()
	took := time.Since(begin)
	if err != nil {
		return 0, err
	}
	own, err := strconv.ParseInt(string(first.Body), 10, 64)
	if err != nil || first.Kind != api.PartChunk || own > int64(took) {
		return 0, errParts
	}
	last, err := s.Next()
	if err != nil {
		return 0, err
	}
	if last.Kind != api.PartResult {
		return 0, errParts
	}
	return took - time.Duration(own), sameValue(last.Body)
}
