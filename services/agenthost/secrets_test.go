package agenthost_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/secret"
)

// keyed makes a namespace's key, and returns the file of it.
func (w *world) keyed(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "keys")
	public, err := secret.AddKey(file)
	if err == nil {
		_, err = w.Secrets.AddKey(t.Context(), public, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func (w *world) set(t *testing.T, name, value string) {
	t.Helper()
	if _, err := w.Secrets.Set(t.Context(), name, []byte(value), ""); err != nil {
		t.Fatal(err)
	}
}

// measuring is a program that answers with the length of its secret, which it cannot show.
func measuring(id string, refs map[string]api.SecretRef) api.AgentSpec {
	return api.AgentSpec{ID: id, Secrets: refs, MaxRestarts: new(0), Command: []string{"sh", "-c", `
		while read -r line; do
			case "$line" in
			*'"type":"message"'*)
				id=$(printf %s "$line" | sed 's/.*"id":"\([0-9]*\)".*/\1/')
				printf '{"type":"result","id":"%s","payload":%d}\n' "$id" ${#KEY} ;;
			*'"type":"stop"'*) exit 0 ;;
			esac
		done`}}
}

func TestSecretsOfExecAgents(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("four\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MABUS_SECRET_KEY", "thirteen char")
	w.host(t, agenthost.Config{ID: "h1", Secrets: secret.Policy{KeyFile: w.keyed(t), Dirs: []string{dir}}})
	w.set(t, "key", "canary-1")
	for ref, want := range map[api.SecretRef]string{"secret:key": "8", "env:MABUS_SECRET_KEY": "13", api.SecretRef("file:" + dir + "/key"): "4"} {
		id := "a" + want
		w.start(t, measuring(id, map[string]api.SecretRef{"KEY": ref}))
		w.ask(t, id, 1, want)
	}
	// A program has what it was started with, until it is started again.
	w.set(t, "key", "canary-22")
	w.ask(t, "a8", 1, "8")
	if _, err := w.Agents.Restart(within(t, patience), "a8"); err != nil {
		t.Fatal(err)
	}
	w.ask(t, "a8", 1, "9")
	for i, c := range []struct {
		ref    api.SecretRef
		code   api.Code
		reason string
	}{
		{"secret:none", api.NotFound, api.ReasonSecretNotFound},
		{"env:MABUS_SECRET_NONE", api.NotFound, api.ReasonSecretNotFound},
		{"env:HOME", api.PermissionDenied, api.ReasonSecretNotAllowed},
		{"file:/etc/passwd", api.PermissionDenied, api.ReasonSecretNotAllowed},
	} {
		spec := measuring(fmt.Sprintf("bad%d", i), map[string]api.SecretRef{"KEY": c.ref})
		_, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &spec})
		wantError(t, err, c.code, c.reason)
		a := w.eventually(t, spec.ID, status(api.AgentFailed), "failed")
		if !strings.HasPrefix(a.Reason, api.ReasonStartFailed) || !strings.Contains(a.Reason, "KEY needs "+string(c.ref)) {
			t.Errorf("%s: the reason is %q", c.ref, a.Reason)
		}
	}
}

// A host without the key does not open what another does, and says so.
func TestAHostWithoutTheKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := w.keyed(t)
	w.set(t, "key", "canary-1")
	w.host(t, agenthost.Config{ID: "h1", Tags: []string{"poor"}})
	w.host(t, agenthost.Config{ID: "h2", Tags: []string{"rich"}, Secrets: secret.Policy{KeyFile: file}})
	for _, tag := range []string{"poor", "rich"} {
		spec := measuring(tag, map[string]api.SecretRef{"KEY": "secret:key"})
		spec.Placement = &api.Placement{Tags: []string{tag}}
		_, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &spec})
		if want := map[string]string{"poor": api.ReasonSecretUnreadable}[tag]; api.ReasonOf(err) != want {
			t.Errorf("%s: got %v, want %q", tag, err, want)
		}
	}
}

// The key of an endpoint is found for each message, and a new one is used soon.
func TestKeysOfHTTPAgents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host(t, agenthost.Config{ID: "h1", Secrets: secret.Policy{KeyFile: w.keyed(t)}})
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, len(r.Header.Get("Authorization")))
	}))
	t.Cleanup(srv.Close)
	w.start(t, api.AgentSpec{ID: "m", HTTP: &api.HTTPSpec{URL: srv.URL, Key: "secret:key"}})
	_, err := w.Call(within(t, patience), "m", 1)
	wantError(t, err, api.NotFound, api.ReasonSecretNotFound)
	w.set(t, "key", "canary-1")
	w.ask(t, "m", 1, "15")
	w.set(t, "key", "canary-22")
	natstest.Eventually(t, patience, func() bool {
		got, err := w.Call(within(t, patience), "m", 1)
		return err == nil && string(got) == "16"
	}, "the new key is used")
}

// In a strict namespace key_env reaches what the host's operator allows, and in an open one what it always has.
func TestKeyEnvInStrictNamespaces(t *testing.T) {
	t.Setenv("SOME_KEY", "canary-1")
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "1") }))
	t.Cleanup(srv.Close)
	for _, c := range []struct {
		strict bool
		allow  []string
		reason string
	}{{false, nil, ""}, {true, nil, api.ReasonSecretNotAllowed}, {true, []string{"SOME_*"}, ""}} {
		w := newWorld(t)
		w.strict = c.strict
		w.host(t, agenthost.Config{ID: "h1", Secrets: secret.Policy{Env: c.allow}})
		w.Client = client.New(w.dial(t, "ann"))
		w.start(t, api.AgentSpec{ID: "m", HTTP: &api.HTTPSpec{URL: srv.URL, KeyEnv: "SOME_KEY"}})
		if _, err := w.Call(within(t, patience), "m", 1); api.ReasonOf(err) != c.reason {
			t.Errorf("strict %v, allowed %v: got %v, want %q", c.strict, c.allow, err, c.reason)
		}
	}
}
