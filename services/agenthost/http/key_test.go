package http_test

import (
	"context"
	"fmt"
	nethttp "net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/http"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/secret"
)

// startWith starts an endpoint on a host with a policy, which knows no secret of the namespace.
func startWith(t *testing.T, spec api.HTTPSpec, p secret.Policy, strict bool) *http.Endpoint {
	t.Helper()
	secrets, err := secret.NewResolver(p, "mabus", strict, func(context.Context, string) (*api.Secret, error) {
		return nil, api.Errorf(api.NotFound, "there is none").WithReason(api.ReasonSecretNotFound)
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := http.Start(t.Context(), api.AgentSpec{ID: "a1", HTTP: &spec}, http.Options{Log: zerolog.Nop(), Secrets: secrets})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop(context.WithoutCancel(t.Context())) })
	return e
}

func TestKeysByReference(t *testing.T) {
	t.Setenv(keyEnv, key)
	dir := t.TempDir()
	for file, text := range map[string]string{"key": key + "\n", "lines": "two\nlines", "blank": " \n"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var auth string
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		auth = r.Header.Get("Authorization")
		fmt.Fprint(w, "1")
	})
	at := func(file string) api.HTTPSpec {
		return api.HTTPSpec{URL: url, Key: api.SecretRef("file:" + filepath.Join(dir, file))}
	}
	open, none := secret.Policy{Env: []string{"MABUS_TEST_*"}, Dirs: []string{dir}}, secret.Policy{}
	for name, c := range map[string]struct {
		spec   api.HTTPSpec
		policy secret.Policy
		strict bool
		code   api.Code
		reason string
	}{
		"a file":                  {at("key"), open, true, "", ""},
		"a variable":              {api.HTTPSpec{URL: url, Key: "env:" + keyEnv}, open, true, "", ""},
		"key_env, allowed":        {api.HTTPSpec{URL: url, KeyEnv: keyEnv}, open, true, "", ""},
		"key_env, open":           {api.HTTPSpec{URL: url, KeyEnv: keyEnv}, none, false, "", ""},
		"key_env, strict":         {api.HTTPSpec{URL: url, KeyEnv: keyEnv}, none, true, api.PermissionDenied, api.ReasonSecretNotAllowed},
		"a variable, not allowed": {api.HTTPSpec{URL: url, Key: "env:" + keyEnv}, none, false, api.PermissionDenied, api.ReasonSecretNotAllowed},
		"a file, not allowed":     {at("key"), none, false, api.PermissionDenied, api.ReasonSecretNotAllowed},
		"no file":                 {at("other"), open, false, api.NotFound, api.ReasonSecretNotFound},
		"two lines":               {at("lines"), open, false, api.FailedPrecondition, api.ReasonSecretUnreadable},
		"nothing in it":           {at("blank"), open, false, api.FailedPrecondition, api.ReasonSecretUnreadable},
		"no such secret":          {api.HTTPSpec{URL: url, Key: "secret:x"}, secret.Policy{KeyFile: "x"}, false, api.NotFound, api.ReasonSecretNotFound},
	} {
		auth = ""
		_, err := startWith(t, c.spec, c.policy, c.strict).Handle(t.Context(), message(`1`))
		if api.CodeOf(err) != c.code || api.ReasonOf(err) != c.reason || (c.code == "") != (auth == "Bearer "+key) {
			t.Errorf("%s: got %v; the endpoint got %q", name, err, auth)
		}
		if err != nil && (strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "lines\"")) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
}

// What an endpoint repeats of the key is hidden, however it comes: in an answer, in pieces of one, and in a name.
func TestRepeatedKeysAreHidden(t *testing.T) {
	t.Setenv(keyEnv, key)
	half := len(key) / 2
	for name, c := range map[string]struct{ media, body, want string }{
		"whole":       {"application/json", `{"model":"` + key + `","choices":[{"message":{"content":"it is ` + key + `!"},"finish_reason":"stop"}]}`, "it is ***!"},
		"pieces":      {"text/event-stream", piece("it is "+key[:3]) + piece(key[3:half]) + piece(key[half:]+"!") + "data: [DONE]\n\n", "it is ***!"},
		"a beginning": {"text/event-stream", piece("it is ") + piece(key[:half]) + "data: [DONE]\n\n", "it is " + key[:half]},
	} {
		url := serve(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.Header().Set("Content-Type", c.media)
			fmt.Fprint(w, c.body)
		})
		r := &reader{}
		raw, err := start(t, api.HTTPSpec{URL: url, Format: api.HTTPChat, Model: "m", KeyEnv: keyEnv}).
			Handle(t.Context(), &agent.Message{Payload: []byte(`{"prompt":"p"}`), Parts: r})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		chunks := strings.Join(r.chunks, "")
		for _, cut := range []string{`{"text":"`, `"}`} {
			chunks = strings.ReplaceAll(chunks, cut, "")
		}
		if a := chatAnswer(t, raw); a.Text != c.want || strings.Contains(a.Model, key) || chunks != c.want {
			t.Errorf("%s: %+v, in chunks %q, want %q", name, a, chunks, c.want)
		}
	}
}

func piece(text string) string {
	return `data: {"choices":[{"delta":{"content":"` + text + `"},"finish_reason":"stop"}]}` + "\n\n"
}
