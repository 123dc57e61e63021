package credential

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/authz"
)

// A namespace's account exports to that of its hosts what they may do with its stores, and nothing else crosses between the two
// (authz.Crossings). The credentials of a host hold a second JWT, for the same key, with which it connects to the hosts' account.

// addHosts makes the key of the hosts' account if it has none: earlier versions of Mabus had no such account.
func (ns *namespace) addHosts() (err error) {
	if ns.Hosts.Seed == "" {
		ns.Hosts.Seed, ns.Hosts.Public, err = newKey(nkeys.CreateAccount)
	}
	return err
}

func exports(name string) (out jwt.Exports) {
	for _, c := range authz.Crossings(name) {
		e := &jwt.Export{Name: c.Subject, Subject: jwt.Subject(c.Subject), Type: jwt.Service, ResponseType: jwt.ResponseTypeSingleton}
		if c.Many {
			e.ResponseType, e.ResponseThreshold = jwt.ResponseTypeStream, c.Quiet
		}
		out = append(out, e)
	}
	return out
}

// hostClaims are what the servers are to know of the account of a namespace's hosts. Its name is the namespace's: of both is what servers
// tell of.
func (ns *namespace) hostClaims(name string) *jwt.AccountClaims {
	c := jwt.NewAccountClaims(ns.Hosts.Public)
	c.Name = name
	for _, x := range authz.Crossings(name) {
		i := &jwt.Import{Name: x.Subject, Subject: jwt.Subject(x.Subject), Account: ns.Public, Type: jwt.Service, Share: x.Named}
		if x.Local != x.Subject {
			i.LocalSubject = jwt.RenamingSubject(x.Local)
		}
		c.Imports = append(c.Imports, i)
	}
	c.Limits.Conn, c.Limits.LeafNodeConn, c.Limits.DisallowBearer = maxConnections, 0, true
	c.Limits.Imports, c.Limits.Exports, c.Limits.WildcardExports = int64(len(c.Imports)), 0, false
	for _, u := range ns.Users {
		if u.Kind == api.KindHost && u.RevokedAt != nil {
			c.RevokeAt(u.PublicKey, *u.RevokedAt)
		}
	}
	c.SigningKeys.AddScopedSigner(scope(ns.Keys[api.KindHost].Public, api.KindHost, authz.Stores(name)))
	return c
}

// withStores adds to the credentials of a host the JWT for the hosts' account. Other clients read the first part alone.
func (ns *namespace) withStores(text []byte, u *User) ([]byte, error) {
	token, err := userToken(u, ns.Hosts.Public, ns.Keys[u.Kind].Seed)
	if err != nil {
		return nil, err
	}
	part := fmt.Sprintf("\n-----BEGIN %s-----\n%s\n------END %[1]s------\n", authz.StoresLabel, token)
	return append(storesPart.ReplaceAll(text, nil), part...), nil
}

var storesPart = regexp.MustCompile(`\n-+BEGIN ` + authz.StoresLabel + `-+\r?\n([\w.=-]+)\r?\n-+END ` + authz.StoresLabel + `-+\r?\n?`)

// hasStores tells whether credentials hold what the hosts' account takes.
func (ns *namespace) hasStores(text []byte) bool {
	part := storesPart.FindSubmatch(text)
	if part == nil {
		return false
	}
	c, err := jwt.DecodeUserClaims(string(part[1]))
	return err == nil && c.IssuerAccount == ns.Hosts.Public && c.Issuer == ns.Keys[api.KindHost].Public
}

// addStores adds to what is written the credentials of hosts that have none for the hosts' account, since an earlier version made them, with
// those. Where others are to be written there already, they have.
func (e effects) addStores(d *Directory, s *state, now time.Time) error {
	for name, ns := range s.Namespaces {
		for _, u := range ns.Users {
			path := d.CredentialsPath(name, u.Name)
			if u.Kind != api.KindHost || !u.Valid(now) || e[path] != nil || ns.Hosts.Public == "" { // a namespace that was not changed has none yet
				continue
			}
			text, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) || err == nil && ns.hasStores(text) {
				continue
			}
			if err == nil {
				e[path], err = ns.withStores(text, u)
			}
			if err != nil {
				return fmt.Errorf("add to the credentials of %s: %w", u.Name, err)
			}
		}
	}
	return nil
}
