package http_test

import (
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/http"
	"github.com/mabus-project/mabus/shared/api"
)

func TestJSONEndpoint(t *testing.T) {
	t.Setenv(keyEnv, key)
	var auth string
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		body, _ := io.ReadAll(r.Body)
		auth = r.Header.Get("Authorization")
		w.Header().Set("Mabus-Usage", `{"tokens_in":3,"tokens_out":4}`)
		fmt.Fprintf(w, `{"method":%q,"path":%q,"type":%q,"auth":%q,"team":%q,"body":%s}`, r.Method, r.RequestURI,
			r.Header.Get("Content-Type"), r.Header.Get("Authorization"), r.Header.Get("X-Team"), body)
	})
	e := start(t, api.HTTPSpec{
		URL: url + "/do?v=1", KeyEnv: keyEnv, Headers: map[string]string{"x-team": "blue", "content-type": "text/plain"},
		PriceIn: 1_000_000, PriceOut: 500_001, PriceCall: 7,
	})
	m := message(`{"n":[1]}`)
	got, err := e.Handle(t.Context(), m)
	want := `{"method":"POST","path":"/do?v=1","type":"application/json","auth":"Bearer ***","team":"blue","body":{"n":[1]}}`
	if err != nil || string(got) != want || auth != "Bearer "+key {
		t.Fatalf("got %s, %v, want %s; the endpoint got %q", got, err, want, auth)
	}
	if used := m.Used(); used != (api.Usage{TokensIn: 3, TokensOut: 4, Cost: 3 + 3 + 7}) {
		t.Errorf("used %+v", used)
	}
}

func TestJSONUsage(t *testing.T) {
	for header, want := range map[string]api.Usage{
		``:                            {Cost: 9*2 + 1024*3 + 7}, // the most it can have been
		`nonsense`:                    {Cost: 9*2 + 1024*3 + 7},
		`{"tokens_in":-1}`:            {Cost: 9*2 + 1024*3 + 7},
		`{"tokens_in":5}`:             {TokensIn: 5, Cost: 5*2 + 7},
		`{"tokens_in":5,"cost":"90"}`: {TokensIn: 5, Cost: 90},
		`{"cost":"0"}`:                {},
	} {
		url := serve(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.Header().Set("Mabus-Usage", header)
			fmt.Fprint(w, `1`)
		})
		e := start(t, api.HTTPSpec{URL: url, PriceIn: 2_000_000, PriceOut: 3_000_000, PriceCall: 7})
		m := message(`{"n":[1]}`)
		if _, err := e.Handle(t.Context(), m); err != nil || m.Used() != want {
			t.Errorf("%s: used %+v, %v, want %+v", header, m.Used(), err, want)
		}
	}
}

func TestStatuses(t *testing.T) {
	long := strings.Repeat("é", 3000)
	for _, c := range []struct {
		status int
		after  string
		body   string
		code   api.Code
		reason string
		maybe  bool
		wait   time.Duration
		says   string
	}{
		{429, "7", `{"error":{"message":"slow down"}}`, api.RateLimited, api.ReasonRateLimit, false, 7 * time.Second, "429 Too Many Requests: slow down"},
		{429, "nonsense", `{"error":"slow down"}`, api.RateLimited, api.ReasonRateLimit, false, 0, "slow down"},
		{429, "-3", `{"message":"slow down"}`, api.RateLimited, api.ReasonRateLimit, false, 0, "slow down"},
		{429, "1e300", `{"detail":"slow down"}`, api.RateLimited, api.ReasonRateLimit, false, 24 * time.Hour, "slow down"},
		{429, "Mon, 02 Jan 2006 15:04:05 GMT", ``, api.RateLimited, api.ReasonRateLimit, false, 0, "it did not say why"},
		{503, "2", `down`, api.Unavailable, api.ReasonEndpointError, false, 2 * time.Second, "503 Service Unavailable: down"},
		{500, "", `oh`, api.Unavailable, api.ReasonEndpointError, true, 0, "oh"},
		{502, "", `<html>bad gateway</html>`, api.Unavailable, api.ReasonEndpointError, true, 0, "bad gateway"},
		{504, "", "a\x00b\nc\xff", api.Unavailable, api.ReasonEndpointError, true, 0, "a b c\uFFFD"},
		{408, "", ``, api.Unavailable, api.ReasonEndpointError, true, 0, "408"},
		{400, "5", `{"error":{"message":"no such field"}}`, api.FailedPrecondition, api.ReasonEndpointError, false, 0, "no such field"},
		{404, "", `{"error":{"code":1}}`, api.FailedPrecondition, api.ReasonEndpointError, false, 0, `{"error":{"code":1}}`},
		{413, "", long, api.FailedPrecondition, api.ReasonEndpointError, false, 0, strings.Repeat("é", 1024) + "…"},
		{422, "", ``, api.FailedPrecondition, api.ReasonEndpointError, false, 0, "422"},
		{501, "", ``, api.FailedPrecondition, api.ReasonEndpointError, false, 0, "501"},
		{401, "", `{"error":{"message":"who are you"}}`, api.PermissionDenied, api.ReasonEndpointError, false, 0, "who are you"},
		{403, "", ``, api.PermissionDenied, api.ReasonEndpointError, false, 0, "403"},
		{599, "", ``, api.Unavailable, api.ReasonEndpointError, true, 0, "599"},
	} {
		t.Run(fmt.Sprint(c.status, c.after), func(t *testing.T) {
			url := serve(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
				if c.after != "" {
					w.Header().Set("Retry-After", c.after)
				}
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			})
			m := message(`1`)
			_, err := start(t, api.HTTPSpec{URL: url, PriceCall: 5}).Handle(t.Context(), m)
			e := wantError(t, err, c.code, c.reason, c.maybe)
			if e.Details.RetryAfter.Std() != c.wait || !strings.HasSuffix(e.Message, c.says) && !strings.Contains(e.Message, c.says) || len(e.Message) > 2200 {
				t.Errorf("retry after %v, %q", e.Details.RetryAfter, e.Message)
			}
			if !m.Used().IsZero() {
				t.Errorf("used %+v for a refusal", m.Used())
			}
		})
	}
}

