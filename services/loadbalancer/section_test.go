package loadbalancer_test

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// stored returns the section as it is set.
func (w *world) stored(t testing.TB) string {
	t.Helper()
	d, err := w.Config.Document(t.Context(), api.ConfigGetRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return string(d.Config)
}

func (w *world) described(t testing.TB) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool { _, err := w.Config.Describe(t.Context(), "loadbalancer"); return err == nil }, "the section is registered")
}

func TestTheSectionAndTheConfigurationAreOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.described(t)
	if _, err := w.Config.Change(t.Context(), api.ConfigSetRequest{Values: []api.ConfigValue{
		{Path: "loadbalancer.strategy", Value: []byte(`"round_robin"`)}, {Path: "loadbalancer.ejection.time", Value: []byte(`"7s"`)},
	}}); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		c, err := w.Balancer.Config(t.Context(), api.BalanceGetRequest{})
		return err == nil && c.Version == 1 && c.Strategy == api.StrategyRoundRobin && c.Ejection.Time == api.Duration(7*time.Second) && c.MaxActive == 10
	}, "the replicas obey the section")
	one := uint64(1)
	set, err := w.Balancer.SetConfig(t.Context(), api.BalanceSetRequest{Strategy: api.StrategyHash, Version: &one})
	if err != nil || set.Version != 2 {
		t.Fatalf("%+v, %v", set, err)
	}
	natstest.Eventually(t, patience, func() bool {
		return w.stored(t) == `{"loadbalancer":{"ejection":{"time":"7s"},"strategy":"consistent_hash"}}`
	}, "the section follows the old method")
	// What only a rule over several values can refuse is refused where it is set.
	for path, value := range map[string]any{"loadbalancer.ejection.max_time": "1s", "loadbalancer.strategy": "best", "loadbalancer.load_bound": 0.5, "loadbalancer.tenants.a": 5000} {
		if _, err := w.Config.Set(t.Context(), path, value); api.ReasonOf(err) != api.ReasonValueRefused {
			t.Errorf("%s: %v", path, err)
		}
	}
	// What somebody writes into the store by other means is not obeyed.
	conn := w.Conn()
	b, err := kv.Attach(t.Context(), conn.JS, "mabus", "config")
	if err != nil {
		t.Fatal(err)
	}
	now, err := b.Get(t.Context(), "document")
	if err != nil {
		t.Fatal(err)
	}
	rev, err := b.Write(t.Context(), kv.Write{Key: "document", Expect: now.Revision, Value: []byte(`{"version":90,"config":{"loadbalancer":{"strategy":"best","max_active":3}}}`)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Config.Document(t.Context(), api.ConfigGetRequest{MinRevision: b.Token(rev)}); err != nil {
		t.Fatal(err)
	}
	for _, r := range w.replicas {
		if err := r.Agree(t.Context()); err == nil {
			t.Error("a strategy that there is not is taken over")
		}
	}
	if c, err := w.Balancer.Config(t.Context(), api.BalanceGetRequest{MinRevision: set.Revision}); err != nil || c.Strategy != api.StrategyHash || c.Version != 2 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := w.Config.Reset(t.Context(), api.ConfigResetRequest{Section: "loadbalancer"}); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		c, err := w.Balancer.Config(t.Context(), api.BalanceGetRequest{})
		return err == nil && c.Strategy == api.StrategyP2C && c.Ejection.Time == api.Duration(time.Second)
	}, "the defaults hold again")
}

// Whoever's change is the later of two that are made at once by different replicas, is what both have in the end.
func TestChangesAtOnceAreNotTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.described(t)
	strategies := api.BalanceStrategies
	for i := range 40 {
		var set sync.WaitGroup
		var got [4]*api.BalanceSettings
		for k := range got {
			set.Go(func() {
				c, err := w.Balancer.SetConfig(t.Context(), api.BalanceSetRequest{Strategy: strategies[(i+k)%len(strategies)]})
				if err != nil {
					t.Error(err)
				}
				got[k] = c
			})
		}
		set.Wait()
		if t.Failed() {
			return
		}
		last := slices.MaxFunc(got[:], func(a, b *api.BalanceSettings) int { return cmp.Compare(a.Version, b.Version) })
		for _, r := range w.replicas {
			natstest.Eventually(t, patience, func() bool { return r.Agree(t.Context()) == nil }, "they are the same")
		}
		if c, err := w.Balancer.Config(t.Context(), api.BalanceGetRequest{MinRevision: last.Revision}); err != nil || c.Strategy != last.Strategy || c.Version != last.Version {
			t.Fatalf("round %d: %s of version %d was set last, and it is %s of version %d, %v", i, last.Strategy, last.Version, c.Strategy, c.Version, err)
		}
	}
}

