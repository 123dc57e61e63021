package credential

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/shared/api"
)

// Directory is an auth directory. Its methods may be called from several goroutines and processes at once.
type Directory struct {
	path string
	now  func() time.Time
}

// Options are for tests.
type Options struct {
	// Now is the clock; time.Now unless given.
	Now func() time.Time
}

// Open returns the auth directory at a path, or not_found if there is none.
func Open(path string, o Options) (*Directory, error) {
	d := &Directory{path: path, now: o.Now}
	if d.now == nil {
		d.now = time.Now
	}
	if _, err := d.read(); err != nil {
		return nil, err
	}
	return d, nil
}

// Exists tells whether there is an auth directory at a path.
func Exists(path string) bool {
	_, err := os.Stat(statePath(path))
	return err == nil
}

// Init makes an auth directory, or adds the namespace to one that is there already. Of what is there nothing is made anew: what a command
// that was killed left undone is completed, and accounts are signed again if this version of Mabus grants something else.
func Init(ctx context.Context, path, namespace string, o Options) (*Directory, error) {
	if err := api.CheckID("namespace", namespace); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the auth directory: %w", err)
	}
	if err := os.Chmod(path, 0o700); err != nil { // it holds keys, whoever made it
		return nil, fmt.Errorf("make the auth directory: %w", err)
	}
	d := &Directory{path: path, now: o.Now}
	if d.now == nil {
		d.now = time.Now
	}
	return d, d.change(ctx, true, func(s *state, now time.Time) (effects, error) { return effects{}, s.init(namespace, now) })
}

// Path returns where the directory is.
func (d *Directory) Path() string { return d.path }

// CredentialsPath returns where the credentials of a name are.
func (d *Directory) CredentialsPath(namespace, name string) string {
	return filepath.Join(d.path, "creds", namespace, name+".creds")
}

// SystemPath returns where the credentials of the system account are, with which servers are told of changes.
func (d *Directory) SystemPath() string { return filepath.Join(d.path, "creds", "system.creds") }

func (d *Directory) read() (*state, error) {
	s, err := readState(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, api.Errorf(api.NotFound, "there is no auth directory at %s: make one with `mabus auth init`, or name yours with --auth", d.path)
	}
	return s, err
}

// change does one change under the lock: first what is to be, in one step, then the files that follow from it, which f returns.
func (d *Directory) change(ctx context.Context, create bool, f func(s *state, now time.Time) (effects, error)) error {
	release, err := lock(ctx, d.path)
	if err != nil {
		return err
	}
	defer release()
	s, err := readState(d.path)
	if create && errors.Is(err, fs.ErrNotExist) {
		s, err = &state{Version: formatVersion, Namespaces: map[string]*namespace{}}, nil
	}
	if err != nil {
		return err
	}
	now := d.now().UTC().Truncate(time.Second)
	after, err := f(s, now)
	if err == nil {
		err = after.addStores(d, s, now)
	}
	if err != nil {
		return err
	}
	if err := s.write(d.path); err != nil {
		return err
	}
	return errors.Join(d.system(s, now), after.carryOut(d))
}

// effects are the files of credentials that a change writes. Those of who was revoked stay: a client that finds none tries for ever, and
// one that is refused ends.
type effects map[string][]byte

func (e effects) carryOut(d *Directory) error {
	var errs []error
	for path, text := range e {
		errs = append(errs, d.put(path, text))
	}
	return errors.Join(errs...)
}

// system writes the credentials of the system account unless they are there.
func (d *Directory) system(s *state, now time.Time) error {
	if _, err := os.Stat(d.SystemPath()); err == nil {
		return nil
	}
	u := s.System.User
	u.IssuedAt = now
	text, err := credentialsOf(u, s.System.UserSeed, s.System.Public, s.System.Seed)
	if err != nil {
		return err
	}
	return d.put(d.SystemPath(), text)
}

func (d *Directory) put(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the directory of credentials: %w", err)
	}
	return writeFile(path, text, 0o600)
}

