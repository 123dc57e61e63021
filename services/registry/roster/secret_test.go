package roster_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
)

// However keys are added and retired, one of them is the present one, no key is twice there, and there are never too many; and a rule
// alters nothing that it was given.
func TestKeysOfSecrets(t *testing.T) {
	names := []string{"A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K"}
	rapid.Check(t, func(t *rapid.T) {
		var keys *api.SecretKeysResponse
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			key, sealed := rapid.SampledFrom(names).Draw(t, "key"), rapid.IntRange(0, 1).Draw(t, "sealed")
			before, had := 0, false
			if keys != nil {
				before = len(keys.Keys)
				had = keys.Current == key
			}
			expect := rapid.SampledFrom(append(names, "")).Draw(t, "expect")
			if keys != nil && rapid.Bool().Draw(t, "right") {
				expect = keys.Current
			}
			var next *api.SecretKeysResponse
			var err error
			if rapid.Bool().Draw(t, "add") {
				next, _, err = roster.AddSecretKey(keys, &api.SecretKeyAddRequest{Key: key, Expect: expect}, "p", time.Time{})
				if err == nil && next.Current != key {
					t.Fatalf("added %s: %+v", key, next)
				}
			} else {
				next, _, err = roster.RemoveSecretKey(keys, &api.SecretKeyRemoveRequest{Key: key}, sealed)
				if err == nil && (had || sealed > 0) {
					t.Fatalf("removed %s of %+v with %d sealed", key, keys, sealed)
				}
			}
			if keys != nil && len(keys.Keys) != before {
				t.Fatal("what was given has changed")
			}
			if err != nil {
				continue
			}
			keys = next
			seen := map[string]int{}
			for _, k := range keys.Keys {
				seen[k.Key]++
			}
			if seen[keys.Current] != 1 || len(seen) != len(keys.Keys) || len(keys.Keys) > api.MaxSecretKeys {
				t.Fatalf("%+v", keys)
			}
		}
	})
}

func TestSetSecret(t *testing.T) {
	keys := &api.SecretKeysResponse{Current: "K", Keys: []api.SecretKey{{Key: "K"}, {Key: "OLD"}}}
	now := time.Unix(1, 0)
	old := &api.Secret{Name: "n", Key: "OLD", Version: 4}
	for name, c := range map[string]struct {
		old     *api.Secret
		keys    *api.SecretKeysResponse
		key     string
		version *int
		many    bool
		reason  string
		next    int
	}{
		"new":                   {nil, keys, "K", nil, false, "", 1},
		"new, and must be":      {nil, keys, "K", new(0), false, "", 1},
		"again":                 {old, keys, "K", nil, true, "", 5},
		"again, as known":       {old, keys, "K", new(4), false, "", 5},
		"must be new":           {old, keys, "K", new(0), false, api.ReasonVersionMismatch, 0},
		"was set since":         {old, keys, "K", new(3), false, api.ReasonVersionMismatch, 0},
		"to an old key":         {old, keys, "OLD", nil, false, api.ReasonSecretKeyChanged, 0},
		"before there is a key": {nil, nil, "K", nil, false, api.ReasonSecretKeyMissing, 0},
		"one too many":          {nil, keys, "K", nil, true, api.ReasonTooManySecrets, 0},
	} {
		got, event, err := roster.SetSecret(c.old, &api.SecretSetRequest{Name: "n", Key: c.key, Version: c.version}, c.keys, c.many, "p", now)
		switch {
		case api.ReasonOf(err) != c.reason:
			t.Errorf("%s: got %v, want %q", name, err, c.reason)
		case err == nil && (got.Version != c.next || event != roster.SecretSet || got.ChangedBy != "p" || got.ChangedAt != now):
			t.Errorf("%s: got %+v, %s", name, got, event)
		}
	}
	if old.Version != 4 {
		t.Error("what was given has changed")
	}
}
