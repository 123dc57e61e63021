package economics_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestAnAnswerTellsItsRevision(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{`{}`: `{"revision":"r1"}`, `{"a":1}`: `{"a":1,"revision":"r1"}`} {
		if got := string(economics.WithRevision([]byte(object), "r1")); got != want {
			t.Errorf("%s: %s", object, got)
		}
	}
	r := world(t, 1)
	r.mint(1_000_000, "ann")
	paid := must(t, r.as("ann"), api.AccountsTransfer, api.TransferRequest{From: "ann", To: "bob", Amount: 1})
	if paid.Revision == "" {
		t.Errorf("%+v", paid)
	}
	// The whole of an answer reads strictly: nothing is there twice.
	body, err := r.as("ann").NC.Request(api.As("mabus", "ann", api.AccountsTransfer.Subject("mabus")), []byte(`{"from":"ann","to":"bob","amount":"1"}`), patience)
	if err != nil {
		t.Fatal(err)
	}
	if err := codec.Decode(body.Data, new(api.TransferResponse)); err != nil {
		t.Errorf("%s: %v", body.Data, err)
	}
}

// What the machine answers has no revision of its own, so that the one that is added to it is the only one.
func TestNoAnswerHasTwoRevisions(t *testing.T) {
	t.Parallel()
	revised := 0
	for _, m := range api.Methods {
		if m.Service != "economics" || !m.Write {
			continue
		}
		resp := reflect.New(m.Response).Interface()
		if _, ok := resp.(interface{ SetRevision(string) }); !ok {
			continue
		}
		revised++
		body, err := codec.Marshal(resp)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]json.RawMessage
		if err := codec.Read(body, &fields); err != nil {
			t.Fatal(err)
		}
		if _, ok := fields["revision"]; ok {
			t.Errorf("%s answers %s", m.Name(), body)
		}
		if err := codec.Decode(economics.WithRevision(body, "r1"), resp); err != nil {
			t.Errorf("%s: %v", m.Name(), err)
		}
	}
	if revised < 20 {
		t.Errorf("only %d methods tell a revision", revised)
	}
}
