package registry

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	figuresAge     = 10 * time.Second // for how long figures of the store are shown again
	figuresTimeout = 2 * time.Second  // that a scrape waits for them
)

var (
	agentsDesc   = prometheus.NewDesc("mabus_agents", "Agents of the namespace, as this replica of the registry knows them.", []string{"status"}, nil)
	hostsDesc    = prometheus.NewDesc("mabus_hosts", "Agent hosts of the namespace.", []string{"status"}, nil)
	servicesDesc = prometheus.NewDesc("mabus_service_instances", "Running services of the namespace, one for each process.", []string{"service"}, nil)
	bytesDesc    = prometheus.NewDesc("mabus_stream_bytes", "Bytes that a stream, bucket or object store of the namespace has on each of its servers.", []string{"stream"}, nil)
	maxDesc      = prometheus.NewDesc("mabus_stream_max_bytes", "The bound of that, and what becomes of what is beyond: it is refused, or the oldest goes (drops).", []string{"stream", "when_full"}, nil)
	messagesDesc = prometheus.NewDesc("mabus_stream_messages", "Messages in a stream, bucket or object store of the namespace.", []string{"stream"}, nil)
	storeDesc    = prometheus.NewDesc("mabus_store_bytes", "Bytes that the NATS account has stored, copies included.", nil, nil)
	storeMaxDesc = prometheus.NewDesc("mabus_store_max_bytes", "The bound of that; absent if there is none.", nil, nil)
)

// figures tells Prometheus of the namespace: who is in it, and how full what it has in the store is. Every replica of the registry tells
// the same but for what one of them has not heard yet.
type figures struct {
	s *Service

	mu      sync.Mutex
	at      time.Time // when streams and account were read
	streams []*jetstream.StreamInfo
	account *jetstream.AccountInfo // nil if it could not be read
}

// expose adds the figures to the process's metrics until the replica stops.
func (s *Service) expose() {
	if s.cfg.Metrics == nil {
		return
	}
	f := &figures{s: s}
	if s.cfg.Metrics.Register(f) == nil { // a second replica in one process would tell the same
		s.cleanups = append(s.cleanups, func() { s.cfg.Metrics.Unregister(f) })
	}
}

// Describe implements prometheus.Collector.
func (f *figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{agentsDesc, hostsDesc, servicesDesc, bytesDesc, maxDesc, messagesDesc, storeDesc, storeMaxDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector. What cannot be read now is left out.
func (f *figures) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	agents, hosts := counts(f.s.agents, roster.FieldStatus), counts(f.s.hosts, roster.FieldStatus)
	for _, status := range api.AgentStatuses { // those of which there are none as well: a rule can wait for them
		gauge(agentsDesc, float64(agents[string(status)]), string(status))
	}
	for _, status := range []api.HostStatus{api.HostLive, api.HostDead} {
		gauge(hostsDesc, float64(hosts[string(status)]), string(status))
	}
	live := map[string]int{}
	for name := range counts(f.s.services, roster.FieldName) {
		live[name] = 0 // also of one that has only dead instances left
	}
	for _, id := range f.s.services.with(roster.Term{Field: roster.FieldStatus, Value: string(api.HostLive)}) {
		if v, _, ok := f.s.services.mirror.Get(id); ok {
			live[v.Name]++
		}
	}
	for name, n := range live {
		gauge(servicesDesc, float64(n), name)
	}
	streams, account := f.store()
	for _, i := range streams {
		gauge(bytesDesc, float64(i.State.Bytes), i.Config.Name)
		gauge(messagesDesc, float64(i.State.Msgs), i.Config.Name)
		if i.Config.MaxBytes > 0 {
			gauge(maxDesc, float64(i.Config.MaxBytes), i.Config.Name, whenFull(i.Config.Discard))
		}
	}
	if account == nil {
		return
	}
	gauge(storeDesc, float64(account.Store))
	if account.Limits.MaxStore > 0 {
		gauge(storeMaxDesc, float64(account.Limits.MaxStore))
	}
}

func whenFull(d jetstream.DiscardPolicy) string {
	if d == jetstream.DiscardNew {
		return "refuses"
	}
	return "drops"
}

func counts[T any](d *directory[T], field roster.Field) map[string]int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.index.Counts(field)
}

// store reads the figures of the store, unless that was done just now.
func (f *figures) store() ([]*jetstream.StreamInfo, *jetstream.AccountInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.at) < figuresAge {
		return f.streams, f.account
	}
	ctx, cancel := context.WithTimeout(context.Background(), figuresTimeout)
	defer cancel()
	f.at, f.streams, f.account = time.Now(), nil, nil
	list := f.s.conn.JS.ListStreams(ctx)
	for i := range list.Info() {
		if f.own(i.Config.Name) {
			f.streams = append(f.streams, i)
		}
	}
	if list.Err() != nil {
		f.streams = nil
		return nil, nil
	}
	if account, err := f.s.conn.JS.AccountInfo(ctx); err == nil {
		f.account = account
	}
	return f.streams, f.account
}

// own tells whether a stream is of the namespace; those of buckets and object stores begin with what they are.
func (f *figures) own(stream string) bool {
	for _, kind := range []string{"", "KV_", "OBJ_"} {
		if strings.HasPrefix(stream, kind+api.Bucket(f.s.conn.Namespace, "")) {
			return true
		}
	}
	return false
}
