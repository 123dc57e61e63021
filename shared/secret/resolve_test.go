package secret_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/secret"
)

func resolver(t testing.TB, p secret.Policy, strict bool, ask func(ctx context.Context, name string) (*api.Secret, error)) *secret.Resolver {
	t.Helper()
	r, err := secret.NewResolver(p, "ns", strict, ask)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func noSecret(context.Context, string) (*api.Secret, error) {
	return nil, api.Errorf(api.NotFound, "there is none").WithReason(api.ReasonSecretNotFound)
}

func TestVariables(t *testing.T) {
	t.Setenv("MABUS_SECRET_A", "hunter22")
	t.Setenv("AWS_SECRET", "hunter22")
	t.Setenv("LLM_A", "hunter22")
	for _, c := range []struct {
		allowed []string
		name    string
		reason  string
	}{
		{nil, "MABUS_SECRET_A", ""},
		{nil, "MABUS_SECRET_B", api.ReasonSecretNotFound},
		{nil, "AWS_SECRET", api.ReasonSecretNotAllowed},
		{nil, "MABUS_SECRETS_KEY_FILE", api.ReasonSecretNotAllowed},
		{[]string{"AWS_SECRET", "LLM_*"}, "AWS_SECRET", ""},
		{[]string{"AWS_SECRET", "LLM_*"}, "LLM_A", ""},
		{[]string{"AWS_SECRET", "LLM_*"}, "LLM", api.ReasonSecretNotAllowed},
		{[]string{"AWS_SECRET", "LLM_*"}, "AWS_SECRET_B", api.ReasonSecretNotAllowed},
		{[]string{"AWS_SECRET", "LLM_*"}, "MABUS_SECRET_A", api.ReasonSecretNotAllowed},
	} {
		for _, strict := range []bool{true, false} {
			r := resolver(t, secret.Policy{Env: c.allowed}, strict, noSecret)
			v, err := r.Resolve(t.Context(), api.SecretRef("env:"+c.name))
			if api.ReasonOf(err) != c.reason || err == nil && string(v.Bytes()) != "hunter22" {
				t.Errorf("%s with %v: got %v", c.name, c.allowed, err)
			}
			want := c.reason
			if !strict && want == api.ReasonSecretNotAllowed {
				_, set := os.LookupEnv(c.name)
				if want = ""; !set {
					want = api.ReasonSecretNotFound
				}
			}
			if _, err := r.KeyEnv(c.name); api.ReasonOf(err) != want {
				t.Errorf("key_env %s with %v, strict %v: got %v, want %q", c.name, c.allowed, strict, err, want)
			}
		}
	}
}

func TestPolicies(t *testing.T) {
	for _, p := range []secret.Policy{{Env: []string{"A B"}}, {Env: []string{"*"}}, {Env: []string{""}}, {Dirs: []string{"run"}}, {Dirs: []string{"/"}}, {Dirs: []string{""}}, {Dirs: []string{"/.."}}} {
		if _, err := secret.NewResolver(p, "ns", false, noSecret); api.CodeOf(err) != api.Invalid {
			t.Errorf("%+v: got %v", p, err)
		}
	}
}

func TestFiles(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "allowed")
	write := func(path, data string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, at string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, at)); err != nil {
			t.Fatal(err)
		}
	}
	write(dir+"/a", "hunter22\n")
	write(dir+"/sub/b", "two\nlines\r\n")
	write(dir+"/empty", "\n")
	write(dir+"/large", strings.Repeat("x", api.MaxSecretValue+1))
	write(dir+"/most", strings.Repeat("x", api.MaxSecretValue)+"\n")
	write(root+"/outside", "hunter22")
	write(root+"/allowed2/c", "hunter22")
	link("sub/b", "inside")
	link("../outside", "out")
	link(root+"/outside", "absolute")
	link("..", "up")
	r := resolver(t, secret.Policy{Dirs: []string{dir + "/"}}, false, noSecret)
	for path, want := range map[string]string{
		dir + "/a": "hunter22", dir + "/sub/b": "two\nlines", dir + "/inside": "two\nlines", dir + "/most": strings.Repeat("x", api.MaxSecretValue),
		dir + "/empty": api.ReasonSecretUnreadable, dir + "/large": api.ReasonSecretUnreadable, dir + "/sub": api.ReasonSecretUnreadable,
		dir + "/nothing": api.ReasonSecretNotFound, root + "/outside": api.ReasonSecretNotAllowed, root + "/allowed2/c": api.ReasonSecretNotAllowed,
		dir: api.ReasonSecretNotAllowed, dir + "/out": api.ReasonSecretUnreadable, dir + "/absolute": api.ReasonSecretUnreadable, dir + "/up/outside": api.ReasonSecretUnreadable,
	} {
		v, err := r.Resolve(t.Context(), api.SecretRef("file:"+path))
		got := api.ReasonOf(err)
		if err == nil {
			got = string(v.Bytes())
		}
		if got != want {
			t.Errorf("%s: got %.40q (%v), want %.40q", path, got, err, want)
		}
	}
	_, err := resolver(t, secret.Policy{}, false, noSecret).Resolve(t.Context(), api.SecretRef("file:"+dir+"/a"))
	wantError(t, err, api.PermissionDenied, api.ReasonSecretNotAllowed)
	_, err = r.Resolve(t.Context(), "hunter22")
	if api.CodeOf(err) != api.Invalid || strings.Contains(err.Error(), "hunter22") {
		t.Errorf("got %v", err)
	}
}

