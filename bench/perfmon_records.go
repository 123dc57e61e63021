package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	recordClients = 16
	recordWindow  = 3000 // records of a client on their way at most; those of all fit into what a replica keeps
)

// measureRecords has one replica and two take turns, on the same server.
func measureRecords(ctx context.Context, r *run) error {
	var conns []*nats.Conn
	for range recordClients {
		nc, err := r.plain()
		if err != nil {
			return err
		}
		conns = append(conns, nc)
	}
	var sides []side
	turn := 0
	cores, lost := map[int]float64{}, map[int]float64{}
	for _, n := range []int{1, 2} {
		m, err := r.openMonitor(ctx, fmt.Sprint("records-", n), n)
		if err != nil {
			return err
		}
		defer m.close()
		sides = append(sides, side{fmt.Sprintf("%d replica(s)", n), func(ctx context.Context, d time.Duration) (l load, err error) {
			turn++
			l, cores[n], lost[n], err = m.records(ctx, conns, fmt.Sprint("bench.turn", turn), d)
			return l, err
		}})
	}
	return r.rounds(ctx, "16 clients", sides, func(l []load) {
		r.record("raw_records_per_s", "ops/s", l[0].rate())
		r.record("raw_records_per_s_2", "ops/s", l[1].rate())
		r.record("raw_growth", "ratio", l[1].rate()/l[0].rate())
		r.record("raw_cores_1", "", cores[1])
		r.record("raw_cores_2", "", cores[2])
		r.record("raw_records_per_core", "ops/s", l[0].rate()/max(cores[1], 1e-9))
		r.record("raw_records_per_core_2", "ops/s", l[1].rate()/max(cores[2], 1e-9))
		r.record("raw_lost", "ratio", max(lost[1], lost[2]))
	})
}

// records publishes records of a metric for d. The load counts those that the fleet's figures have.
func (m *monitor) records(ctx context.Context, conns []*nats.Conn, metric string, d time.Duration) (l load, cores, lost float64, err error) {
	subject := api.MetricsRecord.Subject(m.ns)
	sent, errs := make([]int, len(conns)), make([]error, len(conns))
	cpu, err := m.cpu()
	if err != nil {
		return l, 0, 0, err
	}
	var all sync.WaitGroup
	begin := time.Now()
	for c, nc := range conns {
		all.Go(func() {
			bodies := recordBodies(metric, c)
			for sent[c] == 0 || time.Since(begin) < d && errs[c] == nil { // once, however late it comes to run
				for i := range recordWindow - 1 {
					if err := nc.Publish(subject, bodies[i%len(bodies)]); err != nil {
						errs[c] = err
						return
					}
				}
				msg, err := nc.Request(subject, bodies[0], patience)
				if err == nil && msg.Header.Get(api.HeaderErrorCode) != "" {
					err = fmt.Errorf("record: %s", msg.Data)
				}
				errs[c] = err
				sent[c] += recordWindow
			}
		})
	}
	all.Wait()
	l.took = time.Since(begin)
	after, err := m.cpu()
	if err := errors.Join(append(errs, err)...); err != nil {
		return l, 0, 0, err
	}
	total := 0
	for _, n := range sent {
		total += n
	}
	if l.ops, err = m.recorded(ctx, metric, total); err != nil {
		return l, 0, 0, err
	}
	return l, float64(after-cpu) / float64(l.took), 1 - float64(l.ops)/float64(total), nil
}

// recordBodies are records of a client's own series.
func recordBodies(metric string, c int) [][]byte {
	bodies := make([][]byte, 100)
	for i := range bodies {
		bodies[i] = fmt.Appendf(nil, `{"metric":%q,"kind":"custom","id":"client-%d","value":0.0%d}`, metric, c, 10+i)
	}
	return bodies
}

// recorded returns how many records of a metric the fleet has, as soon as there are so many, or when it has been waited for long enough.
func (m *monitor) recorded(ctx context.Context, metric string, want int) (n int, err error) {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = eventually(wait, func() (bool, error) {
		resp, err := m.client.Metrics.Window(wait, api.MetricsWindowRequest{
			MetricSelector: api.MetricSelector{Scope: api.MetricsOfFleet, Kind: api.SourceCustom, Metric: metric}, MetricTime: api.MetricTime{Last: api.Duration(10 * time.Minute)},
		})
		if err != nil {
			return false, err
		}
		if len(resp.Series) > 0 {
			n = max(n, int(resp.Series[0].Count)) //nolint:gosec // some millions
		}
		return n >= want, nil
	})
	if ctx.Err() != nil || n == 0 {
		return 0, errors.Join(errors.New("no record has come"), err)
	}
	return n, nil
}
