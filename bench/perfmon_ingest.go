package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	ingestReplicas = 2
	ingestTurns    = 5 // of which the first is not counted: what is new to a replica takes it longer
)

// ingestQuantiles are compared with what was sent.
var ingestQuantiles = []api.Measure{0.5, 0.9, 0.99, 0.999}

// measureIngest sends the deltas of a fleet, and looks at what becomes of them. Rounds are apart, so that the figures of one are of what was
// sent in it and nothing else.
func measureIngest(ctx context.Context, r *run, sources int) error {
	m, err := r.openMonitor(ctx, "ingest", ingestReplicas)
	if err != nil {
		return err
	}
	defer m.close()
	g, err := r.newCrowd(m.ns, sources)
	if err != nil {
		return err
	}
	for round := range r.cfg.Rounds {
		linger(ctx, time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // a second of the log that has nothing yet
		from := time.Now().Truncate(time.Second)
		turn, err := m.ingest(ctx, g, r.cfg.Duration)
		if err != nil {
			return err
		}
		lost, wrong, err := m.compare(ctx, g, from)
		if err != nil {
			return err
		}
		p50, _, most := quantiles(turn.fresh)
		r.record("ingest_cores", "", turn.cores)
		r.record("ingest_deltas_per_s", "1/s", turn.rate)
		r.record("ingest_lost", "ratio", lost)
		r.record("freshness_ms", "ms", ms(most))
		r.record("freshness_p50_ms", "ms", ms(p50))
		r.record("freshness_told_ms", "ms", ms(turn.told))
		r.record("quantile_error", "ratio", wrong)
		r.cfg.Progress(fmt.Sprintf("%-9s %-16s round %d of %d: %.2f cores for %.0f deltas/s, seen after %s at most, lost %.4f, quantiles %.4f off", r.name,
			fmt.Sprintf("%d sources", sources), round+1, r.cfg.Rounds, turn.cores, turn.rate, most.Round(time.Millisecond), lost, wrong))
	}
	return nil
}

// ingested is what one round of ingest has shown.
type ingested struct {
	cores, rate float64
	fresh       []time.Duration // from the sending of a delta until it was seen
	told        time.Duration   // the greatest age of an answer
}

// ingest has the crowd send for five turns.
func (m *monitor) ingest(ctx context.Context, g *crowd, turn time.Duration) (in ingested, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watching, watched := context.WithCancel(ctx)
	defer watched()
	done := make(chan error, 1)
	go func() {
		var err error
		in.fresh, in.told, err = m.probe(watching, g)
		done <- err
	}()
	stop := g.send(ctx)
	linger(ctx, turn)
	cpu, err := m.cpu()
	before, begin := g.deltas(), time.Now()
	if err == nil {
		linger(ctx, (ingestTurns-1)*turn)
	}
	after, errAfter := m.cpu()
	took, sent := time.Since(begin), g.deltas()-before
	errSend := stop()
	watched()
	errProbe := <-done
	if err := errors.Join(err, errAfter, errSend, errProbe, context.Cause(ctx)); err != nil {
		return in, err
	}
	in.cores, in.rate = float64(after-cpu)/float64(took), float64(sent)/took.Seconds()
	return in, nil
}

// probe sends a delta of a source of its own now and then, until ctx ends, and asks for the fleet's percentiles until three answers in a
// row have it. There is at least one.
func (m *monitor) probe(ctx context.Context, g *crowd) (fresh []time.Duration, told time.Duration, err error) {
	always := context.WithoutCancel(ctx)
	metric := g.probe.metric()
	ask := api.MetricsPercentilesRequest{
		MetricSelector: api.MetricSelector{Scope: api.MetricsOfFleet, Metric: metric}, MetricTime: api.MetricTime{Last: api.Duration(10 * time.Minute)}, Quantiles: []api.Measure{0.5},
	}
	for n := uint64(1); n == 1 || ctx.Err() == nil; n++ {
		sent := time.Now()
		if err := g.probe.tell(); err != nil {
			return nil, 0, err
		}
		var seen time.Duration
		for row := 0; row < 3; {
			resp, err := m.client.Metrics.Percentiles(always, ask)
			took := time.Since(sent)
			switch {
			case took > patience:
				return nil, 0, errors.Join(fmt.Errorf("a delta was not seen for %s", patience), err)
			case err != nil && api.ReasonOf(err) != api.ReasonSeriesNotFound:
				return nil, 0, err
			case err != nil || resp.Count < n:
				row = 0
			default:
				if row == 0 {
					seen = took
				}
				row++
			}
			if err == nil {
				told = max(told, resp.Status.Age.Std())
			}
			linger(always, 5*time.Millisecond)
		}
		fresh = append(fresh, seen)
		linger(ctx, g.pause())
	}
	return fresh, told, nil
}

// compare returns the part of all samples since a moment that is missing, and the greatest relative error of the fleet's percentiles.
func (m *monitor) compare(ctx context.Context, g *crowd, from time.Time) (lost, wrong float64, err error) {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ask := func(metric int) (*api.MetricsPercentilesResponse, error) {
		return m.client.Metrics.Percentiles(ctx, api.MetricsPercentilesRequest{
			MetricSelector: api.MetricSelector{Scope: api.MetricsOfFleet, Metric: ingestMetric(metric)}, Quantiles: ingestQuantiles,
			MetricTime: api.MetricTime{From: from, To: time.Now().Add(2 * time.Second)},
		})
	}
	have, sent := uint64(0), uint64(0)
	for metric := range ingestSeries {
		exact, count := g.exact(metric)
		var resp *api.MetricsPercentilesResponse
		_ = eventually(wait, func() (bool, error) { // what does not come is lost, and told
			resp, err = ask(metric)
			return err == nil && resp.Count >= count, err
		})
		if err != nil {
			return 0, 0, fmt.Errorf("metric %d: %w", metric, err)
		}
		if len(resp.Values) != len(exact) {
			return 0, 0, fmt.Errorf("metric %d has %d percentiles", metric, len(resp.Values))
		}
		have, sent = have+resp.Count, sent+count
		for i, v := range resp.Values {
			wrong = max(wrong, math.Abs(float64(v.Value)-exact[i])/exact[i])
		}
	}
	g.forget()
	return 1 - float64(have)/float64(max(sent, 1)), wrong, nil
}

// orderStatistics returns those samples of a sorted list that have the ranks of the quantiles, each counted as often as it was sent.
func orderStatistics(sorted []sentSample, times func(sentSample) uint64) (exact []float64, count uint64) {
	for _, s := range sorted {
		count += times(s)
	}
	exact = make([]float64, len(ingestQuantiles))
	if count == 0 {
		return exact, 0
	}
	var passed uint64
	for _, s := range sorted {
		next := passed + times(s)
		for i, q := range ingestQuantiles {
			if rank := uint64(float64(q) * float64(count-1)); passed <= rank && rank < next {
				exact[i] = s.value
			}
		}
		passed = next
	}
	return exact, count
}

func sortSamples(s []sentSample) {
	slices.SortFunc(s, func(a, b sentSample) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return 0
	})
}
