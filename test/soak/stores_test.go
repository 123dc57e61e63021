package soak_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
)

// Every stream and bucket that a running system makes is in the table with exactly the bounds that it has there, none is unbounded, and
// everything that is in the table is made.
func TestStoresAreAsTheTableSays(t *testing.T) {
	s := newStaff(t, 0)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, p := range s.pieces() { // some stores are made when they are needed
		if err := p.do(ctx, 0); err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
	}
	ns := s.c.Conn().Namespace
	table := map[string]api.Store{}
	for _, st := range api.Stores {
		if _, twice := table[st.Stream(ns)]; twice {
			t.Errorf("%s is in the table twice", st.Stream(ns))
		}
		table[st.Stream(ns)] = st
		if st.Bytes <= 0 || st.Full != api.StoreRefuses && st.Full != api.StoreDrops || st.Holds == "" || st.Owner == "" {
			t.Errorf("the row of %s is not whole: %+v", st.Name, st)
		}
	}
	list := s.c.Conn().JS.ListStreams(ctx)
	for i := range list.Info() {
		st, ok := table[i.Config.Name]
		if !ok {
			t.Errorf("there is a stream %s, which is not in the table", i.Config.Name)
			continue
		}
		delete(table, i.Config.Name)
		if got, want := boundsOf(i.Config), wanted(st); got != want {
			t.Errorf("%s\n got %+v\nwant %+v", i.Config.Name, got, want)
		}
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	for name := range table {
		t.Errorf("%s is in the table, and nothing has made it", name)
	}
}

// Processes that start leave streams that are as they should be alone: an update of one races in the server with consumers that others make.
func TestAStartUpdatesNoStream(t *testing.T) {
	w := &world{}
	w.nats(t)
	nc, err := nats.Connect(w.url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	updates, err := nc.SubscribeSync("$JS.API.STREAM.UPDATE.*")
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.serve(t, services(w.keys(t)))
		w.stop()
	}
	if err := nc.Publish("$JS.API.STREAM.UPDATE.last", nil); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := updates.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(m.Subject, "$JS.API.STREAM.UPDATE.")
		if name == "last" {
			return
		}
		t.Errorf("%s was updated", name)
	}
}

// bounds are what the server knows of what bounds a stream; -1 is no bound.
type bounds struct {
	bytes, messages, each, value int64
	age                          time.Duration
	full                         jetstream.DiscardPolicy
}

func boundsOf(c jetstream.StreamConfig) bounds {
	return bounds{c.MaxBytes, c.MaxMsgs, c.MaxMsgsPerSubject, int64(c.MaxMsgSize), c.MaxAge, c.Discard}
}

func wanted(s api.Store) bounds {
	orNone := func(n int64) int64 {
		if n == 0 {
			return -1
		}
		return n
	}
	b := bounds{orNone(s.Bytes), orNone(s.Messages), orNone(s.Each), orNone(s.Value), s.Age, jetstream.DiscardNew}
	if s.Full == api.StoreDrops {
		b.full = jetstream.DiscardOld
	}
	if s.Admitted { // the service refuses, and would lose what it has admitted if the server did
		b.bytes, b.messages, b.full = -1, -1, jetstream.DiscardOld
	}
	return b
}

// What the server does not bound, the service does, at the bounds of the table.
func TestAdmittedBounds(t *testing.T) {
	for _, s := range api.Stores {
		if s.Admitted && (s.Name != "tasks" || s.Messages != tasks.MaxWaiting || s.Bytes != tasks.MaxWaitingBytes) {
			t.Errorf("%s: %d messages and %d bytes are not what its owner admits", s.Name, s.Messages, s.Bytes)
		}
	}
}
