package main_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func externalCancels(t *testing.T, c *client.Client) {
	ended := make(chan error, 1)
	ctx := client.WithRequestID(within(t, eventually), "slow1")
	go func() {
		_, err := c.Call(ctx, "desk", map[string]any{"slow": true})
		ended <- err
	}()
	var err error
	natstest.Eventually(t, eventually, func() bool { // until the agent has the message
		_ = c.Cancel("slow1")
		select {
		case err = <-ended:
			return true
		default:
			return false
		}
	}, "the call is cancelled")
	wantError(t, err, api.Cancelled, "")
	_, err = c.Call(within(t, 200*time.Millisecond), "desk", map[string]any{"slow": true})
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout)
}

// A word of the sender that comes before the request, of one connection and so in that order, holds for that request, and not for another attempt with its id.
func externalGivesUp(t *testing.T, c *client.Client) {
	nc := c.Conn().NC
	ask := func(reply string, payload string) *nats.Msg {
		sub, err := nc.SubscribeSync(reply)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = sub.Unsubscribe() }()
		msg := &nats.Msg{Subject: "mabus.agent.desk", Reply: reply, Data: []byte(payload), Header: nats.Header{api.HeaderRequestID: {"late1"}}}
		if err := nc.PublishMsg(msg); err != nil {
			t.Fatal(err)
		}
		answer, err := sub.NextMsg(eventually)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	reply := nc.NewInbox()
	sum := sha256.Sum256([]byte(reply))
	if err := nc.Publish("mabus.cancel.late1", []byte(hex.EncodeToString(sum[:8]))); err != nil {
		t.Fatal(err)
	}
	if answer := ask(reply, `{"slow":true}`); answer.Header.Get(api.HeaderErrorCode) != string(api.Cancelled) {
		t.Errorf("%+v", answer)
	}
	if answer := ask(nc.NewInbox(), `{"text":"x"}`); answer.Header.Get(api.HeaderErrorCode) != "" {
		t.Errorf("another attempt: %+v", answer)
	}
}
