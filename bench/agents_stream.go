package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// newTicker returns the module of agents that send a chunk at once and then one every now and then, numbered from 0, until
// some agent of it in the process is sent a cast. The result is the number of chunks. Their config is {"every":"1s"}.
func newTicker() agent.Module {
	over, end := context.WithCancel(context.Background())
	return agent.Module{
		Name: "bench-ticker",
		Doc:  "Sends a chunk every now and then until it is told to end.",
		New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
			var cfg struct {
				Every api.Duration `json:"every"`
			}
			if err := codec.Decode(env.Spec.Config, &cfg); err != nil {
				return nil, err
			}
			if cfg.Every <= 0 {
				return nil, errors.New("every must be more than 0")
			}
			return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
				if m.Cast {
					end()
					return nil, nil
				}
				return tick(ctx, over, m, cfg.Every.Std())
			}), nil
		},
	}
}

func tick(ctx, over context.Context, m *agent.Message, every time.Duration) (json.RawMessage, error) {
	next := time.NewTimer(time.Duration(rand.Int64N(int64(every)))) // not all at the same moment
	defer next.Stop()
	for n := 0; ; n++ {
		if err := m.Parts.Chunk(ctx, strconv.AppendInt(nil, int64(n), 10)); err != nil {
			return nil, err
		}
		select {
		case <-next.C:
			next.Reset(every)
		case <-over.Done():
			return strconv.AppendInt(nil, int64(n+1), 10), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// measureStreams has a fresh host and a fresh reader in each round.
func measureStreams(ctx context.Context, r *run) error {
	name := func(what string) string { return "streams_" + thousands(r.cfg.Streams) + "_" + what }
	if _, err := resident(0); err != nil {
		r.cfg.Progress(fmt.Sprintf("%-9s not measured: this system does not tell the resident memory of a process: %v", r.name, err))
		return nil
	}
	for round := range r.cfg.Rounds {
		got, err := r.streams(ctx, fmt.Sprintf("%s-streams-%d", namespace, round))
		if err != nil {
			return err
		}
		n := float64(r.cfg.Streams)
		r.record(name("mb"), "MB", got.Host/1e6)
		r.record(name("bytes"), "bytes", got.Host/n)
		r.record(name("reader_mb"), "MB", got.Reader/1e6)
		r.record(name("reader_bytes"), "bytes", got.Reader/n)
		r.record(name("open_s"), "s", got.Opened)
		r.record(name("chunks"), "chunks", float64(got.Chunks))
		r.record(name("complete"), "streams", float64(got.Complete))
		r.cfg.Progress(fmt.Sprintf("%-9s %-16s round %d of %d: host %.1f MB, reader %.1f MB, %d chunks, %d complete", r.name,
			thousands(r.cfg.Streams)+" streams", round+1, r.cfg.Rounds, got.Host/1e6, got.Reader/1e6, got.Chunks, got.Complete))
	}
	return nil
}

func (r *run) streams(ctx context.Context, ns string) (*readReport, error) {
	host, err := r.startHost(ctx, hostConfig{URL: r.cfg.URL, Namespace: ns})
	if err != nil {
		return nil, err
	}
	stop := sync.OnceFunc(host.stop)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	c, err := r.startWorker(workRead, readConfig{
		URL: r.cfg.URL, Namespace: ns, Streams: r.cfg.Streams, Every: api.Duration(max(r.cfg.Duration/2, time.Millisecond)), Hold: api.Duration(2 * r.cfg.Duration), Host: host.pid,
	})
	if err != nil {
		return nil, err
	}
	defer c.stop()
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("the reader of the streams has failed: %w", err)
	}
	got := &readReport{}
	return got, codec.Decode(line, got)
}

// thousands writes 10,000 as 10k.
func thousands(n int) string {
	if n%1000 == 0 {
		return strconv.Itoa(n/1000) + "k"
	}
	return strconv.Itoa(n)
}
