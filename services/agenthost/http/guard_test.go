package http_test

import (
	"context"
	"fmt"
	nethttp "net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/examples/llm/fake"
	"github.com/mabus-project/mabus/services/agenthost/http"
	"github.com/mabus-project/mabus/shared/api"
)

func TestRetryThenSuccess(t *testing.T) {
	f, spec := model(t, fake.Options{})
	spec.PriceOut, spec.Guard.Retry = 1_000_000, retry(4)
	f.Next(fake.RateLimit, fake.ServerError, fake.ServerError)
	e := start(t, spec)
	m := prompt(story)
	if _, err := e.Handle(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	s := f.Stats()
	if s.Requests != 4 || s.Answered != 1 || m.Used() != (api.Usage{TokensIn: s.TokensIn, TokensOut: s.TokensOut, Cost: api.Micro(s.TokensOut)}) {
		t.Errorf("stats %+v; used %+v", s, m.Used())
	}
	if g := status(e); g.Calls != 1 || g.Attempts != 4 || g.Succeeded != 1 || g.Retry.Retries != 3 {
		t.Errorf("guard %+v, %+v", g, g.Retry)
	}
}

func TestRetriesEnd(t *testing.T) {
	f, spec := model(t, fake.Options{})
	spec.Model, spec.Guard.Retry = fake.Broken, retry(3)
	_, err := start(t, spec).Handle(t.Context(), prompt(story))
	wantError(t, err, api.Unavailable, api.ReasonEndpointError, true)
	if s := f.Stats(); s.Requests != 3 {
		t.Errorf("stats %+v", s)
	}
}

func TestMistakesAreNotRepeated(t *testing.T) {
	t.Setenv(keyEnv, "wrong")
	f, spec := model(t, fake.Options{Key: key})
	spec.KeyEnv, spec.Guard.Retry = keyEnv, retry(3)
	_, err := start(t, spec).Handle(t.Context(), prompt(story))
	wantError(t, err, api.PermissionDenied, api.ReasonEndpointError, false)
	if s := f.Stats(); s.Requests != 1 || s.Refused != 1 {
		t.Errorf("stats %+v", s)
	}
}

// What cannot have cost anything is repeated; what may have cost its maximum is not, so that no message costs more than
// MaxCost.
func TestUnknownCosts(t *testing.T) {
	for _, fault := range []fake.Fault{fake.Cut, fake.Malformed, fake.Hang} {
		for _, price := range []api.Micro{0, 7} {
			t.Run(fmt.Sprint(fault, price), func(t *testing.T) {
				f, spec := model(t, fake.Options{})
				spec.PriceOut = price * 1_000_000
				spec.Guard = api.GuardSpec{Timeout: api.Duration(2 * time.Second), Retry: retry(3)}
				f.Next(fault)
				e := start(t, spec)
				m := prompt(story)
				_, err := e.Handle(t.Context(), m)
				if price == 0 {
					if s := f.Stats(); err != nil || s.Requests != 2 || m.Used().Cost != 0 || m.Used().TokensOut != s.TokensOut {
						t.Errorf("%v; stats %+v; used %+v", err, s, m.Used())
					}
					return
				}
				wantError(t, err, api.Unavailable, api.ReasonEndpointError, true)
				if s := f.Stats(); s.Requests != 1 || m.Used() != (api.Usage{Cost: e.MaxCost(m.Payload)}) {
					t.Errorf("stats %+v; used %+v", s, m.Used())
				}
			})
		}
	}
}

func TestBrokenStreamIsNotRepeated(t *testing.T) {
	f, spec := model(t, fake.Options{})
	spec.Guard.Retry = retry(3)
	f.Next(fake.ServerError, fake.Cut)
	r := &reader{}
	m := prompt(story)
	m.Parts = r
	_, err := start(t, spec).Handle(t.Context(), m)
	wantError(t, err, api.Unavailable, api.ReasonEndpointError, true)
	if s := f.Stats(); s.Requests != 2 || r.count() == 0 {
		t.Errorf("stats %+v, %d chunks", s, r.count())
	}
}

func TestSlowEndpointTimesOut(t *testing.T) {
	f, spec := model(t, fake.Options{})
	spec.Guard.Timeout = api.Duration(time.Second) // in which the request is sent
	f.Next(fake.Hang)
	_, err := start(t, spec).Handle(t.Context(), prompt(story))
	wantError(t, err, api.Unavailable, api.ReasonEndpointError, true)

	f.Next(fake.Hang)
	spec.Guard.Timeout = 0
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = start(t, spec).Handle(ctx, prompt(story))
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout, true)
}