func TestRetryAfterAsADate(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(nethttp.TimeFormat))
		w.WriteHeader(503)
	})
	_, err := start(t, api.HTTPSpec{URL: url}).Handle(t.Context(), message(`1`))
	e := wantError(t, err, api.Unavailable, api.ReasonEndpointError, false)
	if after := e.Details.RetryAfter.Std(); after < 59*time.Minute || after > time.Hour {
		t.Errorf("retry after %v", after)
	}
}

func TestAnswersThatMakeNoSense(t *testing.T) {
	for name, c := range map[string]struct {
		answer nethttp.HandlerFunc
		says   string
		code   api.Code
	}{
		"HTML":  {func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, "<!doctype html><p>Log in") }, "Log in", api.Unavailable},
		"empty": {func(nethttp.ResponseWriter, *nethttp.Request) {}, "empty", api.Unavailable},
		"two":   {func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, "1 2") }, "one JSON value", api.Unavailable},
		"UTF-8": {func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, "\"\xff\"") }, "one JSON value", api.Unavailable},
		"huge": {func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			block := make([]byte, 1<<20)
			for range 65 {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}, "more than 67108864 bytes", api.FailedPrecondition},
		"said to be huge": {func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.Header().Set("Content-Length", "99999999999")
			w.WriteHeader(200)
		}, "more than 67108864 bytes", api.FailedPrecondition},
		"gzip": {func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			fmt.Fprint(z, "1")
			_ = z.Close()
		}, "gzip", api.Unavailable},
		"headers": {func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			for i := range 1000 {
				w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 1000))
			}
			fmt.Fprint(w, "1")
		}, "headers exceeded", api.Unavailable},
		"cut": {func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "[1")
		}, "before its answer was complete", api.Unavailable},
		"no HTTP": {func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			c, _, err := nethttp.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprint(c, "SSH-2.0-OpenSSH\r\n")
				_ = c.Close()
			}
		}, "broke off", api.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			m := message(`1`)
			_, err := start(t, api.HTTPSpec{URL: serve(t, c.answer), PriceCall: 5}).Handle(t.Context(), m)
			e := wantError(t, err, c.code, api.ReasonEndpointError, c.code == api.Unavailable)
			if !strings.Contains(e.Message, c.says) || m.Used().Cost != 5 {
				t.Errorf("%q; used %+v", e.Message, m.Used())
			}
		})
	}
}

