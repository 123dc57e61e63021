package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/credential"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// In a cluster the stream of a request leads another server than the one that the host is connected to, and answers find the way back.
func TestHostsUseStoresOfACluster(t *testing.T) {
	auth, err := credential.Init(t.Context(), t.TempDir(), ns, credential.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for kind, names := range map[api.Kind][]string{api.KindService: {"mabus"}, api.KindHost: {"h0", "h1", "h2"}} {
		if _, err := auth.Add(t.Context(), ns, credential.AddRequest{Names: names, Kind: kind}); err != nil {
			t.Fatal(err)
		}
	}
	c := natstest.StartStrictCluster(t, 3, auth)
	within, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	dial := func(name string, node int) *rpc.Conn {
		conn, err := rpc.Dial(within, rpc.Options{URL: c.URL(node), Credentials: auth.CredentialsPath(ns, name), Principal: name, Replicas: 3})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		return conn
	}
	service := dial("mabus", 0)
	if err := agenthost.Prepare(within, service); err != nil {
		t.Fatal(err)
	}
	r, err := registry.Start(within, service, registry.Config{Replicas: 3, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	for node := range c.Size() {
		name := fmt.Sprintf("h%d", node)
		js, subject := dial(name, node).JS, "$KV.mabus_state."+name
		for n := range 3 {
			if _, err := js.Publish(within, fmt.Sprintf("%s.%d", subject, n), []byte(name)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		state, err := js.Stream(within, "KV_mabus_state")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		natstest.Eventually(t, patience, func() bool { // any server that has a copy answers, and one may not have it yet
			m, err := state.GetLastMsgForSubject(within, subject+".2")
			if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && string(m.Data) != name {
				t.Fatalf("%s: %v, %v", name, m, err)
			}
			return err == nil
		}, "%s reads what it has stored", name)
		cons, err := state.CreateConsumer(within, jetstream.ConsumerConfig{FilterSubject: subject + ".>", AckPolicy: jetstream.AckExplicitPolicy, Replicas: 3})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		batch, err := cons.Fetch(3)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := 0
		for m := range batch.Messages() {
			if err := m.DoubleAck(within); err != nil || string(m.Data()) != name {
				t.Errorf("%s: %s, %v", name, m.Data(), err)
			}
			got++
		}
		if info, err := cons.Info(within); got != 3 || err != nil || info.NumAckPending != 0 || info.NumPending != 0 {
			t.Errorf("%s got %d messages, and then %+v, %v", name, got, info, err)
		}
		if err := js.DeleteConsumer(within, "KV_mabus_state", cons.CachedInfo().Name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
