package credential

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/authz"
)

// AddRequest says for whom credentials are to be made.
type AddRequest struct {
	// Names are the principals; api.ValidID.
	Names []string
	Kind  api.Kind
	// Capabilities under which an agent outside of hosts may be reached, besides its name.
	Capabilities []string
	// Expires is for how long the credentials hold; 0 is until they are revoked.
	Expires time.Duration
}

func (r *AddRequest) validate() error {
	if len(r.Names) == 0 || len(r.Names) > MaxPrincipals {
		return api.Errorf(api.Invalid, "give 1 to %d names", MaxPrincipals).WithReason(api.ReasonMissingFields).WithFields("name")
	}
	for _, name := range r.Names {
		if err := api.CheckID("name", name); err != nil {
			return err
		}
		if name == authz.Hosts && r.Kind != api.KindHost {
			return api.Errorf(api.Invalid, "every agent host acts as %s, so only hosts may have credentials of this name: take another", name).WithFields("name")
		}
	}
	if !slices.Contains(api.Kinds, r.Kind) {
		return api.Errorf(api.Invalid, "kind must be one of %v", api.Kinds).WithFields("kind")
	}
	if len(r.Capabilities) > 0 && r.Kind != api.KindAgent {
		return api.Errorf(api.Invalid, "only agents outside of hosts have capabilities in their credentials").WithFields("capability")
	}
	if len(r.Capabilities) > MaxCapabilities {
		return api.Errorf(api.Invalid, "%d capabilities are given, at most %d are allowed", len(r.Capabilities), MaxCapabilities).WithFields("capability")
	}
	for _, c := range r.Capabilities {
		if err := api.CheckID("capability", c); err != nil {
			return err
		}
	}
	if r.Expires < 0 || r.Expires > 0 && r.Expires < time.Second {
		return api.Errorf(api.Invalid, "credentials hold for 1s or longer").WithFields("expires")
	}
	return nil
}

// Add makes credentials, and returns where they are. A name that has valid ones is a conflict, unless they are of the same kind and
// their file is missing: then a command was killed before it was written, and they are made anew. The servers are to be told of it
// (Push): until then, hosts may still act in that name.
func (d *Directory) Add(ctx context.Context, namespace string, r AddRequest) ([]string, error) {
	if err := r.validate(); err != nil {
		return nil, err
	}
	var paths []string
	err := d.issue(ctx, namespace, func(ns *change, now time.Time) error {
		if err := ns.check(now, len(r.Names)); err != nil { // before thousands of keys are made
			return err
		}
		for _, name := range r.Names {
			path := d.CredentialsPath(namespace, name)
			if old := ns.find(name); old != nil && old.Valid(now) {
				_, err := os.Stat(path)
				if !errors.Is(err, fs.ErrNotExist) || old.Kind != r.Kind || ns.files[path] != nil {
					return api.Errorf(api.Conflict, "%s has credentials as %s: revoke or rotate them first", name, old.Kind).WithReason(api.ReasonAlreadyRegistered)
				}
				revoke(old, now)
			}
			u := &User{Name: name, Kind: r.Kind, Capabilities: slices.Clone(r.Capabilities), IssuedAt: now}
			if r.Expires > 0 {
				end := now.Add(r.Expires)
				u.ExpiresAt = &end
			}
			if err := ns.issue(u, path); err != nil {
				return err
			}
			paths = append(paths, path)
		}
		return nil
	})
	return paths, err
}

// Revoke ends the valid credentials of names; those of a name that has none any more stay as they are. Servers let their holders go
// when they have been told (Push). It returns the names that had valid ones.
func (d *Directory) Revoke(ctx context.Context, namespace string, names []string) ([]string, error) {
	var revoked []string
	err := d.issue(ctx, namespace, func(ns *change, now time.Time) error {
		for _, name := range names {
			u := ns.find(name)
			if u == nil {
				return api.Errorf(api.NotFound, "%.64q has no credentials", name)
			}
			if u.Valid(now) {
				revoke(u, now)
				revoked = append(revoked, name)
			}
		}
		return nil
	})
	return revoked, err
}

// Rotate gives names new keys of the same kind, with the same capabilities and the same time to run, and revokes the old ones. It
// returns where the new credentials are.
func (d *Directory) Rotate(ctx context.Context, namespace string, names []string) ([]string, error) {
	var paths []string
	err := d.issue(ctx, namespace, func(ns *change, now time.Time) error {
		for _, name := range names {
			old := ns.find(name)
			if old == nil || !old.Valid(now) {
				return api.Errorf(api.NotFound, "%.64q has no valid credentials: add some with `mabus auth add`", name)
			}
			path := d.CredentialsPath(namespace, name)
			if err := ns.issue(renewed(old, now), path); err != nil {
				return err
			}
			revoke(old, now)
			paths = append(paths, path)
		}
		return nil
	})
	return paths, err
}

