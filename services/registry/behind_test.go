package registry_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// A lease lives as soon as the store has it: a replica that has not heard of it, for however long, takes what lives by it.
func TestALeaseLivesBeforeItIsHeardOf(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	replica(t, natstest.Refuse(t, srv.URL(), func(subject string) natstest.Refusal {
		if strings.HasPrefix(subject, "$JS.API.CONSUMER.MSG.NEXT.KV_mabus_leases.") {
			return natstest.Swallow
		}
		return natstest.Pass
	}), registry.Config{})
	c := dial(t, srv.URL(), "tester")
	l := must(t, c, api.LeasesAcquire, api.LeaseAcquireRequest{ID: "l1"})
	h := must(t, c, api.HostsRegister, api.Host{ID: "h1", Lease: "l1"})
	if h.Status != api.HostLive {
		t.Errorf("%+v", h)
	}
	must(t, c, api.LeasesRelease, api.LeaseRenewRequest{ID: "l1", Token: l.Token})
	refused(t, c, api.HostsRegister, api.Host{ID: "h2", Lease: "l1"}, api.FailedPrecondition, api.ReasonUnknownLease)
	refused(t, c, api.HostsRegister, api.Host{ID: "h2", Lease: "l2"}, api.FailedPrecondition, api.ReasonUnknownLease)
}

