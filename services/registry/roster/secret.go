package roster

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// The events of secrets and their keys.
const (
	SecretSet     Event = "set"
	SecretRemoved Event = "removed"
	KeyAdded      Event = "added"
	KeyRemoved    Event = "removed"
)

// SetSecret keeps what was sealed to the namespace's present key. many says that there is no room for a further name.
func SetSecret(old *api.Secret, r *api.SecretSetRequest, keys *api.SecretKeysResponse, many bool, by string, now time.Time) (*api.Secret, Event, error) {
	switch {
	case keys == nil || keys.Current == "":
		return nil, NoChange, api.Errorf(api.FailedPrecondition, "the namespace has no key to seal secrets to: make one with mabus secrets init").WithReason(api.ReasonSecretKeyMissing)
	case keys.Current != r.Key:
		return nil, NoChange, SecretKeyChanged()
	case r.Version != nil && *r.Version != versionOf(old):
		return nil, NoChange, api.Errorf(api.Conflict, "secret %s has version %d, and %d was expected", r.Name, versionOf(old), *r.Version).WithReason(api.ReasonVersionMismatch)
	case old == nil && many:
		return nil, NoChange, api.Errorf(api.Overloaded, "there are %d secrets, which is the most: remove one", api.MaxSecrets).WithReason(api.ReasonTooManySecrets)
	}
	return &api.Secret{Name: r.Name, Key: r.Key, Sender: r.Sender, Box: r.Box, Version: versionOf(old) + 1, ChangedAt: now, ChangedBy: by}, SecretSet, nil
}

// SecretKeyChanged refuses what was sealed to another key than the present one.
func SecretKeyChanged() *api.Error {
	return api.Errorf(api.Conflict, "the secret is sealed to another key than the namespace's present one: ask for the keys again, and seal it anew").WithReason(api.ReasonSecretKeyChanged)
}

func versionOf(s *api.Secret) int {
	if s == nil {
		return 0
	}
	return s.Version
}

// RemoveSecret removes a secret. There is nothing to do for one that does not exist.
func RemoveSecret(old *api.Secret) (*api.Secret, Event, error) {
	if old == nil {
		return nil, NoChange, nil
	}
	return nil, SecretRemoved, nil
}

// AddSecretKey makes a key the present one.
func AddSecretKey(old *api.SecretKeysResponse, r *api.SecretKeyAddRequest, by string, now time.Time) (*api.SecretKeysResponse, Event, error) {
	next := api.SecretKeysResponse{Current: r.Key}
	if old != nil {
		if old.Current == r.Key {
			return old, NoChange, nil
		}
		if old.Current != r.Expect {
			return nil, NoChange, api.Errorf(api.Conflict, "the namespace has another present key than was expected: look at the keys again").WithReason(api.ReasonSecretKeyChanged)
		}
		next.Keys = slices.Clone(old.Keys)
	} else if r.Expect != "" {
		return nil, NoChange, api.Errorf(api.Conflict, "the namespace has no key yet, and one was expected: look at the keys again").WithReason(api.ReasonSecretKeyChanged)
	}
	if !slices.ContainsFunc(next.Keys, is(r.Key)) {
		if len(next.Keys) >= api.MaxSecretKeys {
			return nil, NoChange, api.Errorf(api.Overloaded, "there are %d keys, which is the most: seal the secrets of old ones anew and retire those, with mabus secrets rotate", api.MaxSecretKeys).
				WithReason(api.ReasonTooManySecrets)
		}
		next.Keys = append(next.Keys, api.SecretKey{Key: r.Key, AddedAt: now, AddedBy: by})
	}
	return &next, KeyAdded, nil
}

// RemoveSecretKey retires a key that is not the present one and that nothing is sealed to; sealed is how many secrets are.
func RemoveSecretKey(old *api.SecretKeysResponse, r *api.SecretKeyRemoveRequest, sealed int) (*api.SecretKeysResponse, Event, error) {
	switch {
	case old == nil || !slices.ContainsFunc(old.Keys, is(r.Key)):
		return nil, NoChange, api.Errorf(api.NotFound, "the namespace has no such key").WithReason(api.ReasonSecretKeyUnknown)
	case old.Current == r.Key:
		return nil, NoChange, api.Errorf(api.FailedPrecondition, "this is the key that secrets are sealed to now: make another with mabus secrets rotate").WithReason(api.ReasonSecretKeyInUse)
	case sealed > 0:
		return nil, NoChange, api.Errorf(api.FailedPrecondition, "%d secrets are sealed to the key: seal them anew with mabus secrets rotate", sealed).WithReason(api.ReasonSecretKeyInUse)
	}
	next := *old
	next.Keys = slices.DeleteFunc(slices.Clone(old.Keys), is(r.Key))
	return &next, KeyRemoved, nil
}

func is(key string) func(api.SecretKey) bool {
	return func(k api.SecretKey) bool { return k.Key == key }
}

// SecretTerms returns what a secret is found by.
func SecretTerms(s *api.Secret) []Term { return []Term{{FieldKey, s.Key}} }

// SecretFilter returns the terms that a secret of the list has.
func SecretFilter(r *api.SecretsListRequest) []Term { return appendGiven(nil, FieldKey, r.Key) }
