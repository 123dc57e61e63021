package realm_test

import (
	"bytes"
	"testing"

	"github.com/mabus-project/mabus/services/coordination/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

func TestEveryTypeHasAProtocol(t *testing.T) {
	for _, kind := range api.SessionTypes {
		if realm.Protocols()[kind] == nil {
			t.Errorf("sessions of type %s have no protocol", kind)
		}
	}
	if len(realm.Protocols()) != len(api.SessionTypes) {
		t.Error("a protocol has a type that the contract does not list")
	}
}

func TestTheEmptyStateReadsBack(t *testing.T) {
	snapshot, err := engine.New(realm.Machine()).Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Restore(realm.Machine(), snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := e.Snapshot(); err != nil || !bytes.Equal(again, snapshot) {
		t.Fatal("it does not: ", err)
	}
}
