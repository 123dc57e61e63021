package rpc_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Who asks says where the answer goes, but not with the rights of who answers: not into a bucket, and not on a subject of the namespace.
func TestAnswersGoToInboxesAlone(t *testing.T) {
	f := start(t, rpc.ServerConfig{}, nil)
	nc := f.nats.Connect(t)
	heard := make(chan *nats.Msg, 16)
	for _, subject := range []string{"$KV.>", "mabus.event.>", "elsewhere.>"} {
		if _, err := nc.ChanSubscribe(subject, heard); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{`{"text":"a"}`, `no JSON`} {
		for _, reply := range []string{"$KV.mabus_agents.evil", "mabus.event.registry.agents.evil", "elsewhere.inbox"} {
			if err := nc.PublishRequest("mabus.test.echo.say", reply, []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	natstest.Eventually(t, 10*time.Second, func() bool { return len(heard) >= 2 }, "inboxes get their answers")
	if err := f.stop(t); err != nil { // all have been answered
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for range len(heard) {
		if msg := <-heard; msg.Subject != "elsewhere.inbox" {
			t.Errorf("an answer went to %s", msg.Subject)
		}
	}
}