// RotateKind gives a kind a new signing key, and all who have valid credentials of the kind new ones. What the old key has signed, with
// or without our knowledge, lets nobody in once the servers have been told. It returns where the new credentials are.
func (d *Directory) RotateKind(ctx context.Context, namespace string, kind api.Kind) ([]string, error) {
	if !slices.Contains(api.Kinds, kind) {
		return nil, api.Errorf(api.Invalid, "kind must be one of %v", api.Kinds).WithFields("kind")
	}
	var paths []string
	err := d.issue(ctx, namespace, func(ns *change, now time.Time) error {
		var valid []*User
		for _, u := range ns.Users {
			if u.Kind == kind && u.Valid(now) {
				valid = append(valid, u)
			}
		}
		ns.Users = slices.DeleteFunc(ns.Users, func(u *User) bool { return u.Kind == kind }) // nothing of the old key needs to be refused one by one
		k, err := newSigningKey(now)
		if err != nil {
			return err
		}
		ns.Keys[kind] = k
		for _, old := range valid {
			path := d.CredentialsPath(namespace, old.Name)
			if err := ns.issue(renewed(old, now), path); err != nil {
				return err
			}
			paths = append(paths, path)
		}
		return nil
	})
	return paths, err
}

// change is a namespace while it is changed, and what follows.
type change struct {
	*namespace
	files effects
}

// issue changes the users of a namespace and signs its account again.
func (d *Directory) issue(ctx context.Context, name string, f func(ns *change, now time.Time) error) error {
	if _, err := d.read(); err != nil {
		return err
	}
	return d.change(ctx, false, func(s *state, now time.Time) (effects, error) {
		ns, err := s.namespace(name)
		if err != nil {
			return nil, err
		}
		ns.forget(now)
		if err := ns.addHosts(); err != nil {
			return nil, err
		}
		c, before := &change{namespace: ns, files: effects{}}, len(ns.Users)
		if err := f(c, now); err != nil {
			return nil, err
		}
		if err := ns.check(now, 0); err != nil {
			return nil, err
		}
		if err := s.signNamespace(name, now); err != nil {
			return nil, err
		}
		return c.files, ns.fits(now, len(ns.Users) > before)
	})
}

// issue lists a user and makes the text of its credentials.
func (c *change) issue(u *User, path string) error {
	text, err := credentials(u, c.Public, c.Keys[u.Kind].Seed)
	if err == nil && u.Kind == api.KindHost {
		text, err = c.withStores(text, u)
	}
	if err != nil {
		return err
	}
	c.Users = append(c.Users, u)
	c.files[path] = text
	return nil
}

// check holds a namespace to its bounds, with some more credentials.
func (ns *namespace) check(now time.Time, more int) error {
	valid, ended := more, 0
	for _, u := range ns.Users {
		if u.Valid(now) {
			valid++
		} else {
			ended++
		}
	}
	if valid > MaxPrincipals {
		return api.Errorf(api.FailedPrecondition, "%d credentials would be valid, at most %d are allowed: revoke some", valid, MaxPrincipals)
	}
	if ended > MaxEnded {
		return api.Errorf(api.FailedPrecondition, "%d credentials would be listed as revoked or expired, at most %d are: `mabus auth rotate --kind` of a kind forgets its own", ended, MaxEnded)
	}
	return nil
}

// fits holds the account to what one message can tell servers. When credentials were added, there must be room left to revoke all that hold:
// a revocation that no server can be told of would be none.
func (ns *namespace) fits(now time.Time, added bool) error {
	size := max(len(ns.JWT), len(ns.Hosts.JWT))
	for _, u := range ns.Users {
		if added && u.Valid(now) {
			size += revocation
		}
	}
	if size > maxAccount {
		return api.Errorf(api.FailedPrecondition, "the account would have %d bytes, servers take %d: use shorter names, or forget those that have ended by `mabus auth rotate --kind`", size, maxAccount)
	}
	return nil
}

func revoke(u *User, now time.Time) {
	at := now
	if u.IssuedAt.After(at) {
		at = u.IssuedAt
	}
	u.RevokedAt = &at
}

// renewed is a user like old whose time begins now.
func renewed(old *User, now time.Time) *User {
	u := &User{Name: old.Name, Kind: old.Kind, Capabilities: old.Capabilities, IssuedAt: now}
	if old.ExpiresAt != nil {
		end := now.Add(old.ExpiresAt.Sub(old.IssuedAt))
		u.ExpiresAt = &end
	}
	return u
}
