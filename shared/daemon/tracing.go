package daemon

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mabus-project/mabus/shared/trace/export"
)

// flushTimeout is for the last spans of the process: a collector that is away must not hold up its end.
const flushTimeout = 2 * time.Second

// startTracing exports the spans of the process, if the environment says where to and whoever runs the services does not do so already.
// The function that it returns sends the last ones.
func (p *process) startTracing(ctx context.Context) (stop func(), err error) {
	name := "mabus"
	if len(p.services) == 1 {
		name += "-" + p.services[0].Name
	}
	p.spans, err = export.Start(ctx, export.Config{Service: name, Version: p.cfg.Version, Namespace: p.cfg.NATS.Namespace, Log: p.cfg.Log})
	if err != nil {
		return nil, err
	}
	return func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		if err := p.spans.Stop(last); err != nil {
			p.cfg.Log.Warn().Err(err).Msg("the last traces were not exported")
		}
	}, nil
}

// countSpans adds what becomes of spans to the metrics.
func (p *process) countSpans(reg prometheus.Registerer) {
	count := func(outcome string, of func() uint64) {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "mabus_spans_total", Help: "Spans of traces that have ended here, were exported, or could not be; further ones wait or were dropped.",
			ConstLabels: prometheus.Labels{"outcome": outcome},
		}, func() float64 { return float64(of()) }))
	}
	count("ended", func() uint64 { ended, _, _ := p.spans.Counts(); return ended })
	count("exported", func() uint64 { _, sent, _ := p.spans.Counts(); return sent })
	count("failed", func() uint64 { _, _, failed := p.spans.Counts(); return failed })
}
