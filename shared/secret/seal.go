package secret

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/shared/api"
)

// header begins what is sealed: then come the namespace and the name, a line each, and the value.
const header = "mabus-secret-1\n"

// NewKey makes a key pair for a namespace. Its seed, the private half, goes to hosts; its public half into the registry.
func NewKey() (public string, seed []byte, err error) {
	pair, err := nkeys.CreateCurveKeys()
	if err != nil {
		return "", nil, fmt.Errorf("make a key: %w", err)
	}
	defer pair.Wipe()
	if public, err = pair.PublicKey(); err != nil {
		return "", nil, fmt.Errorf("make a key: %w", err)
	}
	if seed, err = pair.Seed(); err != nil {
		return "", nil, fmt.Errorf("make a key: %w", err)
	}
	return public, seed, nil
}

// CheckKey returns an invalid error unless key is a public curve key.
func CheckKey(key string) error {
	if !nkeys.IsValidPublicCurveKey(key) {
		return api.Errorf(api.Invalid, "the key is no public curve key: a character of it is wrong").WithFields("key")
	}
	return nil
}

// Seal seals a value to a public key, for one name in one namespace: what is sealed does not open under any other. Nobody without
// the private half opens it, the caller included.
func Seal(key, namespace, name string, value []byte) (*api.SecretSetRequest, error) {
	if len(value) == 0 {
		return nil, api.Errorf(api.Invalid, "the value of a secret must not be empty").WithFields("value")
	}
	if len(value) > api.MaxSecretValue {
		return nil, api.Errorf(api.Invalid, "the value has %d bytes, a secret has at most %d", len(value), api.MaxSecretValue).WithReason(api.ReasonPayloadTooLarge).WithFields("value")
	}
	if err := errors.Join(CheckKey(key), api.CheckID("name", name)); err != nil {
		return nil, err
	}
	once, err := nkeys.CreateCurveKeys()
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	defer once.Wipe()
	sender, err := once.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	plain := append(prefix(namespace, name), value...)
	defer clear(plain)
	box, err := once.Seal(plain, key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return &api.SecretSetRequest{Name: name, Key: key, Sender: sender, Box: base64.StdEncoding.EncodeToString(box)}, nil
}

func prefix(namespace, name string) []byte {
	return []byte(header + namespace + "\n" + name + "\n")
}

// open is the other end of Seal.
func open(pair nkeys.KeyPair, namespace string, s *api.Secret) (*Value, error) {
	box, err := base64.StdEncoding.DecodeString(s.Box)
	if err != nil {
		return nil, unreadable("what is kept of secret %s is damaged: set it again", s.Name)
	}
	plain, err := pair.Open(box, s.Sender)
	if err != nil {
		return nil, unreadable("what is kept of secret %s does not open with its key: set it again", s.Name)
	}
	value, ok := bytes.CutPrefix(plain, prefix(namespace, s.Name))
	if !ok {
		clear(plain)
		return nil, unreadable("what is kept as secret %s was sealed for another name or namespace: set it again", s.Name)
	}
	return NewValue(value), nil
}
