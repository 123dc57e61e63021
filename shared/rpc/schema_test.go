package rpc_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Nothing that the library says of a body's type is left out, also not by words that no body has had so far.
func TestSchemasAreWrittenWhole(t *testing.T) {
	tree := func(data []byte, err error) (v any) {
		if err == nil {
			err = json.Unmarshal(data, &v)
		}
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		return v
	}
	for _, d := range api.Methods {
		if diff := cmp.Diff(tree(json.Marshal(rpc.Describe(d.Request))), tree(rpc.Schema(d.Request))); diff != "" {
			t.Errorf("request of %s (-the library +what is written):\n%s", d.Name(), diff)
		}
		if diff := cmp.Diff(tree(json.Marshal(rpc.Describe(d.Response))), tree(rpc.Schema(d.Response))); diff != "" {
			t.Errorf("response of %s (-the library +what is written):\n%s", d.Name(), diff)
		}
	}
}