func TestNoContentIsNull(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) { w.WriteHeader(204) })
	if got, err := start(t, api.HTTPSpec{URL: url}).Handle(t.Context(), message(`1`)); err != nil || string(got) != "null" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestNobodyListens(t *testing.T) {
	s := httptest.NewServer(nethttp.NotFoundHandler())
	s.Close()
	m := message(`1`)
	_, err := start(t, api.HTTPSpec{URL: s.URL, PriceCall: 5}).Handle(t.Context(), m)
	wantError(t, err, api.Unavailable, api.ReasonEndpointError, false)
	if !m.Used().IsZero() {
		t.Errorf("used %+v", m.Used())
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Setenv(keyEnv, key)
	var asked atomic.Int32
	other := serve(t, func(nethttp.ResponseWriter, *nethttp.Request) { asked.Add(1) })
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		nethttp.Redirect(w, r, other+"/x?k="+key, nethttp.StatusTemporaryRedirect)
	})
	_, err := start(t, api.HTTPSpec{URL: url, KeyEnv: keyEnv}).Handle(t.Context(), message(`1`))
	e := wantError(t, err, api.FailedPrecondition, api.ReasonEndpointError, false)
	if asked.Load() != 0 || !strings.Contains(e.Message, other+"/x") || strings.Contains(e.Message, key) {
		t.Errorf("asked %d; %q", asked.Load(), e.Message)
	}
}

func TestKeyIsReadAnewAndNeverRepeated(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.Header.Get("Authorization") == "Bearer good" {
			fmt.Fprint(w, "1")
			return
		}
		w.WriteHeader(401)
		fmt.Fprintf(w, `{"error":{"message":"incorrect key %s"}}`, r.Header.Get("Authorization"))
	})
	var j journal
	e := startLogged(t, api.HTTPSpec{URL: url, KeyEnv: keyEnv}, &j)
	for _, unset := range []string{"", "two\nlines"} {
		t.Setenv(keyEnv, unset)
		_, err := e.Handle(t.Context(), message(`1`))
		if e := wantError(t, err, api.FailedPrecondition, api.ReasonEndpointError, false); !strings.Contains(e.Message, keyEnv) || strings.Contains(e.Message, "lines") {
			t.Errorf("%q", e.Message)
		}
	}
	if err := os.Unsetenv(keyEnv); err != nil {
		t.Fatal(err)
	}
	_, err := e.Handle(t.Context(), message(`1`))
	wantError(t, err, api.FailedPrecondition, api.ReasonEndpointError, false)
	t.Setenv(keyEnv, key)
	_, err = e.Handle(t.Context(), message(`1`))
	wantError(t, err, api.PermissionDenied, api.ReasonEndpointError, false)
	if all := fmt.Sprintf("%v %+v %+v %s", err, api.AsError(err), status(e), j.String()); strings.Contains(all, key) || !strings.Contains(all, "Bearer [key]") {
		t.Errorf("the key is in %s", all)
	}
	t.Setenv(keyEnv, "good\n")
	if got, err := e.Handle(t.Context(), message(`1`)); err != nil || string(got) != "1" {
		t.Errorf("got %s, %v", got, err)
	}
}

// The pool tells a connection's TLS from the connection below it.
func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		fmt.Fprintf(w, "[%d,%q]", r.ProtoMajor, r.Host)
	}))
	t.Cleanup(s.Close)
	certs := filepath.Join(t.TempDir(), "certs.pem")
	if err := os.WriteFile(certs, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", certs)
	e := start(t, api.HTTPSpec{URL: s.URL, Headers: map[string]string{"Host": "other"}, Guard: api.GuardSpec{Pool: &api.PoolSpec{}}})
	if got, err := e.Handle(t.Context(), message(`1`)); err != nil || string(got) != `[1,"other"]` {
		t.Fatalf("got %s, %v", got, err)
	}
	// The connection is given back a moment after the answer was read.
	eventually(t, "the connection is kept", func() bool { p := status(e).Pool; return p.Idle == 1 && p.Active == 0 })
	untrusted := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	m := message(`1`)
	_, err := start(t, api.HTTPSpec{URL: untrusted, PriceCall: 5}).Handle(t.Context(), m)
	if wantError(t, err, api.Unavailable, api.ReasonEndpointError, false); !m.Used().IsZero() {
		t.Errorf("used %+v", m.Used())
	}
}

func TestStartRefuses(t *testing.T) {
	for name, spec := range map[string]api.AgentSpec{
		"no endpoint": {ID: "a"},
		"no URL":      {ID: "a", HTTP: &api.HTTPSpec{}},
		"header name": {ID: "a", HTTP: &api.HTTPSpec{URL: "http://h", Headers: map[string]string{"a(b": "c"}}},
		"header":      {ID: "a", HTTP: &api.HTTPSpec{URL: "http://h", Headers: map[string]string{"a": "c\x01"}}},
	} {
		if _, err := http.Start(t.Context(), spec, http.Options{}); api.CodeOf(err) != api.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := http.Start(ctx, api.AgentSpec{ID: "a", HTTP: &api.HTTPSpec{URL: "http://h"}}, http.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}
