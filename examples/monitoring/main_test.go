package main

import (
	"context"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

func services() []daemon.Service {
	return []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, env.Conn, registry.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "perfmon", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return perfmon.Start(ctx, env.Conn, perfmon.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
		}},
	}
}

// TestRun: what was measured is what callers did, the agents that are slow or fail get less when they are known, and the webhook hears of
// the one that fails, and that it does no more.
func TestRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	o := options{server: natstest.Start(t).URL(), services: services(), callers: 6, each: 2 * time.Second, window: time.Second}
	f, err := open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	blind, chooses, err := f.callers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer blind.Close()
	defer chooses.Close()
	cfg := api.CallerBalanceConfig() // one that was mended is tried again soon
	cfg.Ejection.Time, cfg.Ejection.MaxTime = api.Duration(200*time.Millisecond), api.Duration(time.Second)
	if err := chooses.SetBalance(cfg); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	group, sdk, err := f.compare(ctx, &out, blind, chooses, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*part{group, sdk} {
		if p.all.Count != uint64(p.asked) || p.all.Errors != uint64(p.failed) {
			t.Errorf("%s: %d messages and %d errors were measured, callers saw %d and %d", p.name, p.all.Count, p.all.Errors, p.asked, p.failed)
		}
	}
	for _, name := range []string{"slow", brokenOne} {
		if sdk.share(f, name) >= group.share(f, name) {
			t.Errorf("%s got %.1f %% of the messages, and %.1f %% when nobody chose", name, sdk.share(f, name), group.share(f, name))
		}
	}
	cfg.Decay = api.Duration(200 * time.Millisecond) // the one that fails is tried again as soon, not after some 20 s
	if err := chooses.SetBalance(cfg); err != nil {
		t.Fatal(err)
	}
	if err := f.alert(ctx, &out, chooses, o); err != nil {
		t.Error(err)
	}
	for _, want := range []string{`(?m)^broken +\d+ +[\d.]+ % .* 100\.0 %$`, `raised, critical: .*broken`, `cleared, critical: .*broken.* again`} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	rules, err := f.Client.Alerts.Rules(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		if r.ID == f.ID("failing") {
			t.Error("the rule is left behind")
		}
	}
}

// TestBare: Python and a socket are enough.
func TestBare(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here: the client without an SDK is not tried")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	url := natstest.Start(t).URL()
	conn, err := rpc.Dial(ctx, rpc.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s, err := perfmon.Start(ctx, conn, perfmon.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop(ctx) }()
	natstest.Eventually(t, 10*time.Second, s.Ready, "perfmon is not ready")
	cmd := exec.CommandContext(ctx, python, "bare.py")
	cmd.Env = append(cmd.Environ(), "NATS_URL="+url)
	got, err := cmd.CombinedOutput()
	const want = "100 loaves: half of them took up to 0.35 s, the slowest 2.50 s, 2 % went wrong\nbatch.begun\n  batch.baked\nanother event of that id: conflict (already_exists)\n"
	if err != nil || string(got) != want {
		t.Errorf("%v: %s", err, got)
	}
}
