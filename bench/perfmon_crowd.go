package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/sketch"
)

const (
	crowdConns    = 4
	crowdVariants = 3 // different deltas of a source, sent in turns
	crowdSamples  = 20
	crowdHosts    = 20
)

// crowd is sources of deltas, which were made beforehand, and what they have sent since it was forgotten.
type crowd struct {
	subject string
	conns   []*nats.Conn
	sources []*crowdSource
	samples [ingestSeries][]sentSample // sorted
	total   atomic.Uint64
	probe   *probeSource
	rnd     *rand.Rand // of the probe's pauses
}

type crowdSource struct {
	head, tail [crowdVariants][]byte // of a delta, before and behind its number
	sent       [crowdVariants]atomic.Uint64
	seq        uint64
}

// sentSample is a sample of one delta.
type sentSample struct {
	value           float64
	source, variant int32
}

func ingestMetric(i int) string { return fmt.Sprintf("bench.metric%02d", i) }

// newCrowd makes the deltas: log-normal samples of another median for each metric.
func (r *run) newCrowd(ns string, sources int) (*crowd, error) {
	g := &crowd{subject: api.DeltasAdd.Subject(ns), rnd: rand.New(rand.NewPCG(1, 2))}
	for range crowdConns {
		nc, err := r.plain()
		if err != nil {
			return nil, err
		}
		g.conns = append(g.conns, nc)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range sources {
		s := &crowdSource{}
		for v := range crowdVariants {
			d := api.DeltaAddRequest{Source: fmt.Sprint("source-", i), Incarnation: "i", Seq: 1, Interval: api.Duration(time.Second)}
			for k := range ingestSeries {
				values := logNormal(rnd, k)
				for _, x := range values {
					g.samples[k] = append(g.samples[k], sentSample{x, int32(i), int32(v)}) //nolint:gosec // a million at most
				}
				encoded, err := encode(values)
				if err != nil {
					return nil, err
				}
				d.Series = append(d.Series, api.DeltaSeries{
					Series: api.Series{Metric: ingestMetric(k), Kind: api.SourceAgent, ID: d.Source, Type: "worker", Host: fmt.Sprint("host-", i%crowdHosts)}, Sketch: encoded,
				})
			}
			var err error
			if s.head[v], s.tail[v], err = split(&d); err != nil {
				return nil, err
			}
		}
		g.sources = append(g.sources, s)
	}
	for k := range g.samples {
		sortSamples(g.samples[k])
	}
	g.probe = &probeSource{conn: g.conns[0], subject: g.subject}
	return g, nil
}

// logNormal returns samples of a metric, whose medians are from 1e-4 to 30.
func logNormal(rnd *rand.Rand, metric int) []float64 {
	values := make([]float64, crowdSamples)
	for i := range values {
		values[i] = 1e-4 * math.Exp(float64(metric)/4+0.7*rnd.NormFloat64())
	}
	return values
}

func encode(values []float64) ([]byte, error) {
	s := sketch.New()
	for _, x := range values {
		if err := s.Add(x, 1); err != nil {
			return nil, err
		}
	}
	return s.AppendBinary(nil), nil
}

// split returns a delta in JSON without its number, which comes between the two.
func split(d *api.DeltaAddRequest) (head, tail []byte, err error) {
	series, err := codec.Marshal(d.Series)
	if err != nil {
		return nil, nil, err
	}
	head = fmt.Appendf(nil, `{"source":%q,"incarnation":%q,"seq":`, d.Source, d.Incarnation)
	tail = append([]byte(`,"interval":"1s","series":`), series...)
	return head, append(tail, '}'), nil
}

// send has every source send a delta a second, one after the other, until ctx ends or stop is called, which returns when all is sent. Each
// source has one of the connections.
func (g *crowd) send(ctx context.Context) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	errs := make([]error, len(g.conns))
	var all sync.WaitGroup
	begin := time.Now()
	for c, nc := range g.conns {
		all.Go(func() {
			for second := begin; ctx.Err() == nil; second = second.Add(time.Second) {
				for i := c; i < len(g.sources); i += len(g.conns) {
					if d := time.Until(second.Add(time.Duration(i) * time.Second / time.Duration(len(g.sources)))); d > 0 {
						linger(ctx, d)
					}
					if ctx.Err() != nil {
						break
					}
					if errs[c] = g.sendOne(nc, g.sources[i]); errs[c] != nil {
						return
					}
				}
			}
			errs[c] = nc.Flush()
		})
	}
	return func() error {
		cancel()
		all.Wait()
		return errors.Join(errs...)
	}
}

// sendOne sends the next delta of a source.
func (g *crowd) sendOne(nc *nats.Conn, s *crowdSource) error {
	s.seq++
	v := int(s.seq % crowdVariants) //nolint:gosec // below 3
	body := make([]byte, 0, len(s.head[v])+len(s.tail[v])+20)
	body = append(strconv.AppendUint(append(body, s.head[v]...), s.seq, 10), s.tail[v]...)
	if err := nc.Publish(g.subject, body); err != nil {
		return err
	}
	s.sent[v].Add(1)
	g.total.Add(1)
	return nil
}

// deltas returns how many have been sent.
func (g *crowd) deltas() uint64 { return g.total.Load() }

// exact returns the order statistics of a metric's samples, and how many there are.
func (g *crowd) exact(metric int) ([]float64, uint64) {
	return orderStatistics(g.samples[metric], func(s sentSample) uint64 { return g.sources[s.source].sent[s.variant].Load() })
}

// forget has what is exact begin anew.
func (g *crowd) forget() {
	for _, s := range g.sources {
		for v := range s.sent {
			s.sent[v].Store(0)
		}
	}
	g.probe.turn++
	g.probe.seq = 0
}

// pause is between two probes: at random, so that they meet all moments of what replicas do at intervals.
func (g *crowd) pause() time.Duration {
	return time.Duration(g.rnd.Int64N(int64(300 * time.Millisecond)))
}

// probeSource is a source whose deltas are looked for. Each turn has a metric and an incarnation of its own.
type probeSource struct {
	conn    *nats.Conn
	subject string
	turn    int
	seq     uint64
}

func (p *probeSource) metric() string { return fmt.Sprint("bench.probe", p.turn) }

func (p *probeSource) tell() error {
	p.seq++
	encoded, err := encode([]float64{1})
	if err != nil {
		return err
	}
	body, err := codec.Marshal(&api.DeltaAddRequest{
		Source: "probe", Incarnation: fmt.Sprint("i", p.turn), Seq: p.seq, Interval: api.Duration(time.Second),
		Series: []api.DeltaSeries{{Series: api.Series{Metric: p.metric(), Kind: api.SourceAgent, ID: "probe"}, Sketch: encoded}},
	})
	if err != nil {
		return err
	}
	return p.conn.Publish(p.subject, body)
}
