package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	ready := true
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/readyz" {
			t.Errorf("got %s %s", r.Method, r.URL.Path)
		}
		if !ready {
			http.Error(w, "registry is not ready", http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, addr string
		args       []string
		ready      bool
		want       string // part of the error; "" for none
		usage      bool
	}{
		{name: "by URL", args: []string{srv.URL}, ready: true},
		{name: "by URL with a slash", args: []string{srv.URL + "/"}, ready: true},
		{name: "by address", addr: u.Host, ready: true},
		{name: "on every address", addr: "0.0.0.0:" + u.Port(), ready: true},
		{name: "by port", addr: ":" + u.Port(), ready: true},
		{name: "not ready", args: []string{srv.URL}, want: "registry is not ready"},
		{name: "nobody there", args: []string{"http://127.0.0.1:1"}, want: "refused"},
		{name: "nothing given, and no server", args: []string{"--server", "nats://127.0.0.1:1", "--timeout", "2s"}, want: "127.0.0.1:1"},
		{name: "the fleet at a URL", args: []string{"--fleet", srv.URL}, want: "--fleet", usage: true},
		{name: "no address", addr: "8080", want: "MABUS_HTTP", usage: true},
		{name: "no URL", args: []string{"http://%"}, want: "invalid URL", usage: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("MABUS_HTTP", tc.addr)
			ready = tc.ready
			root := newRoot()
			root.SetArgs(append([]string{"health"}, tc.args...))
			err := root.ExecuteContext(t.Context())
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("got %v", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want %q", err, tc.want)
			case errors.Is(err, errUsage) != tc.usage:
				t.Errorf("%v: usage error or not", err)
			}
		})
	}
}
