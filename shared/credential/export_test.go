package credential

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/shared/api"
)

// Seed returns the seed of the key that signs a kind.
func (d *Directory) Seed(namespace string, kind api.Kind) (string, error) {
	s, err := d.read()
	if err != nil {
		return "", err
	}
	return s.Namespaces[namespace].Keys[kind].Seed, nil
}

// WriteLargest writes an auth.json that has more than can be read.
func WriteLargest(dir string) error {
	return (&state{Version: formatVersion, Operator: entity{JWT: strings.Repeat("x", maxFile)}}).write(dir)
}

// LargestAccount returns the JWT of an account with as many users as one can have, with the longest names.
func LargestAccount(d *Directory, namespace string) (string, error) {
	s, err := d.read()
	if err != nil {
		return "", err
	}
	_, public, err := newKey(nkeys.CreateUser)
	if err != nil {
		return "", err
	}
	ns, now := s.Namespaces[namespace], time.Now()
	for i := range MaxPrincipals + MaxEnded {
		key := fmt.Sprintf("%s%04d", public[:len(public)-4], i) // as long as one, which is all that matters
		u := &User{Name: fmt.Sprintf("%s%04d", strings.Repeat("n", api.MaxIDLength-4), i), Kind: api.KindAgent, PublicKey: key, IssuedAt: now}
		if i >= MaxPrincipals {
			u.RevokedAt = &now
		}
		ns.Users = append(ns.Users, u)
	}
	if err := ns.check(now, 0); err != nil {
		return "", err
	}
	if err := s.signNamespace(namespace, now); err != nil {
		return "", err
	}
	return ns.JWT, ns.fits(now, true)
}
