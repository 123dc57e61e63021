package api_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
)

func TestSecretReferences(t *testing.T) {
	for ref, want := range map[api.SecretRef]string{
		"env:A": "env A", "env:_a9": "env _a9", "secret:llm-key": "secret llm-key", "file:/run/secrets/llm": "file /run/secrets/llm", "file:/a/..b": "file /a/..b",
		"env:" + api.SecretRef(strings.Repeat("A", 128)): "env " + strings.Repeat("A", 128),

		"": "", "env:": "", "env:1A": "", "env:A=B": "", "env:A B": "", "env": "", "ENV:A": "", "secret:a.b": "", "secret:": "", "secret:>": "", "secret:é": "",
		"file:a": "", "file:/": "", "file:/a/../b": "", "file:/a/": "", "file://a": "", "file:/a\x00": "", "file:/a\nb": "", "sk-123": "", "vault:a": "",
		"env:" + api.SecretRef(strings.Repeat("A", 129)): "", "file:/" + api.SecretRef(strings.Repeat("a", 4096)): "",
	} {
		from, name, ok := ref.Split()
		if got := string(from) + " " + name; ok != (want != "") || ok && got != want {
			t.Errorf("%q: got %q, %v, want %q", ref, got, ok, want)
		}
	}
}

func TestReferencesOfAgents(t *testing.T) {
	exec := func(secrets map[string]api.SecretRef) api.AgentSpec {
		return api.AgentSpec{ID: "a", Command: []string{"x"}, Env: map[string]string{"E": "1"}, Secrets: secrets}
	}
	many := map[string]api.SecretRef{}
	for i := range api.MaxAgentSecrets + 1 {
		many["S"+strings.Repeat("x", i)] = "env:A"
	}
	for name, c := range map[string]struct {
		spec  api.AgentSpec
		field string
	}{
		"good":             {exec(map[string]api.SecretRef{"KEY": "secret:llm", "OTHER_FILE": "file:/x"}), ""},
		"of a native":      {api.AgentSpec{ID: "a", Module: "m", Secrets: map[string]api.SecretRef{"K": "env:A"}}, "secrets"},
		"the value itself": {exec(map[string]api.SecretRef{"KEY": "hunter22"}), "secrets"},
		"a bad name":       {exec(map[string]api.SecretRef{"1": "env:A"}), "secrets"},
		"also in env":      {exec(map[string]api.SecretRef{"E": "env:A"}), "secrets"},
		"too many":         {exec(many), "secrets"},
		"a key":            {api.AgentSpec{ID: "a", HTTP: &api.HTTPSpec{URL: "http://h", Key: "env:A"}}, ""},
		"a key itself":     {api.AgentSpec{ID: "a", HTTP: &api.HTTPSpec{URL: "http://h", Key: "hunter22"}}, "http.key"},
		"two keys":         {api.AgentSpec{ID: "a", HTTP: &api.HTTPSpec{URL: "http://h", Key: "env:A", KeyEnv: "A"}}, "http.key"},
	} {
		err := c.spec.Validate()
		if c.field == "" && err == nil {
			continue
		}
		e := api.AsError(err)
		if c.field == "" || e == nil || e.Code != api.Invalid || e.Details.Fields[0] != c.field {
			t.Errorf("%s: got %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%s: the error repeats the secret: %v", name, err)
		}
	}
}

func TestSecretRequests(t *testing.T) {
	key := "X" + strings.Repeat("A", 55)
	good := func() api.SecretSetRequest {
		return api.SecretSetRequest{Name: "n", Key: key, Sender: key, Box: base64.StdEncoding.EncodeToString([]byte("sealed"))}
	}
	for name, change := range map[string]func(*api.SecretSetRequest){
		"no name":     func(r *api.SecretSetRequest) { r.Name = "" },
		"a seed":      func(r *api.SecretSetRequest) { r.Key = "S" + key },
		"no sender":   func(r *api.SecretSetRequest) { r.Sender = "" },
		"not base64":  func(r *api.SecretSetRequest) { r.Box = "hunter22!" },
		"empty":       func(r *api.SecretSetRequest) { r.Box = "" },
		"too large":   func(r *api.SecretSetRequest) { r.Box = strings.Repeat("A", 49153) },
		"one version": func(r *api.SecretSetRequest) { r.Version = new(-1) },
	} {
		r := good()
		change(&r)
		if err := r.Validate(); api.CodeOf(err) != api.Invalid || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	r := good()
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string]api.Validator{
		"list by key":    &api.SecretsListRequest{Key: "x"},
		"list by cursor": &api.SecretsListRequest{Cursor: ">"},
		"list of many":   &api.SecretsListRequest{Limit: -1},
		"no key":         &api.SecretKeyAddRequest{},
		"expects junk":   &api.SecretKeyAddRequest{Key: key, Expect: "x"},
		"remove nothing": &api.SecretKeyRemoveRequest{},
	} {
		if api.CodeOf(bad.Validate()) != api.Invalid {
			t.Errorf("%s: got %v", name, bad.Validate())
		}
	}
}

// Whatever stands where a reference belongs, a refusal does not repeat it.
func TestRefusedReferencesAreNotRepeated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringN(8, 40, -1).Draw(t, "value")
		spec := api.AgentSpec{ID: "a", HTTP: &api.HTTPSpec{URL: "http://h", Key: api.SecretRef(value)}}
		if err := spec.Validate(); err != nil && strings.Contains(err.Error(), value) {
			t.Fatalf("%q is in %v", value, err)
		}
	})
}

// Hosts alone read what is sealed, and operators; only operators change it; whoever looks sees names.
func TestWhoMayDoWhatWithSecrets(t *testing.T) {
	least := map[string]api.Kind{
		"registry.secrets.set": api.KindOperator, "registry.secrets.remove": api.KindOperator, "registry.secret_keys.add": api.KindOperator, "registry.secret_keys.remove": api.KindOperator,
		"registry.secrets.get": api.KindHost, "registry.secrets.list": api.KindObserver, "registry.secret_keys.list": api.KindObserver,
	}
	order := []api.Kind{api.KindObserver, api.KindAgent, api.KindHost, api.KindOperator}
	for _, d := range api.Methods {
		kind, ok := least[d.Name()]
		if !ok {
			continue
		}
		delete(least, d.Name())
		for i, k := range order {
			if want := i >= slices.Index(order, kind); d.GrantedTo(k) != want {
				t.Errorf("%s to %s: %v, want %v", d.Name(), k, d.GrantedTo(k), want)
			}
		}
	}
	if len(least) > 0 {
		t.Errorf("there are no methods %v", least)
	}
}
