package daemon

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/meter"
	"github.com/mabus-project/mabus/shared/rpc"
)

// meterTimeout is what the last delta may take.
const meterTimeout = time.Second

// sourceName returns an id for this process that people recognise and no other process has: host name, process id, and some random characters.
func sourceName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "process"
	}
	host = strings.Map(func(r rune) rune {
		if api.ValidID(string(r)) {
			return r
		}
		return '-'
	}, host)
	unique := nuid.Next()
	return host[:min(len(host), 32)] + "-" + strconv.Itoa(os.Getpid()) + "-" + unique[len(unique)-6:]
}

// startMeter measures the process and its connection for one incarnation. The function that it returns sends the last delta.
func (p *process) startMeter(ctx context.Context, conn *rpc.Conn, lease string) (m *meter.Meter, stop func()) {
	if conn.Kind() != "" && !api.OwnSource(conn.Principal, p.source) { // what others measure is not to be taken for this process's
		p.source = api.SourceOf(conn.Principal, p.source)
	}
	m = meter.New(meter.Config{
		Conn: conn, Namespace: conn.Namespace, Source: p.source, Incarnation: lease, Log: p.cfg.Log.With().Str("part", "meter").Logger(),
	})
	conn.Measure(m, p.source)
	m.Process(p.source)
	if p.lives++; p.lives > 1 {
		m.Series(api.Series{Metric: api.MetricRestarts, Kind: api.SourceService, ID: p.source, Type: api.TypeProcess}).Record(1)
	}
	m.Start()
	return m, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), meterTimeout)
		defer cancel()
		if err := m.Stop(last); err != nil {
			p.cfg.Log.Debug().Err(err).Msg("the last that was measured was not sent")
		}
	}
}
