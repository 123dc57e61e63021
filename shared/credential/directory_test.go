package credential_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/credential"
)

func signingKey(t *testing.T, d *credential.Directory, kind api.Kind) nkeys.KeyPair {
	t.Helper()
	seed, err := d.Seed("mabus", kind)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func initAuth(t *testing.T, o credential.Options) *credential.Directory {
	t.Helper()
	d, err := credential.Init(t.Context(), filepath.Join(t.TempDir(), "auth"), "mabus", o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func agents(names ...string) credential.AddRequest {
	return credential.AddRequest{Names: names, Kind: api.KindAgent}
}

func TestInitIsSafeToRepeat(t *testing.T) {
	d := initAuth(t, credential.Options{})
	before, err := d.Material()
	if err != nil {
		t.Fatal(err)
	}
	again, err := credential.Init(t.Context(), d.Path(), "mabus", credential.Options{})
	if err != nil {
		t.Fatal(err)
	}
	after, err := again.Material()
	if err != nil || before.Operator != after.Operator || fmt.Sprint(before.Accounts) != fmt.Sprint(after.Accounts) {
		t.Errorf("Init has made something anew: %v", err)
	}
	if _, err := credential.Init(t.Context(), d.Path(), "other", credential.Options{}); err != nil {
		t.Fatal(err)
	}
	m, err := d.Material()
	if err != nil || !slices.Equal(slices.Sorted(maps.Keys(m.Namespaces)), []string{"mabus", "other"}) {
		t.Errorf("namespaces %v, %v", m.Namespaces, err)
	}
	if m.Accounts[m.Namespaces["mabus"]] != before.Accounts[before.Namespaces["mabus"]] {
		t.Error("another namespace has changed the first")
	}
}

func TestNobodyElseReadsTheDirectory(t *testing.T) {
	d := initAuth(t, credential.Options{})
	if _, err := d.Add(t.Context(), "mabus", agents("ann")); err != nil {
		t.Fatal(err)
	}
	if err := d.MakeTLS(t.Context(), []string{"localhost"}); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(d.Path(), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBadInputChangesNothing(t *testing.T) {
	d := initAuth(t, credential.Options{})
	if _, err := d.Add(t.Context(), "mabus", agents("ann")); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(d.Path(), "auth.json"))
	if err != nil {
		t.Fatal(err)
	}
	many := make([]string, credential.MaxPrincipals)
	for i := range many {
		many[i] = fmt.Sprint("a", i)
	}
	for name, c := range map[string]struct {
		code api.Code
		do   func() error
	}{
		"no name":              {api.Invalid, add(t, d, "mabus", agents())},
		"a path as name":       {api.Invalid, add(t, d, "mabus", agents("../../x"))},
		"a subject as name":    {api.Invalid, add(t, d, "mabus", agents("a.>"))},
		"a template as name":   {api.Invalid, add(t, d, "mabus", agents("{{subject()}}"))},
		"the name of hosts":    {api.Invalid, add(t, d, "mabus", agents("agenthost"))},
		"no such kind":         {api.Invalid, add(t, d, "mabus", credential.AddRequest{Names: []string{"x"}, Kind: "king"})},
		"capabilities of eyes": {api.Invalid, add(t, d, "mabus", credential.AddRequest{Names: []string{"x"}, Kind: api.KindObserver, Capabilities: []string{"c"}})},
		"a bad capability":     {api.Invalid, add(t, d, "mabus", credential.AddRequest{Names: []string{"x"}, Kind: api.KindAgent, Capabilities: []string{">"}})},
		"expires before":       {api.Invalid, add(t, d, "mabus", credential.AddRequest{Names: []string{"x"}, Kind: api.KindAgent, Expires: -time.Hour})},
		"twice":                {api.Conflict, add(t, d, "mabus", agents("bob", "bob"))},
		"known":                {api.Conflict, add(t, d, "mabus", agents("bob", "ann"))},
		"known as another":     {api.Conflict, add(t, d, "mabus", credential.AddRequest{Names: []string{"ann"}, Kind: api.KindOperator})},
		"too many":             {api.FailedPrecondition, add(t, d, "mabus", agents(many...))},
		"no such namespace":    {api.NotFound, add(t, d, "other", agents("x"))},
		"revoke nobody":        {api.NotFound, func() error { _, err := d.Revoke(t.Context(), "mabus", []string{"ann", "who"}); return err }},
		"rotate nobody":        {api.NotFound, func() error { _, err := d.Rotate(t.Context(), "mabus", []string{"ann", "who"}); return err }},
		"rotate no kind":       {api.Invalid, func() error { _, err := d.RotateKind(t.Context(), "mabus", "king"); return err }},
		"a bad namespace": {api.Invalid, func() error {
			_, err := credential.Init(t.Context(), d.Path(), "a.b", credential.Options{})
			return err
		}},
		"a taken namespace": {api.Invalid, func() error {
			_, err := credential.Init(t.Context(), d.Path(), "mabus_economics", credential.Options{})
			return err
		}},
	} {
		if err := c.do(); api.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if after, _ := os.ReadFile(filepath.Join(d.Path(), "auth.json")); string(after) != string(before) {
		t.Error("what was refused has changed something")
	}
	if entries, _ := os.ReadDir(filepath.Join(d.Path(), "creds", "mabus")); len(entries) != 1 {
		t.Errorf("%d credentials are there", len(entries))
	}
	if _, err := credential.Open(t.TempDir(), credential.Options{}); api.CodeOf(err) != api.NotFound {
		t.Errorf("no auth directory: %v", err)
	}
}

func add(t *testing.T, d *credential.Directory, namespace string, r credential.AddRequest) func() error {
	return func() error { _, err := d.Add(t.Context(), namespace, r); return err }
}

func TestConcurrentAddsAllCount(t *testing.T) {
	d := initAuth(t, credential.Options{})
	var wg sync.WaitGroup
	same := make(chan error, 8)
	for i := range 8 {
		wg.Go(func() {
			if _, err := d.Add(t.Context(), "mabus", agents(fmt.Sprint("a", i))); err != nil {
				t.Error(err)
			}
			_, err := d.Add(t.Context(), "mabus", agents("same"))
			same <- err
		})
	}
	wg.Wait()
	users, err := d.List("mabus")
	if err != nil || len(users) != 9 {
		t.Fatalf("%d users, %v", len(users), err)
	}
	won := 0
	for range 8 {
		if err := <-same; err == nil {
			won++
		} else if api.CodeOf(err) != api.Conflict {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 8 have made credentials of one name", won)
	}
	for _, u := range users {
		if key := keyIn(t, d.CredentialsPath("mabus", u.Name)); key != u.PublicKey {
			t.Errorf("the file of %s has the key %s, the list %s", u.Name, key, u.PublicKey)
		}
	}
}

func keyIn(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := jwt.ParseDecoratedUserNKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// A command that is killed between its steps leaves a list without the file, or a half-written file under another name.
func TestWhatAKilledCommandLeavesIsMadeGood(t *testing.T) {
	d := initAuth(t, credential.Options{})
	if _, err := d.Add(t.Context(), "mabus", agents("ann")); err != nil {
		t.Fatal(err)
	}
	path := d.CredentialsPath("mabus", "ann")
	lost := keyIn(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.Path(), ".auth.json.123"), []byte(`{"version":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Add(t.Context(), "mabus", credential.AddRequest{Names: []string{"ann"}, Kind: api.KindHost}); api.CodeOf(err) != api.Conflict {
		t.Errorf("another kind takes the place of lost credentials: %v", err)
	}
	if _, err := d.Add(t.Context(), "mabus", agents("ann")); err != nil {
		t.Fatal(err)
	}
	m, err := d.Material()
	if err != nil {
		t.Fatal(err)
	}
	claims, err := jwt.DecodeAccountClaims(m.Accounts[m.Namespaces["mabus"]])
	if err != nil || keyIn(t, path) == lost || claims.Revocations[lost] == 0 {
		t.Errorf("the lost key is not revoked: %v, %v", claims.Revocations, err)
	}
	if err := errors.Join(os.Remove(d.SystemPath()), os.RemoveAll(filepath.Join(d.Path(), "creds", "mabus"))); err != nil {
		t.Fatal(err)
	}
	if _, err := credential.Init(t.Context(), d.Path(), "mabus", credential.Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.SystemPath()); err != nil {
		t.Errorf("the system's credentials are not made again: %v", err)
	}
}

func TestADamagedDirectoryIsNotOverwritten(t *testing.T) {
	d := initAuth(t, credential.Options{})
	path := filepath.Join(d.Path(), "auth.json")
	for name, text := range map[string]string{"half": `{"version":1,"operator":{`, "later": `{"version":2}`, "empty": ``} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := credential.Init(t.Context(), d.Path(), "mabus", credential.Options{}); err == nil {
			t.Errorf("%s: a directory is made over a damaged one", name)
		}
		if got, _ := os.ReadFile(path); string(got) != text {
			t.Errorf("%s: it is overwritten", name)
		}
	}
}

// Servers choose the newer of two accounts by its time, so it grows with every change, also within a second.
func TestEveryChangeIsNewer(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	d := initAuth(t, credential.Options{Now: func() time.Time { return now }})
	last, ids := int64(0), map[string]bool{}
	for i := range 5 {
		m, err := d.Material()
		if err != nil {
			t.Fatal(err)
		}
		claims, err := jwt.DecodeAccountClaims(m.Accounts[m.Namespaces["mabus"]])
		if err != nil {
			t.Fatal(err)
		}
		if claims.IssuedAt <= last || ids[claims.ID] {
			t.Errorf("change %d: issued at %d after %d, id %s", i, claims.IssuedAt, last, claims.ID)
		}
		last, ids[claims.ID] = claims.IssuedAt, true
		if _, err := d.Add(t.Context(), "mabus", agents(fmt.Sprint("a", i))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCapabilitiesKeepTheirCase(t *testing.T) {
	d := initAuth(t, credential.Options{})
	if _, err := d.Add(t.Context(), "mabus", credential.AddRequest{Names: []string{"Ann"}, Kind: api.KindAgent, Capabilities: []string{"SumUp"}}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(d.CredentialsPath("mabus", "Ann"))
	if err != nil {
		t.Fatal(err)
	}
	token, _ := jwt.ParseDecoratedJWT(raw)
	claims, err := jwt.DecodeUserClaims(token)
	if err != nil || claims.Name != "Ann" || !strings.Contains(fmt.Sprint([]string(claims.Tags)), "cap:SumUp") {
		t.Errorf("%v %v %v", claims.Name, claims.Tags, err)
	}
	if name, err := credential.NameIn(d.CredentialsPath("mabus", "Ann")); err != nil || name != "Ann" {
		t.Errorf("the file is of %q, %v", name, err)
	}
	if name, err := credential.NameIn(d.SystemPath()); err != nil || name != "" {
		t.Errorf("the system's is of %q, %v", name, err)
	}
}

func TestTheLargestAccountFitsAMessage(t *testing.T) {
	token, err := credential.LargestAccount(initAuth(t, credential.Options{}), "mabus")
	if err != nil {
		t.Fatal(err)
	}
	const message = 1 << 20 // what NATS takes unless told otherwise
	if len(token) > message-4096 || len(token) < message/4 {
		t.Errorf("the account has %d bytes", len(token))
	}
}

// A namespace whose name is as long as one can be has room for fewer: what servers could not be told of is refused, and changes nothing.
func TestAnAccountThatNoServerTakesIsRefused(t *testing.T) {
	long := strings.Repeat("n", api.MaxIDLength)
	d, err := credential.Init(t.Context(), t.TempDir(), long, credential.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if token, err := credential.LargestAccount(d, long); api.CodeOf(err) != api.FailedPrecondition {
		t.Errorf("an account of %d bytes: %v", len(token), err)
	}
	if err := credential.WriteLargest(d.Path()); api.CodeOf(err) != api.FailedPrecondition {
		t.Errorf("an auth.json that nobody can read: %v", err)
	}
	if _, err := d.List(long); err != nil {
		t.Errorf("the directory cannot be read any more: %v", err)
	}
}
