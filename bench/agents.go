package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// agentMeasurements are those of the suite "agents", in this order.
var agentMeasurements = []measurement{
	{"chunk", "the first chunk of an answer in parts", `How much later than the agent has it the caller has the first chunk: from the call of Stream until Next returns the chunk,
less the time that the agent took by its own clock from the message to the chunk. For an agent in Go that sends the chunk at
once (first_chunk_added_ms), for one that works 5 ms first (first_chunk_work_), and for programs that do the same
(first_chunk_exec_, first_chunk_exec_work_). The round trip of a plain request to a subscriber in the host's process is
first_chunk_raw_ms. Callers ask again at once, so 64 of those that get their chunk at once keep the machine busy.`, measureChunk},
	{"streams", "memory of many open streams", `All streams (--streams) of one agent are open at once and each has a chunk now and then, in every round with a host and a
reader that have just started. streams_10k_mb is what the host's process has more of resident memory while all are open than
before the first, at its greatest, streams_10k_bytes the same for each stream; _reader_ is the process that reads them all.
Every stream must end with all its chunks, or the measurement fails.`, measureStreams},
	{"exec", "agents in other programs, against a pipe", `Calls per second of a program that answers with the message. exec_call_ratio is for one in Python (python3) that uses the
standard library alone, as people write them: calls through the SDK, NATS and the agent host, by one goroutine that writes the
same frames to a pipe and reads the answers, with as many in flight. The target is for 256 in flight, where both keep the
program busy: what is left of its rate behind Mabus. With 1 in flight it is out of reach, because a round trip over NATS stands
against one over a pipe; 64 are between the two.
exec_go_ is a program in Go that takes less than 1 us to answer, so that the program does not count. exec_go_call_ratio is as
above and says how much shorter a pipe is than the way over NATS: the loop has no callers to wake, and sends and reads 64
frames at once. exec_go_bridge_ratio is that call by a plain request to a bare subscriber that passes it on to the program:
what Mabus costs beside NATS and the pipe. exec_go_runtime_ratio is the runtime alone, without NATS, by a pipe that as many
goroutines share, each of which waits for its answer. Without python3 exec_call_ratio is left out, which the report says.`, measureExec},
	{"guard", "what a guard adds to a call", `What a function that does nothing takes longer when it is called through a guard whose every stage is on, with a limiter of
its own and limits that are never reached. guard_added_us is the time that one more call takes all callers together,
guard_added_cpu the time on the CPU.`, measureGuard},
	{"http", "agents behind HTTP, against net/http", `A post of the message to a server in this process that answers with it: by net/http alone, by the runtime of http agents
with no guard but for its pool of 64 connections, and with a guard whose every stage is on. http_call_ratio is the calls per
second with the guard by those of net/http alone, http_added_us the difference of their medians.`, measureHTTP},
}

// AgentNames lists the measurements of Agents with what they are about, and how their figures are to be read.
func AgentNames() [][3]string {
	var names [][3]string
	for _, m := range agentMeasurements {
		names = append(names, [3]string{m.name, m.doc, m.help})
	}
	return names
}

// Agents measures what Mabus adds to the agents that people write. The agents run in a host in another process, which is
// started by Config.Worker, as are the programs among them.
func Agents(ctx context.Context, cfg Config) (*Report, error) {
	if len(cfg.Worker) == 0 {
		return nil, errors.New("config: Worker must name the program that calls bench.Worker")
	}
	if cfg.Streams <= 0 {
		cfg.Streams = api.MaxConcurrency
	}
	if cfg.Streams > api.MaxConcurrency {
		return nil, fmt.Errorf("config: an agent has at most %d streams at once", api.MaxConcurrency)
	}
	return take(ctx, "agents", cfg, agentMeasurements)
}

// faraway is a host in a process of its own, with a client and a plain connection here.
type faraway struct {
	client *client.Client
	ask    *nats.Conn
}

// host starts the host once for all measurements that need no fresh one.
func (r *run) host(ctx context.Context) (*faraway, error) {
	if r.faraway != nil {
		return r.faraway, nil
	}
	p, err := r.startHost(ctx, hostConfig{URL: r.cfg.URL, Namespace: namespace, Bridge: r.program(workExec), Profile: r.cfg.HostProfile})
	if err != nil {
		return nil, err
	}
	r.cleanup(p.stop)
	f := &faraway{}
	if f.client, err = r.connect(ctx, namespace); err != nil {
		return nil, err
	}
	if f.ask, err = r.plain(); err != nil {
		return nil, err
	}
	r.faraway = f
	return f, nil
}

// beginAgent is services.begin on the host of another process.
func (f *faraway) beginAgent(ctx context.Context, spec api.AgentSpec) (end func(), err error) {
	return (&services{client: f.client}).begin(ctx, spec)
}

// program is the command of an agent that is this program.
func (r *run) program(args ...string) []string {
	return slices.Concat(r.cfg.Worker, args)
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// suffixed puts the number of callers behind a figure's name.
func suffixed(name string, callers int) string {
	return fmt.Sprintf("%s_%d", strings.TrimSuffix(name, "_"), callers)
}
