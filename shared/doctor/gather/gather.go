// Package gather collects the facts about a namespace that the rules of package doctor judge: from JetStream, from the registry and the
// other services, and from the connection itself. Whatever cannot be had is noted, with why.
package gather

import (
	"context"
	"errors"
	"net/url"
	"os"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/doctor"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Options say what to look at beside what the connection shows.
type Options struct {
	// Credentials is the file that the connection was made with, if any.
	Credentials string
	// Monitor is the URL of the server's monitoring port, if it has one: it tells what the connection cannot.
	Monitor string
	// BodyAge is from what age on large bodies are looked at that nothing names; an hour unless given.
	BodyAge time.Duration
}

// askTime bounds each question.
const askTime = 3 * time.Second

type gathering struct {
	conn     *rpc.Conn
	facts    *doctor.Facts
	bodyAge  time.Duration
	noStores bool // the credentials may not ask JetStream, so that nothing more is asked of it
}

// Facts collects what can be had. It fails only when ctx ends.
func Facts(ctx context.Context, conn *rpc.Conn, o Options) (*doctor.Facts, error) {
	g := &gathering{conn: conn, facts: &doctor.Facts{At: time.Now(), Namespace: conn.Namespace}, bodyAge: o.BodyAge}
	if g.bodyAge <= 0 {
		g.bodyAge = bodyAge
	}
	for _, step := range []func(context.Context){g.server, g.streams, g.leases, g.states, g.services, g.hosts, g.agents, g.tasks, g.budgets, g.health, g.clocks, g.logs, g.bodies} {
		step(ctx)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	g.sync(ctx, o.Monitor)
	g.papers(o.Credentials)
	return g.facts, nil
}

// failed notes what could not be looked at, or may not.
func (g *gathering) failed(what string, err error) {
	if errors.Is(err, nats.ErrPermissionViolation) || api.CodeOf(err) == api.PermissionDenied || api.CodeOf(err) == api.Unauthenticated {
		g.facts.Denied = append(g.facts.Denied, what)
		return
	}
	text := err.Error()
	if e := api.AsError(err); e != nil {
		text = e.Message
	}
	g.facts.Unknown = append(g.facts.Unknown, [2]string{what, text})
}

// server looks at the connection.
func (g *gathering) server(ctx context.Context) {
	nc := g.conn.NC
	s := &g.facts.Server
	s.Version, s.Nodes, s.Open = nc.ConnectedServerVersion(), 1, !nc.AuthRequired()
	_, err := nc.TLSConnectionState()
	s.TLS = err == nil
	if u, err := url.Parse(nc.ConnectedUrl()); err == nil {
		s.Loopback = loopback(u.Hostname())
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if err := g.allowed(ctx, "$JS.API.INFO"); err != nil {
		g.noStores = true
		g.failed("JetStream", err)
		return
	}
	account, err := g.conn.JS.AccountInfo(ctx)
	if err != nil {
		g.failed("JetStream", err)
		return
	}
	s.Bytes = account.Store
	if account.Limits.MaxStore > 0 {
		s.MaxBytes = uint64(account.Limits.MaxStore)
	}
}

// allowed asks on a subject, and returns the refusal if the credentials may not.
func (g *gathering) allowed(ctx context.Context, subject string) error {
	pending, err := g.conn.Begin(&nats.Msg{Subject: subject})
	if err != nil {
		return err
	}
	msg, err := pending.Wait(ctx, askTime)
	if err != nil {
		return err
	}
	if code := msg.Header.Get(api.HeaderErrorCode); code != "" {
		return api.Errorf(api.Code(code), "%s", msg.Header.Get(api.HeaderError))
	}
	return nil
}

// papers looks when certificates and credentials expire.
func (g *gathering) papers(credentials string) {
	if state, err := g.conn.NC.TLSConnectionState(); err == nil {
		for _, c := range state.PeerCertificates {
			g.facts.Papers = append(g.facts.Papers, doctor.Paper{What: "certificate of " + c.Subject.CommonName, Expires: c.NotAfter})
		}
	}
	if credentials == "" {
		return
	}
	data, err := os.ReadFile(credentials)
	if err != nil {
		g.failed(credentials, err)
		return
	}
	token, err := nkeys.ParseDecoratedJWT(data)
	if err != nil {
		g.failed(credentials, err)
		return
	}
	claims, err := jwt.DecodeUserClaims(token)
	if err != nil {
		g.failed(credentials, err)
		return
	}
	paper := doctor.Paper{What: credentials}
	if claims.Expires > 0 {
		paper.Expires = time.Unix(claims.Expires, 0)
	}
	g.facts.Papers = append(g.facts.Papers, paper)
}
