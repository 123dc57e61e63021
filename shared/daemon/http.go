package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/trace/export"
)

// process is what the probes look at.
type process struct {
	cfg      Config
	services []Service
	conn     atomic.Pointer[rpc.Conn]
	registry atomic.Pointer[prometheus.Registry]
	running  atomic.Pointer[[]Running]
	source   string           // id of the process as one that measures
	lives    int              // incarnations so far
	spans    *export.Exporter // nil unless this process exports traces for itself
}

// ready tells whether every service can answer now, and if not, why.
func (p *process) ready() error {
	conn, running := p.conn.Load(), p.running.Load()
	switch {
	case conn == nil || !conn.NC.IsConnected():
		return errors.New("not connected to NATS")
	case running == nil:
		return errors.New("services are starting")
	}
	for i, r := range *running {
		if !r.Ready() {
			return fmt.Errorf("%s is not ready", p.services[i].Name)
		}
	}
	return nil
}

type web struct {
	server *http.Server
	done   chan struct{}
}

// serveHTTP answers /healthz (the process lives), /readyz (its services can answer) and /metrics (Prometheus).
func (p *process) serveHTTP(addr string) (*web, error) {
	if addr == "" {
		return &web{}, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for probes: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := p.ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		reg := p.registry.Load()
		if reg == nil {
			http.Error(w, "services are starting", http.StatusServiceUnavailable)
			return
		}
		promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	})
	s := &web{server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.cfg.Log.Error().Err(err).Msg("probes ended")
		}
	}()
	p.cfg.Log.Info().Str("address", l.Addr().String()).Msg("probes and metrics")
	return s, nil
}

func (w *web) stop() {
	if w.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.server.Shutdown(ctx)
	<-w.done
}
