package rpc_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

func FuzzTimeout(f *testing.F) {
	for _, s := range []string{"", "5s", "1.5s", "-1s", "0", "3600s", "1h0m0.000001s", "9223372036854775807ns", "\xff", "1e9h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := rpc.Timeout(nats.Header{api.HeaderTimeout: []string{s}})
		if err != nil {
			if api.CodeOf(err) != api.Invalid {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if d <= 0 || d > time.Hour {
			t.Errorf("%q gives %s", s, d)
		}
	})
}
