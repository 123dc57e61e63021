package setting_test

import (
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/setting"
)

func TestPrecedence(t *testing.T) {
	t.Parallel()
	s := section(map[string]string{
		"MABUS_SAMPLE_EVERY": "5m", "MABUS_SAMPLE_INNER_ON": "true", "MABUS_SAMPLE_WEIGHTS": `{"a":1}`, "MABUS_SAMPLE_LEVEL": "debug", "MABUS_SAMPLE_SHARE": "",
	})
	s.Given = map[string]any{"level": "info", "agents": 7, "every": api.Duration(time.Second)}
	_, x, c := world(t, s)
	set(t, c, "sample.inner.on", false)
	set(t, c, "sample.weights.b", 2)
	natstest.Eventually(t, patience, func() bool { return x.Current().Weights["b"] == 2 }, "what is stored is obeyed")
	got := x.Current()
	if got.Every != api.Duration(time.Second) || got.Agents != 7 || got.Inner.On || got.Weights["a"] != 1 || got.Share != 500_000 || got.Level != "info" {
		t.Errorf("%+v", got)
	}
	origins := map[string]api.ConfigOrigin{}
	for _, v := range x.InForce().Values {
		origins[v.Path] = v.Origin
	}
	for path, want := range map[string]api.ConfigOrigin{
		"sample.every": api.OriginProcess, "sample.agents": api.OriginProcess, "sample.inner.on": api.OriginStored, "sample.inner.most": api.OriginDefault,
		"sample.weights.a": api.OriginEnvironment, "sample.weights.b": api.OriginStored, "sample.share": api.OriginDefault, "sample.level": api.OriginProcess,
	} {
		if origins[path] != want {
			t.Errorf("%s is from %s, want %s", path, origins[path], want)
		}
	}
}

func TestWhatTheEnvironmentOrAFlagSaysIsChecked(t *testing.T) {
	t.Parallel()
	conn := dial(t, natstest.Start(t).URL())
	for name, value := range map[string]string{
		"MABUS_SAMPLE_EVERY": "soon", "MABUS_SAMPLE_AGENTS": "11", "MABUS_SAMPLE_LEVEL": "loud", "MABUS_SAMPLE_INNER_LESS": "6", "MABUS_SAMPLE_OWNERS": "[]",
		"MABUS_SAMPLE_INNER_ON": "yes", "MABUS_SAMPLE_SHARE": "null",
	} {
		_, err := setting.Open(t.Context(), conn, section(map[string]string{name: value}), zerolog.Nop())
		if api.CodeOf(err) != api.Invalid && err == nil {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	s := section(nil)
	s.Given = map[string]any{"agents": 0}
	if _, err := setting.Open(t.Context(), conn, s, zerolog.Nop()); api.ReasonOf(err) != api.ReasonValueRefused {
		t.Errorf("%v", err)
	}
}
