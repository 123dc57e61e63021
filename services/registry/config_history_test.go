package registry_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A replica that dies behind the compare-and-set has written no history: the next who reads or writes does.
func TestTheHistoryIsCompleteWhenAReplicaDies(t *testing.T) {
	t.Parallel()
	c := configured(t, 2)
	b, err := kv.Attach(t.Context(), c.JS, "mabus", "config")
	if err != nil {
		t.Fatal(err)
	}
	fine(t, c, "ann", "registry.config.set", `{"values":[{"path":"sample.size","value":1}]}`)
	for version, size := uint64(2), 2; version <= 6; version, size = version+2, size+2 { // as far as the dead one came
		now, err := b.Get(t.Context(), "document")
		if err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"version":%d,"config":{"sample":{"size":%d}},"changed_at":"2026-01-02T03:04:05Z","changed_by":"bob","action":"set","paths":["sample.size"]}`, version, size)
		if _, err := b.Write(t.Context(), kv.Write{Key: "document", Expect: now.Revision, Value: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		if version == 6 {
			break
		}
		fine(t, c, "ann", "registry.config.set", fmt.Sprintf(`{"values":[{"path":"sample.size","value":%d}]}`, size+1))
	}
	h := read[api.ConfigHistoryResponse](t, fine(t, c, "", "registry.config.history", `{}`))
	if len(h.Changes) != 6 {
		t.Fatalf("%+v", h)
	}
	for i, e := range h.Changes {
		if want := []string{"bob", "ann"}[i%2]; e.ChangedBy != want || e.Version != uint64(6-i) {
			t.Errorf("%+v", e)
		}
	}
	d := read[api.ConfigDiffResponse](t, fine(t, c, "", "registry.config.diff", `{"from":2,"to":6}`))
	if len(d.Changes) != 1 || string(d.Changes[0].Old) != "2" || string(d.Changes[0].New) != "6" {
		t.Errorf("%+v", d)
	}
}

func TestARequestIDChangesTheConfigurationOnce(t *testing.T) {
	t.Parallel()
	c := configured(t, 3)
	send := func(id, body string) (*nats.Msg, string) {
		m := nats.NewMsg("mabus.as.ann.registry.config.set")
		m.Header.Set(api.HeaderRequestID, id)
		m.Data = []byte(body)
		answer, err := c.NC.RequestMsgWithContext(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		return answer, string(answer.Data)
	}
	first, text := send("r1", `{"values":[{"path":"sample.size","value":7}]}`)
	if first.Header.Get(api.HeaderErrorCode) != "" {
		t.Fatal(text)
	}
	fine(t, c, "bob", "registry.config.set", `{"values":[{"path":"sample.size","value":8}]}`)
	for range 6 {
		if _, again := send("r1", `{"values":[{"path":"sample.size","value":7}]}`); again != text {
			t.Errorf("%s, and first %s", again, text)
		}
	}
	if m, other := send("r1", `{"values":[{"path":"sample.size","value":9}]}`); m.Header.Get(api.HeaderErrorCode) == "" {
		t.Error(other)
	}
	natstest.Eventually(t, patience, func() bool { return strings.Contains(string(config(t, c, "").Config), `"size":8`) }, "it stays as bob has set it")
}

func TestAChangeIsAnEvent(t *testing.T) {
	t.Parallel()
	c := configured(t, 2)
	w := read[api.WatchResponse](t, fine(t, c, "", "registry.config.watch", `{}`))
	sub, err := c.NC.SubscribeSync(w.Subject)
	if err != nil {
		t.Fatal(err)
	}
	done := read[api.ConfigChanged](t, fine(t, c, "ann", "registry.config.set", `{"values":[{"path":"sample.size","value":7}]}`))
	m, err := sub.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	e := read[api.Event](t, string(m.Data))
	d := read[api.ConfigDocument](t, string(e.Data))
	if e.Type != "mabus.config.changed" || e.Principal != "ann" || e.Revision != done.Revision || d.Version != 1 || string(d.Config) != `{"sample":{"size":7}}` || len(d.Paths) != 1 {
		t.Errorf("%+v", e)
	}
}

func TestASchemaIsReplacedByANewerOneAlone(t *testing.T) {
	t.Parallel()
	c := configured(t, 2)
	fine(t, c, "ann", "registry.config.set", `{"values":[{"path":"sample.size","value":50},{"path":"sample.late","value":1}]}`)
	const narrower = `{"type":"object","additionalProperties":false,"properties":{"size":{"type":"integer","maximum":10},"more":{"type":"string"}}}`
	r := read[api.ConfigRegistered](t, fine(t, c, "svc", "registry.config.register", `{"name":"sample","schema":2,"json_schema":`+narrower+`,"defaults":{"size":5}}`))
	if r.Section.Schema != 2 || len(r.Problems) != 2 && len(r.Problems) != 1 {
		t.Errorf("%+v", r)
	}
	old := read[api.ConfigRegistered](t, fine(t, c, "svc", "registry.config.register", fmt.Sprintf(`{"name":"sample","schema":1,"json_schema":%s,"defaults":%s}`, sampleSchema, sampleDefaults)))
	if old.Section.Schema != 2 {
		t.Errorf("an older schema has taken its place: %+v", old)
	}
	// What does not fit any more stands in nobody's way, and can be put right.
	natstest.Eventually(t, patience, func() bool {
		for range 20 { // as many as it takes to have asked both
			if _, e := ask(t, c, "ann", "registry.config.set", `{"values":[{"path":"sample.more","value":"x"}]}`); e != nil {
				return false
			}
		}
		return true
	}, "every replica has the newer schema")
	if _, e := ask(t, c, "ann", "registry.config.set", `{"values":[{"path":"sample.late","value":2}]}`); e == nil || e.Details.Reason != api.ReasonPathUnknown {
		t.Errorf("what the schema does not know any more is set: %v", e)
	}
	if _, e := ask(t, c, "ann", "registry.config.set", `{"values":[{"path":"sample.size","value":60}]}`); e == nil || e.Details.Reason != api.ReasonValueRefused {
		t.Errorf("what the schema does not allow any more is set: %v", e)
	}
	fine(t, c, "ann", "registry.config.set", `{"values":[{"path":"sample.size","value":9}],"unset":["sample.late"]}`)
	natstest.Eventually(t, patience, func() bool { // the replica that is asked may not have heard of it yet
		return len(read[api.ConfigDescribeResponse](t, fine(t, c, "", "registry.config.describe", `{"section":"sample"}`)).Sections[0].Problems) == 0
	}, "the problems are gone")
}