// A replica that has taken the section over, and could not note yet that it has, does not take it over again from somebody who has set
// something else in between.
func TestASectionIsTakenOverOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	var forgetful atomic.Bool
	forgetful.Store(true)
	conn, err := rpc.Dial(t.Context(), rpc.Options{Name: t.Name(), URL: natstest.Refuse(t, w.srv.URL(), func(subject string) natstest.Refusal {
		if forgetful.Load() && strings.HasPrefix(subject, "$KV.") && strings.HasSuffix(subject, ".agreed") {
			return natstest.Busy
		}
		return natstest.Pass
	})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	svc, err := loadbalancer.Start(within(t, patience), conn, loadbalancer.Config{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, svc) })
	w.described(t)
	if _, err := w.Config.Set(t.Context(), "loadbalancer.strategy", "round_robin"); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		c, err := w.Balancer.Config(t.Context(), api.BalanceGetRequest{})
		return err == nil && c.Version == 1 && c.Strategy == api.StrategyRoundRobin
	}, "the replica obeys the section")
	if c, err := w.Balancer.SetConfig(t.Context(), api.BalanceSetRequest{Strategy: api.StrategyHash}); api.CodeOf(err) != api.Unavailable {
		t.Errorf("set while nothing can be noted: %+v, %v", c, err)
	}
	forgetful.Store(false)
	set, err := w.Balancer.SetConfig(t.Context(), api.BalanceSetRequest{Strategy: api.StrategyHash})
	if err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool { return strings.Contains(w.stored(t), `"consistent_hash"`) }, "the section follows")
	if c, err := w.Balancer.Config(t.Context(), api.BalanceGetRequest{MinRevision: set.Revision}); err != nil || c.Version != 2 || c.Strategy != api.StrategyHash {
		t.Errorf("%+v, %v", c, err)
	}
}

// What a replica has taken over, and could not note yet that it has, is not taken for newer than a section that was set back meanwhile.
func TestASectionThatIsSetBackIsNotTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	var slow atomic.Bool
	held, release := make(chan struct{}), make(chan struct{})
	hold, free := sync.OnceFunc(func() { close(held); <-release }), sync.OnceFunc(func() { close(release) })
	conn, err := rpc.Dial(t.Context(), rpc.Options{Name: t.Name(), URL: natstest.Refuse(t, w.srv.URL(), func(subject string) natstest.Refusal {
		if slow.Load() && strings.HasPrefix(subject, "$KV.") && strings.HasSuffix(subject, ".agreed") {
			hold()
		}
		return natstest.Pass
	})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	svc, err := loadbalancer.Start(within(t, patience), conn, loadbalancer.Config{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { free(); stopped(t, svc) })
	w.described(t)
	set := func(strategy api.BalanceStrategy) {
		if _, err := w.Config.Set(t.Context(), "loadbalancer.strategy", string(strategy)); err != nil {
			t.Fatal(err)
		}
	}
	set(api.StrategyHash)
	natstest.Eventually(t, patience, func() bool { return svc.Obeys() == 1 && svc.Agree(t.Context()) == nil }, "the replica has taken it over")
	slow.Store(true)
	set(api.StrategyRoundRobin)
	<-held
	set(api.StrategyHash)
	other := w.replica(t, loadbalancer.Config{})
	natstest.Eventually(t, patience, func() bool { return other.Agree(t.Context()) == nil }, "they are the same")
	free()
	if d := w.stored(t); !strings.Contains(d, `"consistent_hash"`) {
		t.Errorf("the section was set back, and is %s", d)
	}
}

// A namespace of the version before has a configuration and no section, and its replicas go on writing it.
func TestAConfigurationOfTheVersionBeforeIsTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	conn := w.Conn()
	b, err := kv.Open(t.Context(), conn.JS, kv.Config{Namespace: "mabus", Name: "balance", MaxBytes: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	write := func(strategy api.BalanceStrategy, version uint64) {
		natstest.Eventually(t, patience, func() bool {
			now, err := b.Get(t.Context(), "config")
			if err != nil {
				return false
			}
			old := api.BalanceSettings{BalanceConfig: api.DefaultBalanceConfig(), Version: version, ChangedBy: "ann"}
			old.Strategy = strategy
			body, err := codec.Marshal(old)
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.Write(t.Context(), kv.Write{Key: "config", Expect: now.Revision, Value: body})
			return err == nil
		}, "it is written")
	}
	write(api.StrategyHash, 5)
	w.replica(t, loadbalancer.Config{})
	w.replica(t, loadbalancer.Config{})
	natstest.Eventually(t, patience, func() bool { return strings.Contains(w.stored(t), `{"strategy":"consistent_hash"}`) }, "it is in the section")
	// Until it is noted that both have it, the section counts as changed, and goes before what is set besides.
	natstest.Eventually(t, patience, func() bool {
		e, err := b.Get(t.Context(), "agreed")
		return err == nil && strings.Contains(string(e.Value), `"strategy":"consistent_hash"`)
	}, "it is noted that both have it")
	write(api.StrategyRoundRobin, 6)
	natstest.Eventually(t, patience, func() bool { return strings.Contains(w.stored(t), `{"strategy":"round_robin"}`) }, "and so is what an old replica sets")
	h, err := w.Config.Page(t.Context(), api.ConfigHistoryRequest{})
	if err != nil || len(h.Changes) != 2 || !strings.Contains(h.Changes[0].Comment, "ann") {
		t.Errorf("%+v, %v", h, err)
	}
	if _, err := w.Config.Set(t.Context(), "loadbalancer.max_active", 77); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		e, err := b.Get(t.Context(), "config")
		return err == nil && strings.Contains(string(e.Value), `"max_active":77`) && strings.Contains(string(e.Value), `"version":7`)
	}, "an old replica sees what is set in the section")
}