// store is a registry of one secret that counts how often it is asked.
type store struct {
	mu    sync.Mutex
	s     *api.Secret
	err   error
	asked atomic.Int32
}

func (s *store) set(v *api.Secret, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s, s.err = v, err
}

func (s *store) ask(context.Context, string) (*api.Secret, error) {
	s.asked.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.s, s.err
}

func TestSecretsOfTheNamespace(t *testing.T) {
	file, public := keyFile(t, 2)
	_, strangers := keyFile(t, 1)
	reg := &store{}
	r := resolver(t, secret.Policy{KeyFile: file}, true, reg.ask)
	is := func(t *testing.T, want string) {
		t.Helper()
		v, err := r.Recent(t.Context(), "secret:a")
		got := api.ReasonOf(err)
		switch {
		case err == nil:
			got = string(v.Bytes())
			v.Wipe()
		case got == "":
			got = string(api.CodeOf(err))
		}
		if got != want {
			t.Errorf("got %q (%v), want %q", got, err, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		wait := func(d time.Duration) { <-time.After(d) }
		reg.set(nil, api.Errorf(api.NotFound, "none").WithReason(api.ReasonSecretNotFound))
		is(t, api.ReasonSecretNotFound)
		reg.set(seal(t, public[0], "ns", "a", "first"), nil)
		is(t, "first")
		reg.set(seal(t, public[1], "ns", "a", "second"), nil)
		is(t, "first") // for a few seconds
		if n := reg.asked.Load(); n != 2 {
			t.Errorf("asked %d times", n)
		}
		if v, err := r.Resolve(t.Context(), "secret:a"); err != nil || string(v.Bytes()) != "second" {
			t.Errorf("the newest: got %v", err)
		}
		is(t, "second")
		// The registry is away: what it said last serves for a while.
		reg.set(nil, api.Errorf(api.Unavailable, "away"))
		wait(9 * time.Minute)
		is(t, "second")
		wait(2 * time.Minute)
		is(t, "unavailable")
		reg.set(seal(t, public[1], "ns", "b", "third"), nil)
		is(t, api.ReasonSecretUnreadable)
		reg.set(seal(t, public[1], "ns", "a", "sealed anew"), nil)
		is(t, "sealed anew") // at once, since what is remembered does not open
		wait(5 * time.Second)
		reg.set(seal(t, strangers[0], "ns", "a", "fourth"), nil)
		is(t, api.ReasonSecretUnreadable)
		wait(5 * time.Second)
		// A secret that was removed serves no more.
		reg.set(nil, api.Errorf(api.NotFound, "none").WithReason(api.ReasonSecretNotFound))
		is(t, api.ReasonSecretNotFound)
		reg.set(nil, api.Errorf(api.Unavailable, "away"))
		is(t, "unavailable")
	})
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	r = resolver(t, secret.Policy{KeyFile: file}, true, reg.ask)
	reg.set(seal(t, public[0], "ns", "a", "first"), nil)
	is(t, api.ReasonSecretUnreadable)
	r = resolver(t, secret.Policy{}, true, reg.ask)
	is(t, api.ReasonSecretUnreadable)
}

// Many that need a secret at once ask for it once, and one that gives up does not take the others with it.
func TestManyAskOnce(t *testing.T) {
	file, public := keyFile(t, 1)
	s := seal(t, public[0], "ns", "a", "value")
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		r := resolver(t, secret.Policy{KeyFile: file}, true, func(ctx context.Context, _ string) (*api.Secret, error) {
			asked.Add(1)
			select {
			case <-time.After(time.Second):
				return s, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := r.Resolve(impatient, "secret:a"); err == nil || impatient.Err() == nil {
			t.Errorf("got %v", err)
		}
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if v, err := r.Resolve(t.Context(), "secret:a"); err != nil || string(v.Bytes()) != "value" {
					t.Errorf("got %v, %v", v, err)
				}
			})
		}
		group.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}
