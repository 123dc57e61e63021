package rpc_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/rpc"
)

// What comes while one handler sends is left to it, up to the room that there is; the handler of what is more sends that itself.
func TestOutboxLeavesMessagesToWhoSends(t *testing.T) {
	inside, gate := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var sent []string
	o := rpc.NewOutbox(func(m *nats.Msg) error {
		if m.Subject == "first" {
			close(inside)
			<-gate
		}
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, m.Subject)
		return nil
	})
	var first sync.WaitGroup
	first.Go(func() { _ = o.Send(&nats.Msg{Subject: "first"}) })
	<-inside
	for i := range rpc.OutboxRoom {
		_ = o.Send(&nats.Msg{Subject: strconv.Itoa(i)}) // it does not wait for the first
	}
	if len(sent) != 0 {
		t.Fatalf("%d messages were sent beside the first", len(sent))
	}
	_ = o.Send(&nats.Msg{Subject: "more"})
	if len(sent) != 1 || sent[0] != "more" {
		t.Fatalf("when there was no room %v was sent", sent)
	}
	close(gate)
	first.Wait()
	if len(sent) != rpc.OutboxRoom+2 || sent[1] != "first" {
		t.Fatalf("%d messages were sent, first %v", len(sent), sent[:2])
	}
	for i, subject := range sent[2:] {
		if subject != strconv.Itoa(i) {
			t.Fatalf("message %d is %s", i, subject)
		}
	}
}

func TestOutboxSendsAllOnce(t *testing.T) {
	const handlers, each = 16, 200
	var mu sync.Mutex
	sent := map[string]int{}
	failed := errors.New("no connection")
	o := rpc.NewOutbox(func(m *nats.Msg) error {
		mu.Lock()
		defer mu.Unlock()
		sent[m.Subject]++
		return failed
	})
	var all sync.WaitGroup
	for h := range handlers {
		all.Go(func() {
			for i := range each {
				if err := o.Send(&nats.Msg{Subject: strconv.Itoa(h) + "-" + strconv.Itoa(i)}); err != nil && !errors.Is(err, failed) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait() // after which nothing is left over
	if len(sent) != handlers*each {
		t.Errorf("%d of %d messages were sent", len(sent), handlers*each)
	}
	for subject, n := range sent {
		if n != 1 {
			t.Errorf("%s was sent %d times", subject, n)
		}
	}
	if err := o.Send(&nats.Msg{Subject: "alone"}); !errors.Is(err, failed) {
		t.Errorf("who sends alone was told %v", err)
	}
}
