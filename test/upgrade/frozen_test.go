package upgrade_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/rpc"
)

// statement is what a failure asks for.
const statement = "what an earlier version has stored must be read for ever, and what it has written into a log must come to the same: docs/compatibility.md, \"What is stored\""

// frozen are the golden directories.
func frozen(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("testdata/*/answers.jsonl")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("there is no golden directory: %v", err)
	}
	for i := range dirs {
		dirs[i] = filepath.Dir(dirs[i])
	}
	return dirs
}

// Each namespace that an earlier version has left is brought into an empty server, and this version's services answer from it what was
// answered then. Replicas of a log would not serve at all if its commands came to anything else than they did.
func TestFrozenNamespaces(t *testing.T) {
	t.Log(readOn(time.Now()))
	for _, dir := range frozen(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			conn, _ := restored(t, dir)
			publish(t, conn, dir)
			serve(t, conn.NC.ConnectedUrl())
			for _, line := range lines(t, filepath.Join(dir, "answers.jsonl")) {
				var r reading
				if err := codec.Read(line, &r); err != nil {
					t.Fatal(err)
				}
				r.compare(t, conn)
			}
		})
	}
}

// publish puts what streams forget by age into them anew.
func publish(t *testing.T, conn *rpc.Conn, dir string) {
	t.Helper()
	for _, s := range api.Stores { // as if no time had passed, some of it may be there
		stream, err := conn.JS.Stream(t.Context(), s.Stream(api.DefaultNamespace))
		if err == nil && stream.CachedInfo().Config.MaxAge > 0 && s.Kind == api.StoreStream {
			if err := stream.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, line := range lines(t, filepath.Join(dir, "aged.jsonl")) {
		var m aged
		if err := codec.Read(line, &m); err != nil {
			t.Fatal(err)
		}
		delete(m.Header, jetstream.MsgIDHeader)
		for name := range m.Header { // they were about what had been there
			if bytes.HasPrefix([]byte(name), []byte("Nats-Expected-")) {
				delete(m.Header, name)
			}
		}
		if _, err := conn.JS.PublishMsg(t.Context(), &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}); err != nil {
			t.Fatalf("publish to %s: %v", m.Subject, err)
		}
	}
}

func lines(t *testing.T, path string) (all [][]byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		all = append(all, bytes.TrimSpace(line))
	}
	return all
}

// compare asks until the answer has all that it had, or says what is missing.
func (r *reading) compare(t *testing.T, conn *rpc.Conn) {
	t.Helper()
	var want, got any
	if err := json.Unmarshal(r.Answer, &want); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithTimeout(t.Context(), patience)
	defer end()
	why := ""
	for ctx.Err() == nil {
		try, cancel := context.WithTimeout(ctx, 3*time.Second)
		data, err := conn.WithPrincipal(r.As).Request(try, api.DefaultNamespace+"."+r.Method, r.Request, true)
		cancel()
		if err != nil {
			why = err.Error()
		} else if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		} else if why = lacks(want, got, ""); why == "" {
			return
		}
		rest(ctx, 100*time.Millisecond)
	}
	t.Errorf("%s %s as %s: %s\nwas %s\n%s", r.Method, r.Request, r.As, why, r.Answer, statement)
}

// moving are fields whose values belong to the moment or to the process that answers.
var moving = map[string]bool{
	"revision": true, "status": true, "host": true, "epoch": true, "updated_at": true, "reason": true, "wanted": true, "attempt": true, "lease": true, "restarts": true,
	"at": true, "replicas": true, "seq": true, "next": true,
}

// lacks says what of want is not in got: fields may come, and none may go or change.
func lacks(want, got any, at string) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return at + " is no object any more"
		}
		for name, v := range w {
			if moving[name] {
				continue
			}
			if why := lacks(v, g[name], at+"/"+name); why != "" {
				return why
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return at + " has another length"
		}
		for i := range w {
			if why := lacks(w[i], g[i], at+"/-"); why != "" {
				return why
			}
		}
		return ""
	}
	if !reflect.DeepEqual(want, got) {
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(want)
		return at + " is " + string(g) + " and was " + string(w)
	}
	return ""
}

// serve runs this tree's services.
func serve(t *testing.T, url string) {
	t.Helper()
	services := []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, env.Conn, registry.Config{Version: "0.0.1", Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "coordination", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return coordination.Start(ctx, env.Conn, coordination.Config{Version: "0.0.1", Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "economics", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return economics.Start(ctx, env.Conn, economics.Config{Version: "0.0.1", Operators: []string{"operator"}, Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "perfmon", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return perfmon.Start(ctx, env.Conn, perfmon.Config{Version: "0.0.1", Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "loadbalancer", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return loadbalancer.Start(ctx, env.Conn, loadbalancer.Config{Version: "0.0.1", Log: env.Log, Metrics: env.Metrics})
		}},
		agenthost.New(agenthost.Config{ID: "fresh", Modules: []agent.Module{echo.Module}}),
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		done <- daemon.Run(ctx, daemon.Config{NATS: rpc.Options{URL: url}, Version: "0.0.1", OnReady: func(*rpc.Conn) { once.Do(func() { close(ready) }) }}, services)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the services: %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- nil
		t.Fatalf("the services ended: %v", err)
	case <-time.After(patience):
		t.Fatal("the services do not start")
	}
}

// left are stores that need no golden record here, and why.
var left = map[string]string{
	"requests":  "its records are forgotten after ten minutes; TestRollingUpgrade asks twice under one id",
	"snapshots": "a snapshot is made after 100,000 entries, which are too many to keep here",
}

// A store that a version has brought needs a golden directory that has something in it.
func TestEveryStoreIsFrozen(t *testing.T) {
	have := map[string]bool{}
	for _, dir := range frozen(t) {
		m, err := backup.Open(filepath.Join(dir, "stores"))
		if err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
		for _, p := range m.Parts {
			have[p.Stream] = have[p.Stream] || p.Messages > 0
		}
	}
	for _, s := range api.Stores {
		if !have[s.Stream(api.DefaultNamespace)] && left[s.Name] == "" {
			t.Errorf("no golden directory has a record of %s %s: fill it in fill and freeze this version (docs/compatibility.md, \"Golden files\")", s.Kind, s.Name)
		}
	}
}
