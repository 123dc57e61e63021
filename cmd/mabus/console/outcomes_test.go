package console_test

import (
	"testing"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/cmd/mabus/console"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Who may not read the store is told so, and is not kept waiting for it.
func TestOutcomesAreForWhoMayReadThem(t *testing.T) {
	s := natstest.StartStrict(t)
	c, err := client.Connect(t.Context(), client.Options{URL: s.URL(), Credentials: s.Creds(t, api.KindObserver, "board"), Principal: "board"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := console.ReadOutcomes(t.Context(), c); api.ReasonOf(err) != api.ReasonNoStore {
		t.Errorf("got %v", err)
	}
}
