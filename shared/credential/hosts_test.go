package credential_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/authz"
	"github.com/mabus-project/mabus/shared/credential"
)

// storesIn returns the user of the second part of a host's credentials.
func storesIn(t *testing.T, path string) *jwt.UserClaims {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, part, ok := strings.Cut(string(raw), "BEGIN "+authz.StoresLabel+"-----\n")
	if !ok || strings.Count(string(raw), "BEGIN "+authz.StoresLabel) != 1 {
		t.Fatalf("%s has no part for stores, or two", path)
	}
	token, _, _ := strings.Cut(part, "\n")
	claims, err := jwt.DecodeUserClaims(token)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// A host has one key and two accounts; whoever is no host has one.
func TestHostsHaveAnAccountOfTheirOwn(t *testing.T) {
	d := initAuth(t, credential.Options{})
	for kind, name := range map[api.Kind]string{api.KindHost: "h1", api.KindService: "svc", api.KindAgent: "ann"} {
		if _, err := d.Add(t.Context(), "mabus", credential.AddRequest{Names: []string{name}, Kind: kind}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"svc", "ann"} {
		if raw, err := os.ReadFile(d.CredentialsPath("mabus", name)); err != nil || bytes.Contains(raw, []byte(authz.StoresLabel)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	path := d.CredentialsPath("mabus", "h1")
	user := storesIn(t, path)
	m, err := d.Material()
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := jwt.DecodeAccountClaims(m.Accounts[user.IssuerAccount])
	if err != nil || user.IssuerAccount == m.Namespaces["mabus"] || user.Subject != keyIn(t, path) || user.Name != "h1" {
		t.Fatalf("%+v, %v", user, err)
	}
	if hosts.Limits.IsJSEnabled() || len(hosts.Exports) > 0 || len(hosts.Imports) != len(authz.Crossings("mabus")) {
		t.Errorf("%+v", hosts.Account)
	}
	for _, i := range hosts.Imports {
		if i.Account != m.Namespaces["mabus"] || i.Type != jwt.Service {
			t.Errorf("%+v", i)
		}
	}
	if _, err := d.Rotate(t.Context(), "mabus", []string{"h1"}); err != nil {
		t.Fatal(err)
	}
	if m, err = d.Material(); err != nil {
		t.Fatal(err)
	}
	if hosts, err = jwt.DecodeAccountClaims(m.Accounts[user.IssuerAccount]); err != nil || !hosts.IsClaimRevoked(user) || hosts.IsClaimRevoked(storesIn(t, path)) {
		t.Errorf("the old key holds, or the new one does not: %v", err)
	}
	if _, err := d.RotateKind(t.Context(), "mabus", api.KindHost); err != nil {
		t.Fatal(err)
	}
	if m, err = d.Material(); err != nil {
		t.Fatal(err)
	}
	if hosts, err = jwt.DecodeAccountClaims(m.Accounts[user.IssuerAccount]); err != nil || hosts.SigningKeys.Contains(user.Issuer) || !hosts.SigningKeys.Contains(storesIn(t, path).Issuer) {
		t.Errorf("the old signing key holds, or the new one does not: %v", err)
	}
}

// Whatever is changed in a directory of a version that had no accounts of hosts makes them.
func TestADirectoryWithoutAccountsOfHostsIsMadeGood(t *testing.T) {
	for name, change := range map[string]func(d *credential.Directory) error{
		"init": func(d *credential.Directory) error {
			_, err := credential.Init(t.Context(), d.Path(), "mabus", credential.Options{})
			return err
		},
		"add": func(d *credential.Directory) error { _, err := d.Add(t.Context(), "mabus", agents("ann")); return err },
		"rotate": func(d *credential.Directory) error {
			_, err := d.RotateKind(t.Context(), "mabus", api.KindHost)
			return err
		},
	} {
		d := initAuth(t, credential.Options{})
		if _, err := d.Add(t.Context(), "mabus", credential.AddRequest{Names: []string{"h1", "h2"}, Kind: api.KindHost}); err != nil {
			t.Fatal(err)
		}
		less := func(path, pattern string) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, regexp.MustCompile(pattern).ReplaceAll(raw, nil), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		less(d.Path()+"/auth.json", `"hosts":\{[^}]*\},`)
		less(d.CredentialsPath("mabus", "h1"), `\n-+BEGIN `+authz.StoresLabel+`(.|\n)*`) // and that of h2 is of an account that is gone
		if err := change(d); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m, err := d.Material()
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range []string{"h1", "h2"} {
			user := storesIn(t, d.CredentialsPath("mabus", host))
			hosts, err := jwt.DecodeAccountClaims(m.Accounts[user.IssuerAccount])
			if err != nil || !hosts.DidSign(user) || user.Subject != keyIn(t, d.CredentialsPath("mabus", host)) {
				t.Errorf("%s: %s has no stores: %v", name, host, err)
			}
		}
	}
}

// A change of one namespace leaves alone the hosts of another that has no account of hosts yet.
func TestAChangeLeavesOtherNamespacesHostsAlone(t *testing.T) {
	d := initAuth(t, credential.Options{})
	if _, err := d.Add(t.Context(), "mabus", credential.AddRequest{Names: []string{"h1"}, Kind: api.KindHost}); err != nil {
		t.Fatal(err)
	}
	if _, err := credential.Init(t.Context(), d.Path(), "other", credential.Options{}); err != nil {
		t.Fatal(err)
	}
	path, before := d.CredentialsPath("mabus", "h1"), []byte(nil)
	for file, pattern := range map[string]string{path: `\n-+BEGIN ` + authz.StoresLabel + `(.|\n)*`, filepath.Join(d.Path(), "auth.json"): `"hosts":\{[^}]*\},`} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		raw = regexp.MustCompile(pattern).ReplaceAll(raw, nil)
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if file == path {
			before = raw
		}
	}
	if _, err := d.Add(t.Context(), "other", agents("ann")); err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, before) {
		t.Errorf("the credentials of another namespace's host are changed: %v", err)
	}
	if _, err := credential.Init(t.Context(), d.Path(), "mabus", credential.Options{}); err != nil {
		t.Fatal(err)
	}
	if u := storesIn(t, path); u.IssuerAccount == "" || u.Subject != keyIn(t, path) {
		t.Errorf("%+v", u)
	}
}
