package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	alertTime  = time.Minute // for an alert to come, and to end
	mostEvent  = 64 << 10    // bytes
	headerTime = 5 * time.Second
)

// hook is a webhook of the example's own: what it is sent goes on to a channel.
type hook struct {
	url    string
	got    chan told
	server *http.Server
	done   chan error
}

// told is one event about an alert.
type told struct {
	what  string // raised, cleared ...
	alert api.Alert
}

func listen() (*hook, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &hook{url: "http://" + l.Addr().String() + "/alerts", got: make(chan told, 16), done: make(chan error, 1)}
	h.server = &http.Server{Handler: h, ReadHeaderTimeout: headerTime}
	go func() { h.done <- h.server.Serve(l) }()
	return h, nil
}

// ServeHTTP takes a CloudEvent. One that there is no room for is refused, and comes again.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, mostEvent))
	var e api.Event
	t := told{}
	if err == nil {
		err = codec.Read(body, &e)
	}
	if err == nil {
		err = codec.Read(e.Data, &t.alert)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	t.what = strings.TrimPrefix(e.Type, "mabus.alerts.")
	select {
	case h.got <- t:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (h *hook) close() error {
	err := h.server.Close()
	if served := <-h.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// wait returns when it has been told of something, and prints all that it is told. An event may come twice.
func (h *hook) wait(ctx context.Context, out io.Writer, f *fleet, what string) error {
	limit := time.NewTimer(alertTime)
	defer limit.Stop()
	for {
		select {
		case t := <-h.got:
			message := strings.ReplaceAll(t.alert.Message, t.alert.Series.ID, f.Name(t.alert.Series.ID))
			message = strings.ReplaceAll(message, f.kind, f.Name(f.kind))
			fmt.Fprintf(out, "webhook    %s, %s: %s\n", t.what, t.alert.Severity, message)
			if t.what == what {
				return nil
			}
		case <-limit.C:
			return fmt.Errorf("the webhook was not told within %s that the alert was %s", alertTime, what)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// watch adds a rule: an agent of the fleet that fails with more than a tenth of its messages.
func (f *fleet) watch(ctx context.Context, url string, window time.Duration) (id string, err error) {
	limit, back := api.Measure(0.1), api.Measure(0.05)
	r, err := f.Client.Alerts.AddRule(ctx, api.AlertRule{
		ID: f.ID("failing"), Metric: api.MetricLatency, Statistic: api.StatErrorShare, Type: f.kind,
		Comparison: api.GreaterThan, Threshold: &limit, Clear: &back, Window: api.Duration(window), Severity: api.SeverityCritical,
		Route: &api.AlertRoute{Webhook: &api.AlertWebhook{URL: url}},
	})
	if err != nil {
		return "", fmt.Errorf("add a rule: %w", err)
	}
	return r.ID, nil
}
