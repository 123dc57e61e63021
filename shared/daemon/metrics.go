package daemon

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/rpc"
)

// expose adds to the metrics what the process is, and whether it can work now.
func (p *process) expose(reg prometheus.Registerer, conn *rpc.Conn, held *lease.Lease) {
	gauge := func(name, help string, labels prometheus.Labels, f func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, f))
	}
	gauge("mabus_build_info", "1: what runs here.", prometheus.Labels{"version": p.cfg.Version, "namespace": conn.Namespace}, func() float64 { return 1 })
	gauge("mabus_lease_held", "1 while the process may act under its lease.", nil, func() float64 { return oneIf(held.Held()) })
	gauge("mabus_nats_connected", "1 while the process is connected to NATS.", nil, func() float64 { return oneIf(conn.NC.IsConnected()) })
	for i, s := range p.services {
		gauge("mabus_ready", "1 while the service can answer here.", prometheus.Labels{"service": s.Name}, func() float64 {
			running := p.running.Load()
			return oneIf(running != nil && (*running)[i].Ready())
		})
	}
	reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "mabus_nats_reconnects_total", Help: "Times that the connection to NATS was lost and came back, since the process took its lease.",
	}, func() float64 { return float64(conn.NC.Stats().Reconnects) }))
	p.countSpans(reg)
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
