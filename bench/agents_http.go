package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/agenthost/http"
	"github.com/mabus-project/mabus/shared/api"
)

// measureHTTP compares the runtime of http agents, without a guard and with one, with net/http alone. The endpoint is in this
// process.
func measureHTTP(ctx context.Context, r *run) error {
	url, end, err := endpoint()
	if err != nil {
		return err
	}
	defer end()
	transport := &nethttp.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	plain := &nethttp.Client{Transport: transport, Timeout: time.Minute}
	var agents []*http.Endpoint
	for _, g := range []api.GuardSpec{{Pool: &api.PoolSpec{Size: 64}}, guarded()} {
		e, err := http.Start(ctx, api.AgentSpec{ID: "bench", HTTP: &api.HTTPSpec{URL: url, Guard: g}}, http.Options{Log: zerolog.Nop()})
		if err != nil {
			return err
		}
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
			defer cancel()
			_ = e.Stop(ctx) // it ends with this process in any case
		}()
		agents = append(agents, e)
	}
	for _, callers := range []int{1, 64} {
		err := r.rounds(ctx, fmt.Sprintf("%d callers", callers), []side{
			{"net/http", loop(callers, func(ctx context.Context, _ int) error { return post(ctx, plain, url) })},
			{"runtime", loop(callers, func(ctx context.Context, _ int) error { return handle(ctx, agents[0]) })},
			{"with a guard", loop(callers, func(ctx context.Context, _ int) error { return handle(ctx, agents[1]) })},
		}, func(l []load) {
			for i, who := range []string{"raw", "runtime", "guard"} {
				r.record(suffixed("http_"+who+"_ops", callers), "ops/s", l[i].rate())
				r.record(suffixed("http_"+who+"_p50", callers), "us", micros(l[i].p50))
			}
			r.record(suffixed("http_call_ratio", callers), "ratio", l[2].rate()/l[0].rate())
			r.record(suffixed("http_added_us", callers), "us", micros(l[2].p50)-micros(l[0].p50))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// endpoint is a server on a free port of the loopback interface that answers with what it was sent.
func endpoint() (url string, end func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w", err)
	}
	srv := &nethttp.Server{ReadHeaderTimeout: time.Minute, Handler: nethttp.HandlerFunc(func(w nethttp.ResponseWriter, req *nethttp.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, req.Body)
	})}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = srv.Serve(l) // until it is closed
	}()
	return "http://" + l.Addr().String(), func() { _ = srv.Close(); <-over }, nil
}

func post(ctx context.Context, c *nethttp.Client, url string) error {
	req, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodPost, url, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return sameValue(body)
}
