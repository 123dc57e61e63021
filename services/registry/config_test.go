package registry_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

const sampleSchema = `{"type":"object","additionalProperties":false,"properties":{
	"size":{"type":"integer","minimum":1,"maximum":100},
	"late":{"type":"integer","restart":true},
	"owner":{"type":"string","protected":true},
	"every":{"type":"string","format":"go-duration","minimum_duration":"1s","maximum_duration":"1h"},
	"inner":{"type":"object","additionalProperties":false,"properties":{"on":{"type":"boolean"},"level":{"enum":["low","high"]}}},
	"slots":{"type":"object","additionalProperties":{"type":"integer"}}}}`

const sampleDefaults = `{"size":5,"inner":{"on":false,"level":"low"}}`

// ask sends a request as any NATS client would; as names the principal.
func ask(t testing.TB, c *rpc.Conn, as, method, body string) (string, *api.Error) {
	t.Helper()
	msg, err := c.NC.RequestWithContext(t.Context(), api.As("mabus", as, "mabus."+method), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if msg.Header.Get(api.HeaderErrorCode) == "" {
		return string(msg.Data), nil
	}
	e := new(api.Error)
	if err := codec.Read(msg.Data, e); err != nil {
		t.Fatal(err)
	}
	return "", e
}

// fine is ask for what must succeed.
func fine(t testing.TB, c *rpc.Conn, as, method, body string) string {
	t.Helper()
	answer, e := ask(t, c, as, method, body)
	if e != nil {
		t.Fatalf("%s %s: %v", method, body, e)
	}
	return answer
}

// read reads an answer.
func read[T any](t testing.TB, text string) *T {
	t.Helper()
	v := new(T)
	if err := codec.Read([]byte(text), v); err != nil {
		t.Fatal(err)
	}
	return v
}

// configured starts replicas with the section "sample".
func configured(t *testing.T, replicas int) *rpc.Conn {
	t.Helper()
	c, _ := run(t, replicas, registry.Config{Operators: []string{"root"}, Log: zerolog.New(zerolog.NewTestWriter(t))})
	fine(t, c, "svc", "registry.config.register", fmt.Sprintf(`{"name":"sample","schema":1,"json_schema":%s,"defaults":%s}`, sampleSchema, sampleDefaults))
	return c
}

// config returns what is set, as the replica that answers has it at a revision.
func config(t testing.TB, c *rpc.Conn, revision string) *api.ConfigGetResponse {
	t.Helper()
	return read[api.ConfigGetResponse](t, fine(t, c, "", "registry.config.get", `{"min_revision":"`+revision+`"}`))
}

func TestConfigIsSetReadAndTakenAway(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			c := configured(t, n)
			if v := config(t, c, ""); v.Version != 0 || string(v.Config) != "{}" {
				t.Fatalf("%+v", v)
			}
			set := read[api.ConfigChanged](t, fine(t, c, "ann", "registry.config.set",
				`{"values":[{"path":"sample.size","value":7},{"path":"sample.inner.on","value":true},{"path":"sample.late","value":1}],"comment":"more"}`))
			if set.Version != 1 || !set.Changed || strings.Join(set.Paths, " ") != "sample" && strings.Join(set.Paths, " ") != "sample.inner.on sample.late sample.size" || len(set.Restart) != 1 {
				t.Fatalf("%+v", set)
			}
			if v := config(t, c, set.Revision); v.Version != 1 || string(v.Config) != `{"sample":{"inner":{"on":true},"late":1,"size":7}}` || v.ChangedBy != "ann" {
				t.Fatalf("%+v %s", v, v.Config)
			}
			got := fine(t, c, "", "registry.config.get", `{"paths":["sample.inner"],"defaults":true,"min_revision":"`+set.Revision+`"}`)
			if !strings.Contains(got, `"config":{"sample":{"inner":{"level":"low","on":true}}}`) {
				t.Error(got)
			}
			same := read[api.ConfigChanged](t, fine(t, c, "ann", "registry.config.set", `{"values":[{"path":"sample.size","value":7}]}`))
			if same.Changed || same.Version != 1 {
				t.Errorf("%+v", same)
			}
			off := read[api.ConfigChanged](t, fine(t, c, "bob", "registry.config.unset", `{"paths":["sample.inner.on","sample.every"],"version":1}`))
			if off.Version != 2 {
				t.Errorf("%+v", off)
			}
			diff := read[api.ConfigDiffResponse](t, fine(t, c, "", "registry.config.diff", `{"from":0}`))
			if len(diff.Changes) != 1 || string(diff.Changes[0].New) != `{"inner":{},"late":1,"size":7}` || diff.To != 2 {
				t.Errorf("%+v", diff)
			}
			back := read[api.ConfigChanged](t, fine(t, c, "bob", "registry.config.rollback", `{"to":1}`))
			if v := config(t, c, back.Revision); back.Version != 3 || string(v.Config) != `{"sample":{"inner":{"on":true},"late":1,"size":7}}` {
				t.Errorf("%+v %s", back, v.Config)
			}
			fine(t, c, "bob", "registry.config.reset", `{"section":"sample"}`)
			h := read[api.ConfigHistoryResponse](t, fine(t, c, "", "registry.config.history", `{}`))
			want := []string{"4 bob reset", "3 bob rollback", "2 bob unset", "1 ann set"}
			for i, e := range h.Changes {
				if got := fmt.Sprint(e.Version, " ", e.ChangedBy, " ", e.Action); i >= len(want) || got != want[i] || e.ChangedAt.IsZero() {
					t.Errorf("entry %d is %s", i, got)
				}
			}
			if len(h.Changes) != 4 || h.Next != 0 || *h.Changes[1].Target != 1 || h.Changes[3].Comment != "more" {
				t.Errorf("%+v", h)
			}
			page := read[api.ConfigHistoryResponse](t, fine(t, c, "", "registry.config.history", `{"before":4,"limit":2}`))
			if len(page.Changes) != 2 || page.Changes[0].Version != 3 || page.Next != 2 {
				t.Errorf("%+v", page)
			}
			s := read[api.ConfigStats](t, fine(t, c, "", "registry.config.stats", `{}`))
			if s.Sections < 1 || s.Oldest != 1 || s.MaxBytes != api.MaxConfigBytes {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestConfigRefusesAndChangesNothing(t *testing.T) {
	t.Parallel()
	c := configured(t, 1)
	first := read[api.ConfigChanged](t, fine(t, c, "ann", "registry.config.set", `{"values":[{"path":"sample.size","value":7}]}`))
	config(t, c, first.Revision) // the replica has it now
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	many := strings.TrimSuffix(strings.Repeat(`{"path":"sample.size","value":1},`, 101), ",")
	for _, x := range []struct{ as, method, body, reason string }{
		{"ann", "set", `{"values":[{"path":"nobody.size","value":1}]}`, api.ReasonPathUnknown},
		{"ann", "set", `{"values":[{"path":"sample.nothing","value":1}]}`, api.ReasonPathUnknown},
		{"ann", "set", `{"values":[{"path":"sample.inner.nothing","value":1}]}`, api.ReasonPathUnknown},
		{"ann", "set", `{"values":[{"path":"sample.size.more","value":1}]}`, api.ReasonPathBlocked},
		{"ann", "set", `{"values":[{"path":"sample.size","value":"8"}]}`, api.ReasonValueRefused},
		{"ann", "set", `{"values":[{"path":"sample.size","value":101}]}`, api.ReasonValueRefused},
		{"ann", "set", `{"values":[{"path":"sample.size","value":1.5}]}`, api.ReasonValueRefused},
		{"ann", "set", `{"values":[{"path":"sample.size","value":null}]}`, api.ReasonNullValue},
		{"ann", "set", `{"values":[{"path":"sample","value":5}]}`, api.ReasonValueRefused},
		{"ann", "set", `{"values":[{"path":"sample.every","value":"0s"}]}`, api.ReasonValueRefused},
		{"ann", "set", `{"values":[{"path":"sample.every","value":"soon"}]}`, api.ReasonValueRefused},
		{"ann", "set", `{"values":[{"path":"sample.inner.level","value":"middle"}]}`, api.ReasonValueRefused},
		{"ann", "set", `{"values":[{"path":"sample.size","value":8},{"path":"sample.size","value":9}]}`, api.ReasonPathsConflict},
		{"ann", "set", `{"values":[{"path":"sample.inner","value":{}},{"path":"sample.inner-x","value":1},{"path":"sample.inner.on","value":true}]}`, api.ReasonPathsConflict},
		{"ann", "set", `{"values":[{"path":"sample.size","value":8},{"path":"sample.late","value":"x"}]}`, api.ReasonValueRefused},
		{"ann", "set", `{"values":[{"path":"sample..size","value":8}]}`, api.ReasonPathMalformed},
		{"ann", "set", `{"values":[{"path":"","value":8}]}`, api.ReasonPathMalformed},
		{"ann", "set", `{"values":[{"path":"sample.si ze","value":8}]}`, api.ReasonPathMalformed},
		{"ann", "set", `{"values":[{"path":"` + strings.Repeat("a.", 64) + `a","value":8}]}`, api.ReasonPathMalformed},
		{"ann", "set", `{"values":[{"path":"sample.slots","value":{"a b":1}}]}`, api.ReasonPathMalformed},
		{"ann", "set", `{"values":[{"path":"sample.slots","value":` + deep + `}]}`, api.ReasonConfigTooLarge},
		{"ann", "set", `{"values":[{"path":"sample.owner","value":"` + strings.Repeat("x", api.MaxConfigBytes) + `"}]}`, api.ReasonConfigTooLarge},
		{"ann", "set", `{"values":[{"path":"sample.size","value":8}],"version":7}`, api.ReasonConfigChanged},
		{"ann", "set", `{"values":[{"path":"sample.owner","value":"ann"}]}`, api.ReasonProtectedPath},
		{"", "set", `{"values":[{"path":"sample.owner","value":"ann"}]}`, api.ReasonPrincipalMissing},
		{"ann", "set", `{"values":[` + many + `]}`, ""},
		{"ann", "set", `{"values":[]}`, ""},
		{"ann", "set", `{"values":[{"path":"sample.size"}]}`, api.ReasonMissingFields},
		{"ann", "set", `{"values":[{"path":"sample.size","value":8}],"comment":"a\nb"}`, ""},
		{"ann", "set", `nonsense`, api.ReasonMalformed},
		{"ann", "unset", `{"paths":["sample.nothing"]}`, api.ReasonPathUnknown},
		{"ann", "unset", `{"paths":["nobody"]}`, api.ReasonPathUnknown},
		{"ann", "unset", `{"paths":["sample.size.more"]}`, api.ReasonPathBlocked},
		{"ann", "unset", `{"paths":["sample.size","sample.size"]}`, api.ReasonPathsConflict},
		{"ann", "unset", `{"paths":[]}`, ""},
		{"ann", "rollback", `{"to":99}`, api.ReasonConfigVersion},
		{"ann", "reset", `{"section":"nobody"}`, api.ReasonSectionNotFound},
		{"ann", "reset", `{}`, ""},
		{"ann", "get", `{"paths":["sample.nothing"]}`, api.ReasonPathUnknown},
		{"ann", "get", `{"paths":["sample.size.more"]}`, api.ReasonPathBlocked},
		{"ann", "diff", `{"from":99}`, api.ReasonConfigVersion},
		{"ann", "describe", `{"section":"nobody"}`, api.ReasonSectionNotFound},
		{"svc", "register", `{"name":"sample","schema":2,"json_schema":{"type":5},"defaults":{}}`, api.ReasonSchemaInvalid},
		{"svc", "register", `{"name":"sample","schema":2,"json_schema":{"$ref":"file:///etc/passwd"},"defaults":{}}`, api.ReasonSchemaInvalid},
		{"svc", "register", `{"name":"sample","schema":2,"json_schema":{"additionalProperties":false},"defaults":{"a":1}}`, api.ReasonSchemaInvalid},
		{"svc", "register", `{"name":"sample","schema":2,"json_schema":{"properties":{"a":{"type":"string"}}},"defaults":{"a":1}}`, api.ReasonSchemaInvalid},
		{"svc", "register", `{"name":"a.b","schema":2,"json_schema":{},"defaults":{}}`, ""},
		{"svc", "register", `{"name":"ab","schema":2,"json_schema":{},"defaults":[]}`, api.ReasonSchemaInvalid},
	} {
		_, e := ask(t, c, x.as, "registry.config."+x.method, x.body)
		if e == nil || e.Details.Reason != x.reason || x.reason == "" && e.Code != api.Invalid || e.Message == "" {
			t.Errorf("%s %.120s: %v, want %s", x.method, x.body, e, x.reason)
		}
	}
	if v := config(t, c, first.Revision); v.Version != first.Version || string(v.Config) != `{"sample":{"size":7}}` {
		t.Errorf("%+v %s", v, v.Config)
	}
	if s := read[api.ConfigDescribeResponse](t, fine(t, c, "", "registry.config.describe", `{"section":"sample"}`)); s.Sections[0].Schema != 1 || len(s.Sections[0].Settings) != 7 {
		t.Errorf("%+v", s)
	}
	fine(t, c, "root", "registry.config.set", `{"values":[{"path":"sample.owner","value":"ann"}]}`)
}

// Every change that is acknowledged stays, however many replicas make others meanwhile. One that has waited for the others for all its time
// says so, and is repeated: it changes nothing where it has been made.
func TestNoConcurrentSetIsLost(t *testing.T) {
	t.Parallel()
	const setters = 24
	c := configured(t, 3)
	var wg sync.WaitGroup
	for i := range setters {
		wg.Go(func() {
			body := fmt.Sprintf(`{"values":[{"path":"sample.slots.a%d","value":%d},{"path":"sample.slots.b%d","value":%d}]}`, i, i, i, i)
			_, e := ask(t, c, "ann", "registry.config.set", body)
			for ; e != nil && (e.Code == api.DeadlineExceeded || e.Code == api.Unavailable); _, e = ask(t, c, "ann", "registry.config.set", body) {
			}
			if e != nil {
				t.Errorf("%s: %v", body, e)
			}
			// Nobody sees half of it.
			got := read[api.ConfigGetResponse](t, fine(t, c, "", "registry.config.get", `{}`))
			var doc struct {
				Sample struct {
					Slots map[string]int `json:"slots"`
				} `json:"sample"`
			}
			if err := codec.Read(got.Config, &doc); err != nil {
				t.Error(err)
			}
			for name, v := range doc.Sample.Slots {
				if other, ok := doc.Sample.Slots[strings.NewReplacer("a", "b", "b", "a").Replace(name)]; !ok || other != v {
					t.Errorf("%s is there, and not its pair", name)
				}
			}
		})
	}
	wg.Wait()
	natstest.Eventually(t, patience, func() bool { return config(t, c, "").Version == setters }, "all are there")
	h := read[api.ConfigHistoryResponse](t, fine(t, c, "", "registry.config.history", `{}`))
	if len(h.Changes) != setters {
		t.Errorf("the history has %d changes", len(h.Changes))
	}
	for i, e := range h.Changes {
		if e.Version != uint64(setters-i) || len(e.Paths) == 0 {
			t.Errorf("%+v", e)
		}
	}
}

func TestTheTimeForTakingUpIsChangedWhileItRuns(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, registry.Config{TakeUp: time.Hour})
	l := must(t, c, api.LeasesAcquire, api.LeaseAcquireRequest{ID: "l1"})
	settle(t, c)
	must(t, c, api.LeasesRelease, api.LeaseRenewRequest{ID: "l1", Token: l.Token})
	natstest.Eventually(t, patience, func() bool { return must(t, c, api.HostsGet, api.GetRequest{ID: "h1"}).Status == api.HostDead }, "the host is dead")
	if lost(t, c, "inside") {
		t.Error("an agent is marked although hosts have an hour to take it up")
	}
	natstest.Eventually(t, patience, func() bool {
		_, e := ask(t, c, "ann", "registry.config.set", `{"values":[{"path":"registry.take_up","value":"10ms"},{"path":"registry.sweep","value":"20ms"}]}`)
		return e == nil
	}, "the section is registered")
	dead(t, c)
	for path, value := range map[string]string{"registry.sweep": `"1ms"`, "registry.take_up": `"25h"`} {
		if _, e := ask(t, c, "ann", "registry.config.set", `{"values":[{"path":"`+path+`","value":`+value+`}]}`); e == nil || e.Details.Reason != api.ReasonValueRefused {
			t.Errorf("%s=%s: %v", path, value, e)
		}
	}
}

func TestAccessIsForOperators(t *testing.T) {
	t.Parallel()
	c := configured(t, 1)
	natstest.Eventually(t, patience, func() bool {
		_, e := ask(t, c, "", "registry.config.describe", `{"section":"access"}`)
		return e == nil
	}, "the section is registered")
	const name = `{"values":[{"path":"access.operators","value":["ann"]}]}`
	for as, reason := range map[string]string{"": api.ReasonPrincipalMissing, "ann": api.ReasonProtectedPath} {
		if _, e := ask(t, c, as, "registry.config.set", name); e == nil || e.Details.Reason != reason {
			t.Errorf("%q: %v", as, e)
		}
	}
	fine(t, c, "root", "registry.config.set", name)
	fine(t, c, "ann", "registry.config.set", `{"values":[{"path":"sample.owner","value":"x"}]}`)  // who is named may
	fine(t, c, "root", "registry.config.set", `{"values":[{"path":"sample.owner","value":"y"}]}`) // and so does whoever the flag names
	last := read[api.ConfigChanged](t, fine(t, c, "bob", "registry.config.set", `{"values":[{"path":"sample.size","value":9}]}`))
	for _, x := range []struct{ method, body string }{ // no way around
		{"rollback", `{"to":0}`},
		{"rollback", `{"to":2}`},
		{"reset", `{"all":true}`},
		{"reset", `{"section":"access"}`},
		{"reset", `{"section":"sample"}`},
		{"unset", `{"paths":["access"]}`},
		{"unset", `{"paths":["sample.owner"]}`},
		{"unset", `{"paths":["sample"]}`},
		{"set", `{"values":[{"path":"sample","value":{}}]}`},
		{"set", `{"values":[{"path":"sample.size","value":8}],"unset":["sample.owner"]}`},
	} {
		if _, e := ask(t, c, "bob", "registry.config."+x.method, x.body); e == nil || e.Code != api.PermissionDenied {
			t.Errorf("%s %s: %v", x.method, x.body, e)
		}
	}
	if v := config(t, c, last.Revision); v.Version != 4 {
		t.Errorf("%+v", v)
	}
	fine(t, c, "ann", "registry.config.rollback", `{"to":0}`)
}
