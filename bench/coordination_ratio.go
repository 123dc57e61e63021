package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// logRatio compares commands with requests that are sent back, and with further sides of the same number of callers.
func (r *run) logRatio(ctx context.Context, h *logHouse, callers int, more ...side) error {
	what := strings.TrimSpace(fmt.Sprintf("%d callers %s", callers, strings.TrimPrefix(h.at.suffix, "_")))
	var entries uint64
	sides := append([]side{{"nats", loop(callers, h.echo)}, {"log", func(ctx context.Context, d time.Duration) (load, error) {
		before := h.logs[0].Status().Seq
		l, err := closed(ctx, callers, d, h.add)
		entries = h.logs[0].Status().Seq - before
		return l, err
	}}}, more...)
	name := func(figure string) string { return fmt.Sprintf("%s_%d%s", figure, callers, h.at.suffix) }
	return r.rounds(ctx, what, sides, func(l []load) {
		echo, log := l[0], l[1]
		r.record(name("replog_echo_ops"), "ops/s", echo.rate())
		r.record(name("replog_ops"), "ops/s", log.rate())
		r.record(name("replog_ratio"), "ratio", log.rate()/echo.rate())
		r.record(name("replog_p50"), "us", micros(log.p50))
		r.record(name("replog_p99"), "us", micros(log.p99))
		r.record(name("replog_batch"), "ratio", float64(log.ops)/float64(max(entries, 1)))
		r.record(name("replog_added_cpu"), "us", log.cpuEach()-echo.cpuEach())
		for i, s := range more {
			switch l := l[2+i]; s.name {
			case "service":
				r.record(name("replog_service_ops"), "ops/s", l.rate())
				r.record(name("replog_service_ratio"), "ratio", l.rate()/echo.rate())
				r.record(name("replog_service_added_cpu"), "us", l.cpuEach()-echo.cpuEach())
			case "kv":
				r.record(name("replog_kv_ops"), "ops/s", l.rate())
				r.record(fmt.Sprintf("replog%s_x_kv_%d", h.at.suffix, callers), "ratio", log.rate()/l.rate())
			}
		}
	})
}

// logLatency compares one caller's command with a publish to a stream that is acknowledged, and shows its parts: a request that is sent
// back, and a command without a request.
func (r *run) logLatency(ctx context.Context, h *logHouse) error {
	if _, err := h.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: "bench-published", Subjects: []string{logPublished}, Storage: jetstream.FileStorage, Discard: jetstream.DiscardOld, MaxBytes: 1 << 30,
	}); err != nil {
		return fmt.Errorf("make the stream of publishes: %w", err)
	}
	publish := func(ctx context.Context, _ int) error {
		_, err := h.js.Publish(ctx, logPublished, additionBody)
		return err
	}
	return r.rounds(ctx, "1 caller", []side{{"publish", loop(1, publish)}, {"log", loop(1, h.add)}, {"nats", loop(1, h.echo)}, {"direct", loop(1, h.direct)}, {"service", loop(1, h.service)}}, func(l []load) {
		r.record("replog_publish_p50_1", "us", micros(l[0].p50))
		r.record("replog_p50_1", "us", micros(l[1].p50))
		r.record("replog_echo_p50_1", "us", micros(l[2].p50))
		r.record("replog_direct_p50_1", "us", micros(l[3].p50))
		r.record("replog_service_p50_1", "us", micros(l[4].p50))
		r.record("replog_p50_ratio_1", "ratio", micros(l[1].p50)/micros(l[0].p50))
		r.record("replog_direct_ratio_1", "ratio", micros(l[3].p50)/micros(l[0].p50))
	})
}