func TestBreaker(t *testing.T) {
	f, spec := model(t, fake.Options{})
	spec.Guard.Breaker = &api.BreakerSpec{Failures: 2, Ratio: 1, Open: api.Duration(3 * time.Second)} // in which the next call comes
	e := start(t, spec)
	f.Next(fake.ServerError, fake.ServerError)
	for range 2 {
		_, err := e.Handle(t.Context(), prompt(story))
		wantError(t, err, api.Unavailable, api.ReasonEndpointError, true)
	}
	_, err := e.Handle(t.Context(), prompt(story))
	wantError(t, err, api.Unavailable, api.ReasonBreakerOpen, false)
	if s, g := f.Stats(), status(e); s.Requests != 2 || g.Breaker.State != "open" || g.Breaker.Opened != 1 {
		t.Errorf("stats %+v, breaker %+v", s, g.Breaker)
	}
	eventually(t, "a probe goes through", func() bool {
		_, err := e.Handle(t.Context(), prompt(story))
		return err == nil
	})
	if s, g := f.Stats(), status(e); s.Requests != 3 || g.Breaker.State != "closed" {
		t.Errorf("stats %+v, breaker %+v", s, g.Breaker)
	}
	f.Next(fake.ServerError, fake.ServerError)
	for range 2 {
		_, _ = e.Handle(t.Context(), prompt(story))
	}
	e.Reset()
	if _, err := e.Handle(t.Context(), prompt(story)); err != nil {
		t.Errorf("after a reset: %v", err)
	}
}