// init makes what is missing of the operator, the system account and the namespace.
func (s *state) init(name string, now time.Time) (err error) {
	if s.Operator.Seed == "" {
		if s.Operator.Seed, s.Operator.Public, err = newKey(nkeys.CreateOperator); err != nil {
			return err
		}
		if s.System.Seed, s.System.Public, err = newKey(nkeys.CreateAccount); err != nil {
			return err
		}
		s.System.User = &User{Name: "system"}
		if s.System.UserSeed, s.System.User.PublicKey, err = newKey(nkeys.CreateUser); err != nil {
			return err
		}
		if err := errors.Join(s.signOperator(now), s.signSystem(now)); err != nil {
			return err
		}
	}
	if s.Namespaces[name] == nil {
		if err := api.CheckNamespace(name); err != nil { // one that is there already may be of an earlier version
			return err
		}
		if len(s.Namespaces) >= MaxNamespaces {
			return api.Errorf(api.FailedPrecondition, "the auth directory has %d namespaces, which is as many as one can have", MaxNamespaces)
		}
		ns := &namespace{Keys: map[api.Kind]key{}}
		if ns.Seed, ns.Public, err = newKey(nkeys.CreateAccount); err != nil {
			return err
		}
		s.Namespaces[name] = ns
	}
	ns := s.Namespaces[name]
	for _, kind := range api.Kinds {
		if _, ok := ns.Keys[kind]; !ok {
			if ns.Keys[kind], err = newSigningKey(now); err != nil {
				return err
			}
		}
	}
	var errs []error
	for name, ns := range s.Namespaces { // the permissions are those of this version of Mabus
		if err := ns.addHosts(); err != nil {
			return err
		}
		errs = append(errs, s.signNamespace(name, now))
	}
	return errors.Join(errs...)
}

func newSigningKey(now time.Time) (k key, err error) {
	k.Since = now
	k.Seed, k.Public, err = newKey(nkeys.CreateAccount)
	return k, err
}

// Material is what a NATS server in operator mode needs. None of it is secret.
type Material struct {
	// Operator is the operator's JWT, and System the public key of the system account.
	Operator string
	System   string
	// Accounts are the JWTs of all accounts by public key, the system's and those of hosts among them.
	Accounts map[string]string
	// Namespaces are the public keys of the accounts by namespace.
	Namespaces map[string]string
}

// Material returns what a server needs to know.
func (d *Directory) Material() (Material, error) {
	s, err := d.read()
	if err != nil {
		return Material{}, err
	}
	m := Material{Operator: s.Operator.JWT, System: s.System.Public, Accounts: map[string]string{s.System.Public: s.System.JWT}, Namespaces: map[string]string{}}
	for name, ns := range s.Namespaces {
		m.Accounts[ns.Public], m.Namespaces[name] = ns.JWT, ns.Public
		if ns.Hosts.JWT != "" { // until it is made, hosts have no stores
			m.Accounts[ns.Hosts.Public] = ns.Hosts.JWT
		}
	}
	return m, nil
}

// List returns the credentials that were issued for a namespace, the oldest first, those that were revoked among them.
func (d *Directory) List(namespace string) ([]User, error) {
	s, err := d.read()
	if err != nil {
		return nil, err
	}
	ns, err := s.namespace(namespace)
	if err != nil {
		return nil, err
	}
	out := make([]User, len(ns.Users))
	for i, u := range ns.Users {
		out[i] = *u
	}
	slices.SortStableFunc(out, func(a, b User) int { return a.IssuedAt.Compare(b.IssuedAt) })
	return out, nil
}

func (s *state) namespace(name string) (*namespace, error) {
	if ns := s.Namespaces[name]; ns != nil {
		return ns, nil
	}
	return nil, api.Errorf(api.NotFound, "the auth directory has no namespace %.64q: add it with `mabus auth init --namespace %.64s`", name, name)
}