// A host that starts a program has what was set before, also where the replica that it asks has not heard of it.
func TestASecretIsReadAsItWasSet(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var deaf atomic.Bool
	replica(t, natstest.Refuse(t, srv.URL(), func(subject string) natstest.Refusal {
		if deaf.Load() && strings.HasPrefix(subject, "$JS.API.CONSUMER.MSG.NEXT.KV_mabus_secrets.") {
			return natstest.Swallow
		}
		return natstest.Pass
	}), registry.Config{})
	c, key := dial(t, srv.URL(), "tester"), newKey(t)
	must(t, c, api.SecretKeysAdd, api.SecretKeyAddRequest{Key: key})
	first := must(t, c, api.SecretsSet, sealed(t, key, "llm"))
	must(t, c, api.SecretsList, api.SecretsListRequest{MinRevision: first.Revision}) // it has heard of this one
	deaf.Store(true)
	stream, err := c.JS.Stream(t.Context(), "KV_mabus_secrets")
	if err != nil {
		t.Fatal(err)
	}
	for name := range stream.ConsumerNames(t.Context()).Name() { // what it waits for does not come any more
		if err := stream.DeleteConsumer(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	for version := 2; version < 4; version++ {
		must(t, c, api.SecretsSet, sealed(t, key, "llm"))
		if got := must(t, c, api.SecretsGet, api.GetRequest{ID: "llm"}); got.Version != version {
			t.Errorf("version %d is read where %d was set", got.Version, version)
		}
	}
	if _, err := rpc.Call(t.Context(), c, api.SecretsGet, &api.GetRequest{ID: "llm", MinRevision: "none"}); api.CodeOf(err) != api.Invalid {
		t.Errorf("a revision that is none: %v", err)
	}
	must(t, c, api.SecretsRemove, api.DeregisterRequest{ID: "llm"})
	refused(t, c, api.SecretsGet, api.GetRequest{ID: "llm"}, api.NotFound, api.ReasonSecretNotFound)
}

// A key that becomes the present one again, and has a secret set to it, while it is being retired, is not retired.
func TestAKeyIsRetiredWithNothingSealedToItAtThatMoment(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var between atomic.Pointer[func()] // is called before the replica next reads the keys
	c := dial(t, srv.URL(), "tester")
	replica(t, natstest.Refuse(t, srv.URL(), func(subject string) natstest.Refusal {
		if subject == "$JS.API.STREAM.MSG.GET.KV_mabus_secret_keys" {
			if f := between.Swap(nil); f != nil {
				(*f)()
			}
		}
		return natstest.Pass
	}), registry.Config{})
	k1, k2 := newKey(t), newKey(t)
	must(t, c, api.SecretKeysAdd, api.SecretKeyAddRequest{Key: k1})
	must(t, c, api.SecretKeysAdd, api.SecretKeyAddRequest{Key: k2, Expect: k1})
	// Another replica makes the key the present one again, sets a secret, and goes back to the other key.
	others := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		write := func(bucket, key, value string) {
			b, err := kv.Attach(ctx, c.JS, "mabus", bucket)
			if err != nil {
				t.Error(err)
				return
			}
			now, err := b.Get(ctx, key)
			if err == nil {
				_, err = b.Write(ctx, kv.Write{Key: key, Expect: now.Revision, Value: []byte(value)})
			}
			if err != nil {
				t.Error(err)
			}
		}
		both := `"keys":[{"key":"` + k1 + `"},{"key":"` + k2 + `"}]}`
		write("secret_keys", "keys", `{"current":"`+k1+`",`+both)
		write("secrets", "llm", `{"name":"llm","key":"`+k1+`","sender":"`+k2+`","box":"AAAA","version":1}`)
		write("secret_keys", "keys", `{"current":"`+k2+`",`+both)
	}
	between.Store(&others)
	refused(t, c, api.SecretKeysRemove, api.SecretKeyRemoveRequest{Key: k1}, api.FailedPrecondition, api.ReasonSecretKeyInUse)
	if between.Load() != nil {
		t.Error("the keys were not read")
	}
}

// The versions of a document that was lost are not given again by a replica that saw few of them.
func TestVersionsGoOnAtEveryReplicaWhenTheDocumentIsLost(t *testing.T) {
	t.Parallel()
	c := configured(t, 2)
	fine(t, c, "ann", "registry.config.set", `{"values":[{"path":"sample.size","value":1}]}`)
	b, err := kv.Attach(t.Context(), c.JS, "mabus", "config")
	if err != nil {
		t.Fatal(err)
	}
	given := map[uint64]bool{}
	for round := range 12 {
		for size := 2; size < 4; size++ {
			v := read[api.ConfigChanged](t, fine(t, c, "ann", "registry.config.set", `{"values":[{"path":"sample.size","value":`+string(rune('0'+size))+`}]}`))
			if given[v.Version] {
				t.Fatalf("round %d: version %d stands for two documents", round, v.Version)
			}
			given[v.Version] = true
		}
		now, err := b.Get(t.Context(), "document")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Write(t.Context(), kv.Write{Key: "document", Expect: now.Revision, Delete: true}); err != nil {
			t.Fatal(err)
		}
	}
}

// The oldest version may go while the history is looked at, as one does with each change once the history is full.
func TestAFullHistoryIsReadWhileItGoesOn(t *testing.T) {
	t.Parallel()
	c := configured(t, 2)
	stream, err := c.JS.Stream(t.Context(), "mabus_config_history")
	if err != nil {
		t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	cfg.MaxMsgs = 4
	if _, err := c.JS.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for size := range 150 {
			value := api.ConfigValue{Path: "sample.size", Value: fmt.Append(nil, 1+size%2)}
			if _, err := call(t, c, api.ConfigSet, api.ConfigSetRequest{Values: []api.ConfigValue{value}}); err != nil {
				t.Error(err)
			}
		}
	}()
	for running := true; running; {
		if _, err := call(t, c, api.ConfigStatsGet, api.Empty{}); err != nil {
			t.Error(err)
		}
		select {
		case <-done:
			running = false
		default:
		}
	}
}

// While the store has no leader for a moment, what needs all that the store has waits for it.
func TestWhatHasToCatchUpWaitsForALeader(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var asked atomic.Uint64
	replica(t, natstest.Refuse(t, srv.URL(), func(subject string) natstest.Refusal {
		if asked.Load() > 0 && strings.HasPrefix(subject, "$JS.API.STREAM.") && strings.HasSuffix(subject, ".KV_mabus_secrets") && asked.Add(1)%4 > 0 {
			return natstest.Busy
		}
		return natstest.Pass
	}), registry.Config{})
	c := dial(t, srv.URL(), "tester")
	k1, k2 := newKey(t), newKey(t)
	must(t, c, api.SecretKeysAdd, api.SecretKeyAddRequest{Key: k1})
	must(t, c, api.SecretKeysAdd, api.SecretKeyAddRequest{Key: k2, Expect: k1})
	asked.Store(1)
	must(t, c, api.SecretKeysRemove, api.SecretKeyRemoveRequest{Key: k1})
}
