package setting_test

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/setting"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// patience bounds what a loaded machine may take for something that should come at once.
const patience = 20 * time.Second

type sample struct {
	Every   api.Duration   `json:"every" jsonschema_description:"how often" jsonschema_extras:"minimum_duration=1s,maximum_duration=1h"`
	Agents  int            `json:"agents" jsonschema:"minimum=1,maximum=10" jsonschema_extras:"restart=true"`
	Owners  []string       `json:"owners" jsonschema:"minItems=1" jsonschema_extras:"protected=true"`
	Weights map[string]int `json:"weights,omitempty"`
	Share   api.Decimal    `json:"share"`
	Level   string         `json:"level" jsonschema:"enum=info,enum=debug"`
	Inner   inner          `json:"inner"`
}

type inner struct {
	On   bool `json:"on"`
	Most int  `json:"most"`
	Less int  `json:"less"`
}

// Validate refuses what no schema can.
func (s *sample) Validate() error {
	if s.Inner.Less > s.Inner.Most {
		return api.Errorf(api.Invalid, "less must be at most most").WithFields("inner.less")
	}
	return nil
}

func defaults() sample {
	return sample{Every: api.Duration(time.Minute), Agents: 3, Owners: []string{"root"}, Share: 500_000, Level: "info", Inner: inner{Most: 5}}
}

func section(vars map[string]string) setting.Section[sample] {
	return setting.Section[sample]{Name: "sample", Default: defaults(), Lookup: func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}}
}

func dial(t testing.TB, url string) *rpc.Conn {
	t.Helper()
	c, err := rpc.Dial(t.Context(), rpc.Options{URL: url, Name: t.Name(), Principal: "root", Wait: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func open(t testing.TB, conn *rpc.Conn, s setting.Section[sample]) *setting.Setting[sample] {
	t.Helper()
	x, err := setting.Open(t.Context(), conn, s, zerolog.New(zerolog.NewTestWriter(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

func startRegistry(t testing.TB, url string) {
	t.Helper()
	startRegistryWith(t, url, registry.Config{Operators: []string{"root"}})
}

func startRegistryWith(t testing.TB, url string, cfg registry.Config) {
	t.Helper()
	s, err := registry.Start(t.Context(), dial(t, url), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

// world is a server with a registry, a setting that is registered, and a client.
func world(t testing.TB, s setting.Section[sample]) (*natstest.Server, *setting.Setting[sample], *client.Client) {
	t.Helper()
	srv := natstest.Start(t)
	startRegistry(t, srv.URL())
	x := open(t, dial(t, srv.URL()), s)
	c := client.New(dial(t, srv.URL()))
	natstest.Eventually(t, patience, func() bool { _, err := c.Config.Describe(t.Context(), "sample"); return err == nil }, "the section is registered")
	return srv, x, c
}

func set(t testing.TB, c *client.Client, path string, value any) {
	t.Helper()
	if _, err := c.Config.Set(t.Context(), path, value); err != nil {
		t.Fatalf("set %s: %v", path, err)
	}
}
