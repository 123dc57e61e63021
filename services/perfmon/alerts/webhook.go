package alerts

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/guard"
)

const (
	maxHooks    = 1024     // webhooks that there are guards for
	maxSent     = 64 << 10 // bytes of an event
	maxAnswer   = 4 << 10  // bytes of an answer that are read
	maxHeader   = 64 << 10
	idleTimeout = 90 * time.Second
	hookTimeout = 5 * time.Second
)

// hooks are the guards of webhooks: rules with the same webhook share one.
type hooks struct {
	log       zerolog.Logger
	transport *http.Transport

	mu sync.Mutex
	by map[string]*guard.Guard
}

func (h *hooks) open(log zerolog.Logger) {
	h.log, h.by = log, map[string]*guard.Guard{}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	h.transport = &http.Transport{
		Proxy: http.ProxyFromEnvironment, Protocols: protocols, MaxIdleConnsPerHost: 2, IdleConnTimeout: idleTimeout, MaxResponseHeaderBytes: maxHeader,
		TLSHandshakeTimeout: hookTimeout, DisableCompression: true,
	}
}

func (h *hooks) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, g := range h.by {
		g.Close()
	}
	h.transport.CloseIdleConnections()
}

// guard returns what stands before a webhook.
func (h *hooks) guard(w *api.AlertWebhook) (*guard.Guard, error) {
	key, err := codec.Marshal(w)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if g := h.by[string(key)]; g != nil {
		return g, nil
	}
	if len(h.by) >= maxHooks { // most are of rules that were changed; what waits behind one is tried again
		for _, g := range h.by {
			g.Close()
		}
		clear(h.by)
	}
	g, err := guard.New(guarded(w.Guard), guard.Options{Name: hostOf(w), Log: h.log})
	if err == nil {
		h.by[string(key)] = g
	}
	return g, err
}

// guarded returns the specification of a guard with what it leaves out.
func guarded(g api.GuardSpec) api.GuardSpec {
	g.Order = nil
	g.Timeout = cmp.Or(g.Timeout, api.Duration(hookTimeout))
	if g.Retry == nil {
		g.Retry = &api.RetrySpec{}
	}
	if g.Bulkhead == nil {
		g.Bulkhead = &api.BulkheadSpec{Concurrent: 2}
	}
	if g.Limiter == nil {
		g.Limiter = &api.LimiterSpec{Requests: 120}
	}
	if g.Breaker == nil {
		g.Breaker = &api.BreakerSpec{}
	}
	return g
}

// hostOf names a webhook without what may be secret of it.
func hostOf(w *api.AlertWebhook) string {
	if w.URLEnv != "" {
		return w.URLEnv
	}
	if u, err := url.Parse(w.URL); err == nil {
		return u.Host
	}
	return "webhook"
}

// post sends an event to a webhook.
func (s *Store) post(ctx context.Context, r *api.AlertRoute, e *api.Event, body []byte) error {
	if len(body) > maxSent {
		return api.Errorf(api.Invalid, "the event has %d bytes, at most %d are sent", len(body), maxSent).WithReason(api.ReasonPayloadTooLarge)
	}
	w := r.Webhook
	to, key, err := target(w)
	if err != nil {
		return err
	}
	g, err := s.hooks.guard(w)
	if err != nil {
		return err
	}
	return g.Do(ctx, 0, func(ctx context.Context) (guard.Result, error) { return s.hooks.send(ctx, to, key, e, body) })
}

// target reads where a webhook is and its token; both are kept nowhere.
func target(w *api.AlertWebhook) (to, key string, err error) {
	if to = w.URL; w.URLEnv != "" {
		if to, err = secret(w.URLEnv); err != nil {
			return "", "", err
		}
		if err = api.CheckWebhookURL(to); err != nil {
			return "", "", api.Errorf(api.FailedPrecondition, "the environment of perfmon has no URL of a webhook in %s", w.URLEnv)
		}
	}
	if w.KeyEnv != "" {
		key, err = secret(w.KeyEnv)
	}
	return to, key, err
}

func secret(name string) (string, error) {
	v := strings.TrimSpace(os.Getenv(name))
	if v == "" || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", api.Errorf(api.FailedPrecondition, "the environment of perfmon has no usable %s, which the rule names: set it there", name)
	}
	return v, nil
}

// send makes one attempt.
func (h *hooks) send(ctx context.Context, to, key string, e *api.Event, body []byte) (guard.Result, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return guard.Result{}, api.Errorf(api.FailedPrecondition, "the URL of the webhook cannot be asked")
	}
	req.Header = http.Header{
		"Content-Type": {"application/cloudevents+json; charset=utf-8"}, "User-Agent": {"mabus"}, "Idempotency-Key": {e.ID},
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := h.transport.RoundTrip(req) // and no client, which would follow redirects
	if err != nil {
		if ctx.Err() != nil {
			return guard.Result{}, fmt.Errorf("ask the webhook: %w", ctx.Err())
		}
		return guard.Result{}, api.Errorf(api.Unavailable, "the webhook cannot be reached: %.200s", err).WithReason(api.ReasonEndpointError)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // so that the connection can be used again
	switch code := resp.StatusCode; {
	case code/100 == 2:
		return guard.Result{}, nil
	case code == http.StatusTooManyRequests:
		return guard.Result{RetryAfter: retryAfter(resp)}, answered(api.RateLimited, code)
	case code/100 == 5 || code == http.StatusRequestTimeout:
		return guard.Result{RetryAfter: retryAfter(resp)}, answered(api.Unavailable, code)
	default:
		return guard.Result{}, answered(api.FailedPrecondition, code)
	}
}

func answered(code api.Code, status int) error {
	return api.Errorf(code, "the webhook answered %d %s", status, http.StatusText(status)).WithReason(api.ReasonEndpointError)
}

// retryAfter is how long the endpoint asks to wait, in whole seconds, at most a minute of them.
func retryAfter(resp *http.Response) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(resp.Header.Get("Retry-After")))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, lastPause)
}
