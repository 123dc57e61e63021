package credential

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Server says where the servers are that are to be told of changes: one of each cluster is enough.
type Server struct {
	URL string
	TLS *tls.Config // nil for the system's certificates, or none
}

// The subjects on which servers are asked (the JWT guide of NATS, "account lookup and updates").
const (
	pingSubject   = "$SYS.REQ.SERVER.PING.STATSZ"
	updateSubject = "$SYS.REQ.CLAIMS.UPDATE"

	pushTime = 10 * time.Second // for all servers to answer
	quiet    = 2 * time.Second  // without an answer to a ping: those that are left do not
)

// Pushed says which servers have taken the accounts.
type Pushed struct {
	Servers []string `json:"servers"` // their names
}

// Push tells all servers of all accounts, and returns when each has taken each. Who was revoked is let go by then. If some server does
// not answer, it is unavailable, and the servers that are down learn it from the others when they are back: to be repeated if all were.
func (d *Directory) Push(ctx context.Context, at Server) (*Pushed, error) {
	s, err := d.read()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, pushTime)
	defer cancel()
	opts := []nats.Option{nats.Name("mabus auth"), nats.UserCredentials(d.SystemPath()), nats.Timeout(5 * time.Second), nats.NoReconnect()}
	if at.TLS != nil {
		opts = append(opts, nats.Secure(at.TLS))
	}
	nc, err := nats.Connect(at.URL, opts...)
	if err != nil {
		return nil, api.Errorf(api.Unavailable, "the NATS server at %s does not know of the change: %v", at.URL, err)
	}
	defer nc.Close()
	servers, err := ping(ctx, nc)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(s.Namespaces)) {
		for _, account := range []entity{s.Namespaces[name].entity, s.Namespaces[name].Hosts} { // which imports from the first
			if account.JWT == "" {
				continue
			}
			if err := update(ctx, nc, account.JWT, servers); err != nil {
				return nil, err
			}
		}
	}
	return &Pushed{Servers: slices.Sorted(maps.Values(servers))}, nil
}

// answer is what a server says to a request of the system account.
type answer struct {
	Server struct {
		Name string `json:"name"`
		ID   string `json:"id"`
	} `json:"server"`
	Error *struct {
		Description string `json:"description"`
	} `json:"error"`
	Stats struct {
		Active int `json:"active_servers"` // that it has heard of, itself among them
		Routes []struct {
			Name string `json:"name"`
		} `json:"routes"` // to the servers that it is connected to, several to each
	} `json:"statsz"`
}

// neighbours counts the servers that this one is connected to. It may not have heard of them yet.
func (a *answer) neighbours() int {
	names := map[string]bool{}
	for _, r := range a.Stats.Routes {
		names[r.Name] = true
	}
	return len(names)
}

// ping finds the names of all servers by their ids.
func ping(ctx context.Context, nc *nats.Conn) (map[string]string, error) {
	servers, all := map[string]string{}, 1
	err := ask(ctx, nc, pingSubject, nil, func(a answer) bool {
		servers[a.Server.ID], all = a.Server.Name, max(all, a.Stats.Active, a.neighbours()+1)
		return len(servers) < all
	}, quiet)
	if err == nil && len(servers) == 0 {
		err = api.Errorf(api.Unavailable, "no NATS server answers to the system account: is it the one of this auth directory?")
	}
	return servers, err
}

// update sends an account and waits for the word of every server.
func update(ctx context.Context, nc *nats.Conn, token string, servers map[string]string) error {
	left := maps.Clone(servers)
	var refused error
	err := ask(ctx, nc, updateSubject, []byte(token), func(a answer) bool {
		if a.Error != nil && refused == nil {
			refused = api.Errorf(api.FailedPrecondition, "the NATS server %s refuses the account: %s", a.Server.Name, a.Error.Description)
		}
		delete(left, a.Server.ID)
		return len(left) > 0
	}, pushTime)
	if err == nil {
		err = refused
	}
	if err == nil && len(left) > 0 {
		err = api.Errorf(api.Unavailable, "the NATS servers %v have not answered: repeat it with `mabus auth push` when they are there", slices.Sorted(maps.Values(left)))
	}
	return err
}

// ask sends one request and hears the answers of many until hear wants no more, or none has come for a while.
func ask(ctx context.Context, nc *nats.Conn, subject string, body []byte, hear func(answer) bool, pause time.Duration) error {
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return fmt.Errorf("ask the NATS servers: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.PublishRequest(subject, inbox, body); err != nil {
		return fmt.Errorf("ask the NATS servers: %w", err)
	}
	for {
		wait, cancel := context.WithTimeout(ctx, pause)
		msg, err := sub.NextMsgWithContext(wait)
		cancel()
		if err != nil {
			if nc.IsClosed() {
				return api.Errorf(api.Unavailable, "the connection to NATS was lost: %v", nc.LastError())
			}
			return nil // all who will have answered
		}
		var a answer
		if err := codec.Read(msg.Data, &a); err != nil || a.Server.ID == "" {
			continue // no responders, or none of ours
		}
		if !hear(a) {
			return nil
		}
	}
}
