package credential

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/authz"
	"github.com/mabus-project/mabus/shared/codec"
)

// newKey makes a key pair and returns its seed and its public half.
func newKey(create func() (nkeys.KeyPair, error)) (seed, public string, err error) {
	pair, err := create()
	if err != nil {
		return "", "", fmt.Errorf("make a key: %w", err)
	}
	defer pair.Wipe()
	raw, err := pair.Seed()
	if err != nil {
		return "", "", fmt.Errorf("make a key: %w", err)
	}
	public, err = pair.PublicKey()
	return string(raw), public, err
}

// signedAt encodes claims as issued at a time of our choice. Package jwt always says now, and gives two of one second the same id, so
// that servers could not tell which is newer.
func signedAt(claims jwt.Claims, seed string, issued int64) (string, error) {
	pair, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		return "", fmt.Errorf("read a signing key: %w", err)
	}
	defer pair.Wipe()
	token, err := claims.Encode(pair)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errors.New("sign: the token has not three parts")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	var body map[string]json.RawMessage
	if err := codec.Read(raw, &body); err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	body["iat"], body["jti"] = json.RawMessage(strconv.FormatInt(issued, 10)), json.RawMessage(strconv.Quote(nuid.Next()))
	if raw, err = codec.Marshal(body); err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	text := parts[0] + "." + base64.RawURLEncoding.EncodeToString(raw)
	signature, err := pair.Sign([]byte(text))
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// signOperator says which account is the system's.
func (s *state) signOperator(now time.Time) error {
	c := jwt.NewOperatorClaims(s.Operator.Public)
	c.Name, c.SystemAccount = "mabus", s.System.Public
	return s.Operator.sign(c, s.Operator.Seed, now)
}

func (s *state) signSystem(now time.Time) error {
	c := jwt.NewAccountClaims(s.System.Public)
	c.Name = "system"
	return s.System.sign(c, s.Operator.Seed, now)
}

// signNamespace makes the JWTs of the namespace's accounts of its keys, its users and the permissions of this version of Mabus.
func (s *state) signNamespace(name string, now time.Time) error {
	ns := s.Namespaces[name]
	return errors.Join(ns.sign(ns.claims(name), s.Operator.Seed, now), ns.Hosts.sign(ns.hostClaims(name), s.Operator.Seed, now))
}

// claims are what the servers are to know of a namespace.
func (ns *namespace) claims(name string) *jwt.AccountClaims {
	c := jwt.NewAccountClaims(ns.Public)
	c.Name = name
	c.Limits.Conn, c.Limits.LeafNodeConn, c.Limits.DisallowBearer = maxConnections, 0, true
	c.Exports = exports(name)
	c.Limits.Imports, c.Limits.Exports, c.Limits.WildcardExports = 0, int64(len(c.Exports)), true
	c.Limits.JetStreamLimits = jwt.JetStreamLimits{
		MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: maxStreams, Consumer: maxConsumers, MaxAckPending: jwt.NoLimit,
		MemoryMaxStreamBytes: jwt.NoLimit, DiskMaxStreamBytes: jwt.NoLimit,
	}
	var named []authz.Principal
	for _, u := range ns.Users {
		named = append(named, authz.Principal{Name: u.Name, Kind: u.Kind}) // also who was revoked: his accounts are not for hosts
		if u.RevokedAt != nil {
			c.RevokeAt(u.PublicKey, *u.RevokedAt)
		}
	}
	for _, kind := range api.Kinds {
		c.SigningKeys.AddScopedSigner(scope(ns.Keys[kind].Public, kind, authz.For(kind, name, named)))
	}
	return c
}

// scope is what a signing key can grant: the user's own claims say nothing of permissions, and are refused if they do.
func scope(public string, kind api.Kind, p authz.Permissions) *jwt.UserScope {
	s := jwt.NewUserScope()
	s.Key, s.Role = public, string(kind)
	s.Template.Permissions = jwt.Permissions{
		Pub: jwt.Permission{Allow: p.Publish.Allow, Deny: p.Publish.Deny},
		Sub: jwt.Permission{Allow: p.Subscribe.Allow, Deny: p.Subscribe.Deny},
	}
	if kind == api.KindAgent || kind == api.KindObserver {
		s.Template.Subs = agentSubs
	}
	return s
}

func (e *entity) sign(c jwt.Claims, signer string, now time.Time) error {
	results := jwt.CreateValidationResults()
	c.Validate(results)
	if errs := results.Errors(); len(errs) > 0 {
		return fmt.Errorf("sign: %w", errors.Join(errs...))
	}
	digest := fmt.Sprintf("%x", sha256.Sum256([]byte(c.String())))
	if e.JWT != "" && e.Digest == digest {
		return nil // the servers have it already
	}
	issued := max(now.Unix(), e.Issued+1)
	token, err := signedAt(c, signer, issued)
	if err != nil {
		return err
	}
	e.JWT, e.Issued, e.Digest = token, issued, digest
	return nil
}

// credentials makes the text of a credentials file of a user and a key of its own, whose public half it notes in u.
func credentials(u *User, account, signer string) ([]byte, error) {
	seed, public, err := newKey(nkeys.CreateUser)
	if err != nil {
		return nil, err
	}
	u.PublicKey = public
	return credentialsOf(u, seed, account, signer)
}

// credentialsOf is credentials for a user who has a key.
func credentialsOf(u *User, seed, account, signer string) ([]byte, error) {
	token, err := userToken(u, account, signer)
	if err != nil {
		return nil, err
	}
	text, err := jwt.FormatUserConfig(token, []byte(seed))
	if err != nil {
		return nil, fmt.Errorf("write credentials: %w", err)
	}
	return text, nil
}

// userToken makes the JWT of a user in an account.
func userToken(u *User, account, signer string) (string, error) {
	c := jwt.NewUserClaims(u.PublicKey)
	c.Name, c.IssuerAccount = u.Name, account
	if u.Kind != "" {
		c.UserPermissionLimits = jwt.UserPermissionLimits{}       // the scope's
		c.Tags = append(c.Tags, authz.KindTag+":"+string(u.Kind)) // not by Add, which makes capabilities lower case
		for _, name := range u.Capabilities {
			c.Tags = append(c.Tags, authz.CapabilityTag+":"+name)
		}
	}
	if u.ExpiresAt != nil {
		c.Expires = u.ExpiresAt.Unix()
	}
	return signedAt(c, signer, u.IssuedAt.Unix())
}

// find returns the valid credentials of a name, or else the last that were issued for it.
func (ns *namespace) find(name string) *User {
	i := -1
	for j, u := range ns.Users {
		if u.Name == name {
			i = j
		}
	}
	if i < 0 {
		return nil
	}
	return ns.Users[i]
}

// forget drops what has let nobody in for a while.
func (ns *namespace) forget(now time.Time) {
	ns.Users = slices.DeleteFunc(ns.Users, func(u *User) bool { return u.ExpiresAt != nil && now.After(u.ExpiresAt.Add(remember)) })
}
