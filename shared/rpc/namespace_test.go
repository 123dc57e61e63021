package rpc_test

import (
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// A namespace that would have a stream of another's is refused before anything is made in it, and can still be looked at and removed by those who ask
// for that.
func TestNamespacesThatAreRefused(t *testing.T) {
	srv := natstest.Start(t)
	for name, reason := range map[string]string{"x_economics": api.ReasonNamespaceTaken, "KV_x": api.ReasonNamespaceTaken, "a.b": "", "": "-", "x_eu": "-"} {
		conn, err := rpc.Dial(t.Context(), rpc.Options{URL: srv.URL(), Namespace: name})
		if reason == "-" {
			if err != nil {
				t.Errorf("%q: %v", name, err)
				continue
			}
			conn.Close()
			continue
		}
		if api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != reason {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := rpc.Bind(srv.Connect(t), name); api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != reason {
			t.Errorf("%q of another's connection: %v", name, err)
		}
		conn, err = rpc.Dial(t.Context(), rpc.Options{URL: srv.URL(), Namespace: name, AnyNamespace: true})
		if (err == nil) != (reason == api.ReasonNamespaceTaken) {
			t.Errorf("%q, of before: %v", name, err)
		}
		if err == nil {
			conn.Close()
		}
	}
}
