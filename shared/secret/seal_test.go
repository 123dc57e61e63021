package secret_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/secret"
)

// keyFile makes a file with some keys, and returns their public halves.
func keyFile(t testing.TB, n int) (file string, public []string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "keys")
	for range n {
		key, err := secret.AddKey(file)
		if err != nil {
			t.Fatal(err)
		}
		public = append(public, key)
	}
	return file, public
}

func readKeys(t testing.TB, file string) *secret.Keys {
	t.Helper()
	keys, err := secret.ReadKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// What was sealed opens with its key under its name in its namespace, and in no other way.
func TestSealing(t *testing.T) {
	file, public := keyFile(t, 3)
	keys := readKeys(t, file)
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(rt, "value")
		name := rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`).Draw(rt, "name")
		key := rapid.SampledFrom(public).Draw(rt, "key")
		r, err := secret.Seal(key, "ns", name, value)
		if err != nil {
			rt.Fatal(err)
		}
		s := stored(r)
		got, err := keys.Open("ns", s)
		if err != nil || !bytes.Equal(got.Bytes(), value) {
			rt.Fatalf("%q became %v, %v", value, got, err)
		}
		box, _ := base64.StdEncoding.DecodeString(s.Box)
		if len(value) > 3 && bytes.Contains(box, value) {
			rt.Fatal("the box shows the value")
		}
		for what, change := range map[string]func(*api.Secret){
			"another name":   func(s *api.Secret) { s.Name += "x" },
			"another sender": func(s *api.Secret) { s.Sender = public[0] },
			"another key":    func(s *api.Secret) { s.Key = other(public, key) },
			"a changed box": func(s *api.Secret) {
				b := bytes.Clone(box)
				b[rapid.IntRange(0, len(b)-1).Draw(rt, "at")] ^= 1
				s.Box = base64.StdEncoding.EncodeToString(b)
			},
			"a short box": func(s *api.Secret) {
				s.Box = base64.StdEncoding.EncodeToString(box[:rapid.IntRange(0, len(box)-1).Draw(rt, "to")])
			},
			"junk": func(s *api.Secret) { s.Box = "%" },
		} {
			changed := *s
			change(&changed)
			if v, err := keys.Open("ns", &changed); api.ReasonOf(err) != api.ReasonSecretUnreadable {
				rt.Fatalf("%s opens: %v, %v", what, v, err)
			}
		}
		if _, err := keys.Open("ns2", s); api.ReasonOf(err) != api.ReasonSecretUnreadable {
			rt.Fatalf("it opens in another namespace: %v", err)
		}
	})
}

func other(list []string, not string) string {
	if list[0] == not {
		return list[1]
	}
	return list[0]
}

func TestSealRefuses(t *testing.T) {
	_, public := keyFile(t, 1)
	for what, c := range map[string]struct {
		key, name string
		value     int
		reason    string
	}{
		"nothing":      {public[0], "n", 0, ""},
		"too much":     {public[0], "n", api.MaxSecretValue + 1, api.ReasonPayloadTooLarge},
		"a wrong key":  {strings.Repeat("X", 56), "n", 1, ""},
		"no key":       {"", "n", 1, ""},
		"a wrong name": {public[0], "a.b", 1, ""},
	} {
		if _, err := secret.Seal(c.key, "ns", c.name, make([]byte, c.value)); api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != c.reason {
			t.Errorf("%s: got %v", what, err)
		}
	}
	r, err := secret.Seal(public[0], strings.Repeat("n", 64), strings.Repeat("n", 64), make([]byte, api.MaxSecretValue))
	if err != nil || r.Validate() != nil {
		t.Errorf("the largest value: %v, %v", err, r.Validate())
	}
}

func TestKeyFiles(t *testing.T) {
	file, public := keyFile(t, 2)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file: %v, %v", info.Mode(), err)
	}
	old := seal(t, public[0], "ns", "a", "value")
	if n, err := secret.KeepKeys(file, public); n != 0 || err != nil {
		t.Errorf("kept all: %d, %v", n, err)
	}
	if n, err := secret.KeepKeys(file, public[1:]); n != 1 || err != nil {
		t.Errorf("kept one: %d, %v", n, err)
	}
	if got := readKeys(t, file).Public(); len(got) != 1 || got[0] != public[1] {
		t.Errorf("%v are left, want %v", got, public[1])
	}
	_, err := readKeys(t, file).Open("ns", old)
	wantError(t, err, api.FailedPrecondition, api.ReasonSecretUnreadable)

	_, err = secret.ReadKeys(file + "x")
	wantError(t, err, api.NotFound, api.ReasonSecretNotFound)
	seed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		data string
		mode os.FileMode
	}{
		"for all":     {string(seed), 0o644},
		"for a group": {string(seed), 0o640},
		"no key":      {"# nothing\n\n", 0o600},
		"no seed":     {"# one\nhunter22hunter22\n", 0o600},
		"a public":    {public[0] + "\n", 0o600},
		"too large":   {strings.Repeat("#\n", 40_000), 0o600},
	} {
		bad := filepath.Join(t.TempDir(), "bad")
		if err := os.WriteFile(bad, []byte(c.data), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(bad, c.mode); err != nil {
			t.Fatal(err)
		}
		if _, err = secret.ReadKeys(bad); api.ReasonOf(err) != api.ReasonSecretUnreadable || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%s: got %v", what, err)
		}
		if _, err := secret.AddKey(bad); api.ReasonOf(err) != api.ReasonSecretUnreadable {
			t.Errorf("%s: a key was added: %v", what, err)
		}
	}
	_, err = secret.ReadKeys(t.TempDir())
	wantError(t, err, api.FailedPrecondition, api.ReasonSecretUnreadable)
}

// Of keys that are added at once none is lost: secrets may be sealed to each.
func TestNoKeyIsLost(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	added := make([]string, 8)
	var all sync.WaitGroup
	for i := range added {
		all.Go(func() {
			var err error
			if added[i], err = secret.AddKey(file); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	have := readKeys(t, file).Public()
	for _, key := range added {
		if !slices.Contains(have, key) {
			t.Errorf("%s is lost", secret.Short(key))
		}
	}
}

func TestValuesDoNotPrint(t *testing.T) {
	v := secret.NewValue([]byte("hunter22"))
	raw, err := codec.Marshal(map[string]*secret.Value{"v": v})
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q %x %d %s %v", v, v, v, v, v, v, v, raw, struct{ V *secret.Value }{v})
	for _, shown := range []string{"hunter22", "68756e", "104"} {
		if strings.Contains(all, shown) {
			t.Errorf("%q is in %s", shown, all)
		}
	}
	kept := v.Bytes()
	v.Wipe()
	if len(v.Bytes()) != 0 || strings.Contains(string(kept), "hunter") {
		t.Errorf("%q is left", kept)
	}
}

func FuzzReadKeys(f *testing.F) {
	f.Add([]byte("SXAC\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := secret.ReadKeys(file); err != nil && api.ReasonOf(err) != api.ReasonSecretUnreadable {
			t.Fatalf("got %v", err)
		}
	})
}
