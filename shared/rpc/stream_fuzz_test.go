package rpc_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// FuzzParts: whatever a sender sends, a reader gets parts, the end, or an error, and soon.
func FuzzParts(f *testing.F) {
	f.Add("chunk", "1", "", []byte("1"))
	f.Add("result", "18446744073709551615", "x", []byte{})
	f.Add("heartbeat", "0", "_INBOX.a", []byte("{"))
	f.Add("", "", "", []byte("\xff"))
	f.Add("error", "1", " ", []byte(`{"code":"nonsense"}`))
	f.Add("need_input", "-1", "a b", []byte(`null`))
	srv := natstest.Start(f)
	nc := srv.Connect(f)
	c, err := rpc.Bind(srv.Connect(f), "mabus")
	if err != nil {
		f.Fatal(err)
	}
	c.SetHeartbeat(20 * time.Millisecond)
	sub, err := nc.SubscribeSync(streamSubject)
	if err != nil {
		f.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind, seq, credit string, data []byte) {
		s, err := c.OpenStream(t.Context(), streamSubject, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		msg, err := sub.NextMsg(5 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		err = nc.PublishMsg(&nats.Msg{Subject: msg.Reply, Data: data, Header: nats.Header{
			api.HeaderKind: []string{kind}, api.HeaderSeq: []string{seq}, api.HeaderCredit: []string{credit},
		}})
		if err != nil {
			t.Skip("no message of NATS")
		}
		for range 3 { // at most one part, and then the silence
			if _, err := s.Next(); err != nil {
				return
			}
		}
		t.Fatal("the stream has no end")
	})
}
