package soak_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/client/agent/exec"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/namespaces"
	"github.com/mabus-project/mabus/shared/secret"
)

// workerEnv makes the test's own program an exec agent; tokenEnv is the secret that it is given.
const (
	workerEnv = "MABUS_SOAK_WORKER"
	tokenEnv  = "TOKEN"
	token     = "sesame"
)

// worker is an exec agent that answers with what it was sent, if it was given its secret.
func worker() error {
	if os.Getenv(tokenEnv) != token {
		return errors.New("the secret did not come")
	}
	return exec.Serve(func(context.Context, agent.Env) (agent.Handler, error) {
		return agent.HandlerFunc(func(_ context.Context, m *agent.Message) (json.RawMessage, error) { return m.Payload, nil }), nil
	})
}

// keys makes the key that the secrets of the namespace are sealed to; the host has the file.
func (w *world) keys(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "keys")
	var err error
	if w.public, err = secret.AddKey(file); err != nil {
		t.Fatal(err)
	}
	return file
}

// fleet sets what the programs and endpoints need that are agents here, and starts an endpoint.
func (s *staff) fleet(t *testing.T) {
	t.Helper()
	if _, err := s.c.Secrets.AddKey(t.Context(), s.public, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.c.Secrets.Set(t.Context(), "token", []byte(token), ""); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.program, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte(`{"heard":true}`))
	}))
	t.Cleanup(endpoint.Close)
	s.endpoint = endpoint.URL
}

// jobs has a program do the tasks of a job, and removes both with all that is kept of them.
func (s *staff) jobs(ctx context.Context, n int) error {
	id, job := name("worker", n), fmt.Sprintf("job-%d", n)
	spec := api.AgentSpec{
		ID: id, Command: []string{s.program}, Env: map[string]string{workerEnv: "1"}, Capabilities: []string{"shout"},
		Secrets: map[string]api.SecretRef{tokenEnv: "secret:token"},
	}
	if _, err := s.c.Agents.Start(ctx, api.AgentStartRequest{Agent: &spec}); err != nil {
		return err
	}
	const tasks = 3
	for i := range tasks {
		if _, err := s.c.Tasks.Submit(ctx, api.TaskSpec{ID: fmt.Sprintf("%s-%d", job, i), Job: job, Capability: "shout", Payload: json.RawMessage(`{"n":1}`)}); err != nil {
			return err
		}
	}
	for i := range tasks {
		task, err := s.c.Tasks.Get(ctx, api.TaskGetRequest{ID: fmt.Sprintf("%s-%d", job, i), Wait: api.Duration(patience)})
		if err != nil {
			return err
		}
		if task.Status != api.TaskSucceeded {
			return fmt.Errorf("task %s is %s", task.ID, task.Status)
		}
	}
	if _, err := s.c.Agents.Stop(ctx, id); err != nil {
		return err
	}
	if _, err := s.c.Agents.Purge(ctx, id); err != nil {
		return err
	}
	removed, err := s.c.Jobs.Remove(ctx, job, false)
	if err == nil && removed.Tasks != tasks {
		err = fmt.Errorf("%d tasks of %s were removed", removed.Tasks, job)
	}
	return err
}

// endpoints starts an agent that is an endpoint, which wants a secret, asks it and takes it away.
func (s *staff) endpoints(ctx context.Context, n int) error {
	spec := api.AgentSpec{ID: name("endpoint", n), HTTP: &api.HTTPSpec{URL: s.endpoint, Key: "secret:token"}}
	if _, err := s.c.Agents.Start(ctx, api.AgentStartRequest{Agent: &spec}); err != nil {
		return err
	}
	if _, err := s.c.Call(ctx, spec.ID, n); err != nil {
		return err
	}
	if _, err := s.c.Agents.Stop(ctx, spec.ID); err != nil {
		return err
	}
	_, err := s.c.Agents.Deregister(ctx, spec.ID)
	return err
}

func (s *staff) secrets(ctx context.Context, n int) error {
	if _, err := s.c.Secrets.Set(ctx, name("secret", n), fmt.Appendf(nil, "value %d", n), ""); err != nil {
		return err
	}
	existed, err := s.c.Secrets.Remove(ctx, name("secret", n))
	if err == nil && !existed {
		err = fmt.Errorf("the secret of round %d was not there", n)
	}
	return err
}

// configuration changes two settings in one step, and takes that back now and then.
func (s *staff) configuration(ctx context.Context, n int) error {
	changed, err := s.c.Config.Change(ctx, api.ConfigSetRequest{Values: []api.ConfigValue{
		{Path: "agenthost.max_agents", Value: fmt.Appendf(nil, "%d", 5000+n%100)}, {Path: "agenthost.mailbox", Value: fmt.Appendf(nil, "%d", 1000+n%7)},
	}})
	if err == nil && n%8 == 7 && changed.Changed {
		_, err = s.c.Config.Rollback(ctx, api.ConfigRollbackRequest{To: changed.Version - 1})
	}
	return err
}

// leave ends the services, and looks that the namespace goes with all that they have made.
func (s *staff) leave(t *testing.T) {
	t.Helper()
	s.lease.Close()
	s.stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	gone, err := namespaces.Remove(ctx, s.c.Conn(), false)
	if err != nil || len(gone.Streams) < len(api.Stores)-2 || len(gone.Strange) > 0 {
		t.Errorf("%+v, %v", gone, err)
	}
	if left := streams(t, s.c.Conn().JS); len(left) > 0 {
		t.Errorf("of a namespace that was removed %v are left", left)
	}
}
