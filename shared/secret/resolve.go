package secret

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	fresh = 5 * time.Second  // for which what is needed often is not asked for again
	stale = 10 * time.Minute // for which it serves while the registry cannot be asked
)

// Resolver finds what references of agents lead to, on one host.
type Resolver struct {
	policy    Policy
	open      bool
	namespace string
	ask       func(ctx context.Context, name string) (*api.Secret, error)
	asking    singleflight.Group

	mu     sync.Mutex
	sealed map[string]record
}

type record struct {
	secret *api.Secret
	at     time.Time
}

// NewResolver returns a resolver of a host of the namespace. ask gets a secret from the registry. In a strict namespace KeyEnv keeps to
// the policy. Errors: invalid.
func NewResolver(p Policy, namespace string, strict bool, ask func(ctx context.Context, name string) (*api.Secret, error)) (*Resolver, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return &Resolver{policy: p, open: !strict, namespace: namespace, ask: ask, sealed: map[string]record{}}, nil
}

// Resolve returns the value that a reference leads to now. The caller wipes it when it is done with it.
//
// Errors: invalid; not_found (secret_not_found), permission_denied (secret_not_allowed) and failed_precondition (secret_unreadable),
// which name the reference and never the value; what the registry answers when it cannot be asked.
func (r *Resolver) Resolve(ctx context.Context, ref api.SecretRef) (*Value, error) {
	return r.resolve(ctx, ref, 0)
}

// Recent is Resolve for what is needed often: a secret of the namespace may be some seconds old.
func (r *Resolver) Recent(ctx context.Context, ref api.SecretRef) (*Value, error) {
	return r.resolve(ctx, ref, fresh)
}

func (r *Resolver) resolve(ctx context.Context, ref api.SecretRef, age time.Duration) (*Value, error) {
	from, name, ok := ref.Split()
	if !ok {
		return nil, api.Errorf(api.Invalid, "this is no reference to a secret: write env:NAME, file:/absolute/path or secret:NAME")
	}
	switch from {
	case api.SecretEnv:
		if !r.policy.allowsEnv(name) {
			return nil, notAllowed("the operator of this agent host does not allow agents its variable %s: see --secret-env", name)
		}
		return fromEnv(name)
	case api.SecretFile:
		return r.fromFile(name)
	}
	v, err := r.fromStore(ctx, name, age)
	if age > 0 && api.ReasonOf(err) == api.ReasonSecretUnreadable { // it may have been sealed anew since
		return r.fromStore(ctx, name, 0)
	}
	return v, err
}

// KeyEnv is Resolve for a variable that an http agent names as key_env, which in an open namespace may be any.
func (r *Resolver) KeyEnv(name string) (*Value, error) {
	if !r.open && !r.policy.allowsEnv(name) {
		return nil, notAllowed("the operator of this agent host does not allow agents its variable %s, which http.key_env names: see --secret-env", name)
	}
	return fromEnv(name)
}

func fromEnv(name string) (*Value, error) {
	v, ok := os.LookupEnv(name)
	if !ok || v == "" {
		return nil, notFound("the environment of the agent host has no %s: set it there", name)
	}
	return NewValue([]byte(v)), nil
}

// fromFile reads a file below an allowed directory, out of which no symbolic link leads. One line break at its end is not the value's.
func (r *Resolver) fromFile(path string) (*Value, error) {
	dir, rest, ok := r.policy.dirOf(path)
	if !ok {
		return nil, notAllowed("the operator of this agent host does not allow agents the file %s: see --secret-dir", path)
	}
	f, err := openIn(dir, rest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, notFound("the agent host has no file %s", path)
	case err != nil:
		return nil, unreadable("the agent host cannot read the file %s: %v", path, errors.Unwrap(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, unreadable("%s is no regular file", path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, api.MaxSecretValue+3))
	if err != nil {
		return nil, unreadable("the agent host cannot read the file %s", path)
	}
	value := bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r"))
	if len(value) == 0 || len(value) > api.MaxSecretValue {
		clear(raw)
		return nil, unreadable("the file %s is empty, or has more than %d bytes", path, api.MaxSecretValue)
	}
	return NewValue(value), nil
}

// openIn opens a file below a directory, without waiting for who writes if it is a pipe.
func openIn(dir, rest string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return root.OpenFile(rest, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

func (r *Resolver) fromStore(ctx context.Context, name string, age time.Duration) (*Value, error) {
	if r.policy.KeyFile == "" {
		return nil, unreadable("this agent host holds no key of the namespace's secrets, which secret:%s needs: see --secrets-key", name)
	}
	s, err := r.record(ctx, name, age)
	if err != nil {
		return nil, err
	}
	keys, err := ReadKeys(r.policy.KeyFile) // anew each time: a key that was added is found, and none stays in memory
	if err != nil {
		return nil, unreadable("secret:%s: %s", name, strings.TrimSuffix(api.AsError(err).Message, "."))
	}
	defer keys.Wipe()
	if s.Name != name {
		return nil, unreadable("the registry answered with the secret %.64q instead of %s", s.Name, name)
	}
	return keys.Open(r.namespace, s)
}

// record returns a secret as it is sealed, which the registry has said at most so long ago. While it cannot be asked, what it last said
// serves for a while.
func (r *Resolver) record(ctx context.Context, name string, age time.Duration) (*api.Secret, error) {
	r.mu.Lock()
	have, ok := r.sealed[name]
	r.mu.Unlock()
	if ok && time.Since(have.at) < age {
		return have.secret, nil
	}
	type said struct {
		s   *api.Secret
		err error
	}
	one := r.asking.DoChan(name, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), api.DefaultTimeout.Std()) // others wait for it too
		defer cancel()
		s, err := r.ask(ctx, name)
		r.keep(name, s, err)
		return said{s, err}, nil
	})
	var err error
	select {
	case res := <-one:
		answer, _ := res.Val.(said)
		if answer.err == nil {
			return answer.s, nil
		}
		err = answer.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if ok && unsure(err) && time.Since(have.at) < stale {
		return have.secret, nil
	}
	return nil, err
}

// unsure tells whether an error says nothing of the secret.
func unsure(err error) bool {
	switch api.CodeOf(err) {
	case api.Unavailable, api.DeadlineExceeded, api.Overloaded, api.RateLimited, api.Cancelled, api.Internal:
		return true
	}
	return false
}

func (r *Resolver) keep(name string, s *api.Secret, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		if _, have := r.sealed[name]; !have && len(r.sealed) >= api.MaxSecrets {
			clear(r.sealed)
		}
		r.sealed[name] = record{s, time.Now()}
	case !unsure(err):
		delete(r.sealed, name)
	}
}