// The endpoint enforces its rate, with room for one request more at once since requests do not travel at one speed.
func TestRateIsObeyed(t *testing.T) {
	f, spec := model(t, fake.Options{RequestsPerMinute: 3000, Burst: 31})
	spec.Guard.Limiter = &api.LimiterSpec{Requests: 2500, Burst: 1, MaxWait: api.Duration(30 * time.Second)}
	e := start(t, spec)
	var calls sync.WaitGroup
	for range 60 {
		calls.Go(func() {
			if _, err := e.Handle(t.Context(), prompt(story)); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	if s := f.Stats(); s.Requests != 60 || s.Limited != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestPool(t *testing.T) {
	release := make(chan struct{})
	url := serve(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		<-release
		fmt.Fprint(w, "1")
	})
	e := start(t, api.HTTPSpec{URL: url, Guard: api.GuardSpec{Pool: &api.PoolSpec{Size: 3, Idle: 2, IdleTimeout: api.Duration(3 * time.Second)}}})
	var calls sync.WaitGroup
	for range 5 {
		calls.Go(func() {
			if _, err := e.Handle(t.Context(), message(`1`)); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "the pool is full", func() bool {
		p := status(e).Pool
		return p.Active == 3 && p.Waiting == 2 && p.Idle == 0 && p.Size == 3
	})
	close(release)
	calls.Wait()
	eventually(t, "two connections are kept", func() bool { p := status(e).Pool; return p.Active == 0 && p.Idle > 0 && p.Idle <= 2 })
	eventually(t, "none is kept for long", func() bool { return status(e).Pool.Idle == 0 })
}

// However an endpoint fails, no message costs more than was said before, and what the endpoint answered in full is paid.
func TestCostsOfAnEndpointThatFails(t *testing.T) {
	f, spec := model(t, fake.Options{Seed: 3, Faults: fake.Faults{RateLimit: 10, ServerError: 10, Hang: 5, Cut: 10, Malformed: 10}})
	spec.PriceIn, spec.PriceOut, spec.PriceCall = 250_000, 2_000_000, 11
	spec.Guard = api.GuardSpec{
		Timeout: api.Duration(2 * time.Second), Retry: &api.RetrySpec{Attempts: 4, Backoff: api.Duration(retrying), Budget: 1000},
		Bulkhead: &api.BulkheadSpec{Concurrent: 8, Waiting: 200}, Pool: &api.PoolSpec{Size: 8},
	}
	e := start(t, spec)
	var calls sync.WaitGroup
	var mu sync.Mutex
	var paid api.Usage
	failed := 0
	for i := range 120 {
		calls.Go(func() {
			m := prompt(fmt.Sprint(story, i))
			if i%2 == 0 {
				m.Parts = &reader{}
			}
			_, err := e.Handle(t.Context(), m)
			used, most := m.Used(), e.MaxCost(m.Payload)
			if used.Cost > most || err == nil && used.TokensOut == 0 || err != nil && used.Cost != 0 && used.Cost != most {
				t.Errorf("%v: used %+v, at most %v was said", err, used, most)
			}
			mu.Lock()
			defer mu.Unlock()
			paid.Add(used)
			if err != nil {
				failed++
			}
		})
	}
	calls.Wait()
	if s := f.Stats(); paid.TokensIn != s.TokensIn || paid.TokensOut != s.TokensOut || s.Answered != 120-failed || failed == 0 || failed > 80 || s.Most > 8 {
		t.Errorf("%d failed; paid %+v; stats %+v", failed, paid, s)
	}
	eventually(t, "nothing is active", func() bool { p := status(e).Pool; return p.Active == 0 && p.Idle <= 8 })
}

// A reader that is slow or fails says nothing about the endpoint, which works.
func TestReadersDoNotOpenTheBreaker(t *testing.T) {
	for name, on := range map[string]func(context.Context, int) error{
		"fails": func(context.Context, int) error { return api.Errorf(api.Unavailable, "the store is away") },
		"stuck": func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() },
		"slow": func(ctx context.Context, n int) error {
			if n == 1 {
				<-time.After(1100 * time.Millisecond)
			}
			return ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, spec := model(t, fake.Options{})
			spec.Guard.Timeout = api.Duration(3 * time.Second)
			spec.Guard.Breaker = &api.BreakerSpec{Failures: 1, Ratio: 1, Slow: api.Duration(time.Second)} // the endpoint itself needs far less
			e := start(t, spec)
			m := prompt(story)
			m.Parts = &reader{on: on}
			_, _ = e.Handle(t.Context(), m)
			if b := status(e).Breaker; b.State != "closed" || b.Failures != 0 {
				t.Errorf("got %+v", b)
			}
		})
	}
}

// JSON, URLs and HTML spell some characters of a key otherwise.
func TestKeyIsNeverRepeatedInAnotherSpelling(t *testing.T) {
	const odd = "sk/secret+0123=="
	t.Setenv(keyEnv, odd)
	for _, said := range []string{`bad key ` + odd, `{"code":"bad key sk\/secret+0123=="}`, `see /keys?key=sk%2Fsecret%2B0123%3D%3D`, `<b>sk/secret&#43;0123==</b>`} {
		url := serve(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.WriteHeader(nethttp.StatusForbidden)
			_, _ = w.Write([]byte(said))
		})
		_, err := start(t, api.HTTPSpec{URL: url, KeyEnv: keyEnv}).Handle(t.Context(), message(`1`))
		wantError(t, err, api.PermissionDenied, api.ReasonEndpointError, false)
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the key is in %v", err)
		}
	}
}

// A refusal is heard although its words never end.
func TestRefusalThatDoesNotEnd(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(nethttp.StatusTooManyRequests)
		_, _ = w.Write([]byte("slow down"))
		_ = nethttp.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	e := start(t, api.HTTPSpec{URL: url, Guard: api.GuardSpec{Limiter: &api.LimiterSpec{Requests: 100}}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	begin := time.Now()
	_, err := e.Handle(ctx, message(`1`))
	wantError(t, err, api.RateLimited, api.ReasonRateLimit, false)
	if took := time.Since(begin); took > 5*time.Second || !strings.Contains(err.Error(), "slow down") {
		t.Errorf("%v after %s", err, took)
	}
	if p := status(e).Limiter.PausedFor.Std(); p < 5*time.Second {
		t.Errorf("others are held up for %s", p)
	}
}

// Where there are no prices, max_cost is what an attempt may have cost whose end nobody knows.
func TestUnknownCostsWithoutPrices(t *testing.T) {
	calls := 0
	url := serve(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		calls++
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte(`{"half`))
	})
	spec := api.HTTPSpec{URL: url, Guard: api.GuardSpec{Retry: retry(3)}}
	e, err := http.Start(t.Context(), api.AgentSpec{ID: "a1", HTTP: &spec, MaxCost: 100}, http.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop(context.WithoutCancel(t.Context())) })
	m := message(`1`)
	_, err = e.Handle(t.Context(), m)
	wantError(t, err, api.Unavailable, api.ReasonEndpointError, true)
	if calls != 1 || m.Used().Cost != 100 {
		t.Errorf("%d calls cost %s", calls, m.Used().Cost)
	}
}

func TestExtraFieldsInUpperCase(t *testing.T) {
	f, spec := model(t, fake.Options{})
	for _, field := range []string{"n", "N", "Best_Of", "max_completion_TOKENS"} {
		_, err := start(t, spec).Handle(t.Context(), message(`{"prompt":"x","extra":{"`+field+`":50}}`))
		wantError(t, err, api.Invalid, "", false)
	}
	if f.Stats().Requests != 0 {
		t.Error("it was asked")
	}
}
