package rpc

import (
	"crypto/rand"
	"os"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/authz"
)

// identity is what a connection's credentials say of who it is. Nothing is decided by it: that is for the server and its permissions.
type identity struct {
	name string
	kind api.Kind
}

func identityOf(nc *nats.Conn) identity {
	if nc.Opts.UserJWT == nil {
		return identity{}
	}
	token, err := nc.Opts.UserJWT()
	if err != nil {
		return identity{}
	}
	return identityIn(token)
}

// nameIn returns whom a credentials file of Mabus names; empty for other files, and for one that cannot be read, which connecting tells.
func nameIn(path string) string {
	if path == "" {
		return ""
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	token, err := jwt.ParseDecoratedJWT(data)
	if err != nil {
		return ""
	}
	id := identityIn(token)
	if id.kind == "" {
		return ""
	}
	return id.name
}

func identityIn(token string) identity {
	claims, err := jwt.DecodeUserClaims(token)
	if err != nil {
		return identity{}
	}
	id := identity{name: claims.Name}
	for _, tag := range claims.Tags {
		if k, ok := strings.CutPrefix(tag, authz.KindTag+":"); ok {
			id.kind = api.Kind(k)
		}
	}
	return id
}

// Kind is the kind of principal that the connection's credentials are for; empty without credentials of Mabus, as then nothing stands
// between principals.
func (c *Conn) Kind() api.Kind { return c.state.identity.kind }

// HasStores tells whether the connection may use JetStream. Agents and observers may not: who reads a stream can have the server publish
// what is in it, on any subject, and so speak as anybody (docs/security.md).
func (c *Conn) HasStores() bool {
	return c.state.identity.kind != api.KindAgent && c.state.identity.kind != api.KindObserver && !c.state.noStores.Load()
}

// NoStore is the refusal of what needs JetStream, by a connection that may not use it.
func (c *Conn) NoStore(what string) *api.Error {
	return api.Errorf(api.FailedPrecondition, "%s needs JetStream, which the credentials of %s may not use", what, orYou(c.state.identity.name)).
		WithReason(api.ReasonNoStore)
}

func orYou(name string) string {
	if name == "" {
		return "this connection"
	}
	return name
}

// NewInbox returns a subject for answers to what the connection's principal asks. A connection that asks in another's name, as a host does
// in those of its agents, names that one in the inbox: see OwnInbox.
func (c *Conn) NewInbox() string {
	return c.inboxPrefix() + c.inboxLabel() + "." + rand.Text()
}

// inboxPrefix begins the inboxes of the connection. With credentials of Mabus they are answer subjects, on which agents may publish too.
func (c *Conn) inboxPrefix() string {
	if c.Kind() == "" {
		return c.NC.NewInbox()
	}
	return api.AnswerPrefix(c.state.identity.name) + "." + nuid.Next()
}

func (c *Conn) inboxLabel() string {
	if c.Principal == "" || c.Principal == c.ownName() {
		return ""
	}
	return asLabel + c.Principal
}

// ownName is the name in the connection's inboxes.
func (c *Conn) ownName() string {
	if c.Kind() != "" {
		return c.state.identity.name
	}
	return c.state.principal
}

const asLabel = ".as."

// inboxOf splits a reply subject that is an inbox of somebody: _INBOX_<name>.<rest> or _ANSWER.<name>.<rest>.
func inboxOf(reply string) (name, rest string, ok bool) {
	rest, ok = strings.CutPrefix(reply, api.InboxPrefix(""))
	if !ok {
		rest, ok = strings.CutPrefix(reply, api.AnswerPrefix(""))
	}
	if !ok {
		return "", "", false
	}
	name, rest, ok = strings.Cut(rest, ".")
	return name, rest, ok && name != "" && rest != ""
}

// OwnInbox tells whether a reply subject is an inbox of the principal: one that begins with its name, or one of another, who asks in its
// name, that has .as.<principal>. behind its first token. An answer that goes anywhere else would be said by who answers to somebody who
// has not asked. Of nobody in particular any inbox is.
func OwnInbox(principal, reply string) bool {
	name, rest, ok := inboxOf(reply)
	if !ok || principal == "" || name == principal {
		return ok
	}
	_, label, _ := strings.Cut(rest, ".")
	label, ok = strings.CutPrefix(label, asLabel[1:])
	as, last, more := strings.Cut(label, ".")
	return ok && more && last != "" && as == principal
}
