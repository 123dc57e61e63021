package http

import (
	"context"
	"errors"
	"fmt"
	nethttp "net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/guard"
	"github.com/mabus-project/mabus/shared/secret"
)

// Options is what the host gives an http agent.
type Options struct {
	// Limits keeps the limits that agents share; an agent whose limiter is cluster-wide needs it.
	Limits *guard.Limits
	// Secrets finds the key that the specification refers to. Without it there is only the environment, as in an open namespace.
	Secrets *secret.Resolver
	Log     zerolog.Logger
}

// Endpoint is one life of an http agent. It implements agent.Handler.
type Endpoint struct {
	id        string
	spec      api.HTTPSpec
	url       string
	header    nethttp.Header
	maxTokens int
	maxCost   api.Micro // that the agent states, for what has no prices
	guard     *guard.Guard
	pool      *pool
	secrets   *secret.Resolver

	life context.Context // ends with Stop, and what is being asked with it
	end  context.CancelCauseFunc

	mu      sync.Mutex
	stopped bool
	calls   int           // that have not ended; no more once stopped
	idle    chan struct{} // closed when the last call has ended after Stop
	done    chan struct{}
	over    sync.Once
}

var errStopped = errors.New("the agent is being stopped")

// Start makes an agent of the endpoint that the specification names. Nothing is sent yet: an endpoint that is away is found
// by the first message. The agent lives until Stop, beyond ctx.
//
// Errors: invalid, naming the field; those of the guard.
func Start(ctx context.Context, spec api.AgentSpec, opt Options) (*Endpoint, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	if spec.HTTP == nil {
		return nil, api.Errorf(api.Invalid, "http is required for an http agent").WithReason(api.ReasonMissingFields).WithFields("http")
	}
	if err := spec.HTTP.Validate(); err != nil {
		return nil, err
	}
	e := &Endpoint{
		id: spec.ID, spec: *spec.HTTP, maxTokens: spec.HTTP.MaxTokens, maxCost: spec.MaxCost, pool: newPool(spec.HTTP.Guard.Pool),
		idle: make(chan struct{}), done: make(chan struct{}),
	}
	if e.secrets = opt.Secrets; e.secrets == nil {
		var err error
		if e.secrets, err = secret.NewResolver(secret.Policy{}, "", false, noStore); err != nil {
			return nil, err
		}
	}
	if e.maxTokens == 0 {
		e.maxTokens = api.DefaultMaxTokens
	}
	u, err := url.Parse(e.spec.URL)
	if err != nil { // Validate has parsed it
		return nil, fmt.Errorf("parse the endpoint's URL: %w", err)
	}
	if e.spec.Format == api.HTTPChat {
		u = u.JoinPath("chat", "completions")
	}
	u.Fragment = ""
	e.url = u.String()
	if e.header, err = header(e.spec.Headers); err != nil {
		return nil, err
	}
	key := spec.Type
	if key == "" {
		key = api.DefaultAgentType
	}
	e.guard, err = guard.New(e.spec.Guard, guard.Options{Name: spec.ID, Key: key, Limits: opt.Limits, Log: opt.Log, Idle: e.pool.idle})
	if err != nil {
		return nil, err
	}
	e.life, e.end = context.WithCancelCause(context.WithoutCancel(ctx))
	return e, nil
}

// header checks what net/http would refuse only when the request is sent.
func header(given map[string]string) (nethttp.Header, error) {
	h := nethttp.Header{"User-Agent": {"mabus"}}
	for k, v := range given {
		if !validName(k) || !validValue(v) {
			return nil, api.Errorf(api.Invalid, "http.headers: %.80q is no header that can be sent", k).WithFields("http.headers")
		}
		h.Set(k, v)
	}
	return h, nil
}

func validName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}

func validValue(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
