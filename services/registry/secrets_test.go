package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/secret"
)

func newKey(t *testing.T) string {
	t.Helper()
	public, _, err := secret.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func sealed(t *testing.T, key, name string) api.SecretSetRequest {
	t.Helper()
	r, err := secret.Seal(key, "mabus", name, []byte("canary-value"))
	if err != nil {
		t.Fatal(err)
	}
	return *r
}

func TestSecretsAreKeptSealed(t *testing.T) {
	c, _ := run(t, 2, registry.Config{})
	ch := events(t, c, "mabus.event.registry.>")
	k1, k2 := newKey(t), newKey(t)
	refused(t, c, api.SecretsSet, sealed(t, k1, "llm"), api.FailedPrecondition, api.ReasonSecretKeyMissing)
	if keys := must(t, c, api.SecretKeysList, api.Empty{}); keys.Current != "" || keys.Keys == nil {
		t.Errorf("keys: %+v", keys)
	}
	refused(t, c, api.SecretKeysAdd, api.SecretKeyAddRequest{Key: k1, Expect: k2}, api.Conflict, api.ReasonSecretKeyChanged)
	other := "A" // than the last character of the key, whose checksum it spoils
	if strings.HasSuffix(k1, other) {
		other = "B"
	}
	refused(t, c, api.SecretKeysAdd, api.SecretKeyAddRequest{Key: k1[:55] + other}, api.Invalid, "")
	keys := must(t, c, api.SecretKeysAdd, api.SecretKeyAddRequest{Key: k1})
	if keys.Current != k1 || keys.Keys[0].AddedBy != "tester" {
		t.Errorf("keys: %+v", keys)
	}
	refused(t, c, api.SecretsSet, sealed(t, k2, "llm"), api.Conflict, api.ReasonSecretKeyChanged)
	set := must(t, c, api.SecretsSet, sealed(t, k1, "llm"))
	if set.Version != 1 || set.ChangedBy != "tester" || set.Box != "" || set.Sender != "" || set.Revision == "" {
		t.Errorf("set: %+v", set)
	}
	again := sealed(t, k1, "llm")
	again.Version = new(0)
	refused(t, c, api.SecretsSet, again, api.Conflict, api.ReasonVersionMismatch)
	*again.Version = 1
	set = must(t, c, api.SecretsSet, again)
	got := must(t, c, api.SecretsGet, api.GetRequest{ID: "llm", MinRevision: set.Revision})
	if got.Version != 2 || got.Box != again.Box || got.Sender != again.Sender {
		t.Errorf("got: %+v", got)
	}
	refused(t, c, api.SecretsGet, api.GetRequest{ID: "other"}, api.NotFound, api.ReasonSecretNotFound)
	list := must(t, c, api.SecretsList, api.SecretsListRequest{MinRevision: set.Revision})
	if diff := cmp.Diff([]api.Secret{*set}, list.Secrets); diff != "" {
		t.Errorf("the list (-want +got):\n%s", diff)
	}
	refused(t, c, api.SecretKeysRemove, api.SecretKeyRemoveRequest{Key: k1}, api.FailedPrecondition, api.ReasonSecretKeyInUse)
	must(t, c, api.SecretKeysAdd, api.SecretKeyAddRequest{Key: k2, Expect: k1})
	refused(t, c, api.SecretKeysRemove, api.SecretKeyRemoveRequest{Key: k1}, api.FailedPrecondition, api.ReasonSecretKeyInUse)
	refused(t, c, api.SecretKeysRemove, api.SecretKeyRemoveRequest{Key: newKey(t)}, api.NotFound, api.ReasonSecretKeyUnknown)
	must(t, c, api.SecretsSet, sealed(t, k2, "llm"))
	if keys = must(t, c, api.SecretKeysRemove, api.SecretKeyRemoveRequest{Key: k1}); len(keys.Keys) != 1 || keys.Current != k2 {
		t.Errorf("keys: %+v", keys)
	}
	removed := must(t, c, api.SecretsRemove, api.DeregisterRequest{ID: "llm"})
	if !removed.Existed {
		t.Errorf("removed: %+v", removed)
	}
	refused(t, c, api.SecretsGet, api.GetRequest{ID: "llm", MinRevision: removed.Revision}, api.NotFound, api.ReasonSecretNotFound)
	want := map[string]int{"secret_keys.added": 2, "secret_keys.removed": 1, "secrets.set": 3, "secrets.removed": 1}
	ids := map[string]bool{}
	for len(want) > 0 {
		select {
		case msg := <-ch:
			var e api.Event
			if err := codec.Decode(msg.Data, &e); err != nil {
				t.Fatal(err)
			}
			name := strings.TrimPrefix(e.Type, "mabus.")
			if !strings.HasPrefix(name, "secret") { // of what the replicas register for themselves
				continue
			}
			if !ids[e.ID] { // at least once
				ids[e.ID] = true
				want[name]--
			}
			if want[name] == 0 {
				delete(want, name)
			}
			if e.Principal != "tester" || strings.Contains(string(msg.Data), "box") || strings.Contains(string(msg.Data), "sender") {
				t.Errorf("event: %s", msg.Data)
			}
		case <-time.After(patience):
			t.Fatalf("no event of %v", want)
		}
	}
}

// A request that is repeated sets a secret once, whichever replica hears it.
func TestSettingASecretIsRepeatable(t *testing.T) {
	c, _ := run(t, 2, registry.Config{})
	key := newKey(t)
	must(t, c, api.SecretKeysAdd, api.SecretKeyAddRequest{Key: key})
	r := sealed(t, key, "llm")
	for range 4 {
		s, err := rpc.Call(rpc.WithRequestID(t.Context(), "once"), c, api.SecretsSet, &r)
		if err != nil || s.Version != 1 || s.Box != "" {
			t.Fatalf("got %+v, %v", s, err)
		}
	}
}

// While keys are replaced and retired, a secret that was set is never left sealed to a key that was retired.
func TestKeysAreReplacedUnderWay(t *testing.T) {
	conn, _ := run(t, 2, registry.Config{})
	c := client.New(conn)
	first := newKey(t)
	if _, err := c.Secrets.AddKey(t.Context(), first, ""); err != nil {
		t.Fatal(err)
	}
	stands := map[string]bool{} // whether the last set of a name succeeded
	var retired atomic.Int64
	done := make(chan error, 1)
	go func() {
		for n, end := 0, time.Now().Add(patience); n < 60 || retired.Load() == 0 && time.Now().Before(end); n++ {
			name := fmt.Sprintf("s%d", n%8)
			_, err := c.Secrets.Set(t.Context(), name, []byte("value"), "")
			if stands[name] = err == nil; err != nil && api.ReasonOf(err) != api.ReasonSecretKeyChanged {
				done <- err
				return
			}
		}
		done <- nil
	}()
	keys := must(t, conn, api.SecretKeysList, api.Empty{})
	for running := true; running; {
		if next, err := c.Secrets.AddKey(t.Context(), newKey(t), keys.Current); err == nil {
			keys = next
		} else if api.ReasonOf(err) != api.ReasonTooManySecrets {
			t.Fatal(err)
		}
		for _, k := range keys.Keys {
			switch next, err := c.Secrets.RemoveKey(t.Context(), k.Key); {
			case err == nil:
				keys = next
				retired.Add(1)
			case api.ReasonOf(err) != api.ReasonSecretKeyInUse:
				t.Fatal(err)
			}
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		default:
		}
	}
	for s, err := range c.Secrets.All(t.Context(), api.SecretsListRequest{}) {
		if err != nil {
			t.Fatal(err)
		}
		if there := slices.ContainsFunc(keys.Keys, func(k api.SecretKey) bool { return k.Key == s.Key }); !there && stands[s.Name] {
			t.Errorf("secret %s is sealed to a key that was retired", s.Name)
		}
	}
	if retired.Load() == 0 {
		t.Error("no key was retired, which proves nothing")
	}
}
