package setting_test

import (
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestChangesAreTold(t *testing.T) {
	t.Parallel()
	s := section(nil)
	var mu sync.Mutex
	var told []api.Duration
	s.Changed = func(old, next *sample) {
		mu.Lock()
		defer mu.Unlock()
		if len(told) > 0 && told[len(told)-1] != old.Every {
			t.Errorf("%s comes after %s", old.Every, told[len(told)-1])
		}
		told = append(told, next.Every)
	}
	_, x, c := world(t, s)
	for _, d := range []string{"2s", "3s", "4s"} {
		set(t, c, "sample.every", d)
	}
	natstest.Eventually(t, patience, func() bool { return x.Current().Every == api.Duration(4*time.Second) }, "the last is obeyed")
	if _, err := c.Config.Unset(t.Context(), api.ConfigUnsetRequest{Paths: []string{"sample.every"}}); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool { return x.Current().Every == api.Duration(time.Minute) }, "the default is obeyed again")
	natstest.Eventually(t, patience, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) > 0 && told[len(told)-1] == api.Duration(time.Minute)
	}, "and told")
}

func TestWhatNeedsARestartWaitsForIt(t *testing.T) {
	t.Parallel()
	srv, x, c := world(t, section(nil))
	set(t, c, "sample.agents", 9)
	set(t, c, "sample.inner.most", 8)
	natstest.Eventually(t, patience, func() bool { return x.Current().Inner.Most == 8 }, "the rest holds at once")
	if f := x.InForce(); x.Current().Agents != 3 || len(f.Restart) != 1 || f.Restart[0] != "sample.agents" {
		t.Errorf("%+v", f)
	}
	if y := open(t, dial(t, srv.URL()), section(nil)); y.Current().Agents != 9 {
		t.Errorf("the next start has %d", y.Current().Agents)
	}
}

// What another version of the program has stored may not fit this one.
func TestWhatCannotBeObeyedIsLeftOut(t *testing.T) {
	t.Parallel()
	srv, x, c := world(t, section(nil))
	set(t, c, "sample.inner.most", 9)
	conn := dial(t, srv.URL())
	b, err := kv.Attach(t.Context(), conn.JS, "mabus", "config")
	if err != nil {
		t.Fatal(err)
	}
	write := func(config string) {
		now, err := b.Get(t.Context(), "document")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Write(t.Context(), kv.Write{Key: "document", Expect: now.Revision, Value: []byte(`{"version":77,"config":` + config + `}`)}); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"sample":{"share":0.25,"agents":"many","level":"loud","future":{"a":1},"inner":{"less":50,"most":40},"weights":{"x":1}}}`)
	natstest.Eventually(t, patience, func() bool { return x.Current().Share == 250_000 }, "the rest is obeyed")
	if got := x.Current(); got.Agents != 3 || got.Level != "info" || got.Inner.Less != 0 || got.Inner.Most != 40 || got.Weights["x"] != 1 {
		t.Errorf("%+v", got)
	}
	var bad []string
	for _, p := range x.InForce().Problems {
		bad = append(bad, p.Path)
	}
	if got := strings.Join(bad, " "); got != "sample.agents sample.future.a sample.inner.less sample.level" {
		t.Errorf("left out: %s", got)
	}
	natstest.Eventually(t, patience, func() bool { // the registry follows the document too
		d, err := c.Config.Describe(t.Context(), "sample")
		return err == nil && len(d[0].Problems) > 0
	}, "the registry tells of the problems")
	write(`"nothing"`)
	if _, err := c.Config.Set(t.Context(), "sample.share", 0.75); api.CodeOf(err) != api.FailedPrecondition {
		t.Errorf("a broken document is changed: %v", err)
	}
	if _, err := c.Config.Rollback(t.Context(), api.ConfigRollbackRequest{To: 1}); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool { return x.Current().Inner.Most == 9 && len(x.InForce().Problems) == 0 }, "it is made good")
}

func TestItStartsWithoutARegistryAndFollowsLater(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	x := open(t, dial(t, srv.URL()), section(map[string]string{"MABUS_SAMPLE_EVERY": "2m"}))
	if x.Current().Every != api.Duration(2*time.Minute) || x.Age() != math.MaxInt64 {
		t.Errorf("%+v, %s", x.Current(), x.Age())
	}
	startRegistry(t, srv.URL())
	c := client.New(dial(t, srv.URL()))
	natstest.Eventually(t, patience, func() bool { _, err := c.Config.Set(t.Context(), "sample.every", "7s"); return err == nil }, "the section is registered")
	natstest.Eventually(t, patience, func() bool { return x.Current().Every == api.Duration(7*time.Second) }, "it follows")
}

func TestAnOutageChangesNothingButTheAge(t *testing.T) {
	t.Parallel()
	srv, x, c := world(t, section(nil))
	set(t, c, "sample.every", "7s")
	natstest.Eventually(t, patience, func() bool { return x.Current().Every == api.Duration(7*time.Second) }, "it follows")
	view, err := c.Config.Follow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(view.Close)
	srv.Stop()
	natstest.Eventually(t, patience, func() bool { return x.Age() > 2500*time.Millisecond && view.Age() > 2500*time.Millisecond }, "the age grows")
	var every string
	if err := view.Get("sample.every", &every); err != nil || every != "7s" || x.Current().Every != api.Duration(7*time.Second) {
		t.Errorf("%s, %v, %+v", every, err, x.Current())
	}
	srv.Restart(t)
	natstest.Eventually(t, patience, func() bool { _, err := c.Config.Set(t.Context(), "sample.every", "9s"); return err == nil }, "it can be set again")
	natstest.Eventually(t, patience, func() bool { return x.Current().Every == api.Duration(9*time.Second) && x.Age() < 2*time.Second }, "it follows again")
	natstest.Eventually(t, patience, func() bool {
		return view.Get("sample.every", &every) == nil && every == "9s" && view.Age() < 5*time.Second
	}, "the view too")
}

func TestEveryProcessSaysByWhatItGoes(t *testing.T) {
	t.Parallel()
	srv, _, c := world(t, section(nil))
	open(t, dial(t, srv.URL()), section(map[string]string{"MABUS_SAMPLE_LEVEL": "debug"}))
	set(t, c, "sample.every", "9s")
	natstest.Eventually(t, patience, func() bool {
		all, err := c.Config.Effective(t.Context(), "sample")
		if err != nil || len(all) != 2 {
			return false
		}
		levels := map[string]api.ConfigOrigin{}
		for _, p := range all {
			for _, v := range p.Sections[0].Values {
				if v.Path == "sample.level" {
					levels[string(v.Value)] = v.Origin
				}
				if v.Path == "sample.every" && (string(v.Value) != `"9s"` || v.Origin != api.OriginStored) || p.Age == nil {
					return false
				}
			}
		}
		return levels[`"debug"`] == api.OriginEnvironment && levels[`"info"`] == api.OriginDefault
	}, "both processes answer")
	conn := dial(t, srv.URL())
	if m, err := conn.NC.Request("mabus.setting.sections.effective", []byte(`{"section":"a b"}`), patience); err != nil || m.Header.Get(api.HeaderErrorCode) == "" {
		t.Errorf("%v, %v", m, err)
	}
	if m, err := conn.NC.Request("mabus.as.ann.setting.sections.effective", nil, patience); err != nil || !strings.Contains(string(m.Data), `"name":"sample"`) && !strings.Contains(string(m.Data), `"name":"registry"`) {
		t.Errorf("%v, %v", m, err)
	}
}
