package registry_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// gate is a strict server, and a host's connection to its stores.
type gate struct {
	*natstest.Strict
	host *rpc.Conn
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{Strict: natstest.StartStrict(t)}
	for kind, name := range map[api.Kind]string{api.KindService: "mabus", api.KindHost: "h1"} {
		g.Creds(t, kind, name)
	}
	g.host = dialWith(t, rpc.Options{URL: g.URL(), Credentials: g.Creds(t, api.KindHost, "h1")})
	return g
}

// replica starts a replica by way of a URL.
func (g *gate) replica(t *testing.T, url string) (stop func()) {
	t.Helper()
	conn := dialWith(t, rpc.Options{URL: url, Credentials: g.Creds(t, api.KindService, "mabus")})
	_, stop = replicaOn(t, conn, registry.Config{Strict: true})
	return stop
}

const wholesome = `{"stream_name":"KV_mabus_agents","config":{"name":"c","inactive_threshold":60000000000}}`

// ask asks for a consumer and returns the codes of the error, or 0.
func (g *gate) ask(t *testing.T, body string) (code, errCode int) {
	t.Helper()
	answer, err := g.host.JS.Conn().Request("$JS.API.CONSUMER.CREATE.KV_mabus_agents.c", []byte(body), patience)
	if err != nil {
		t.Fatalf("%.80q: %v", body, err)
	}
	var a struct {
		Error struct {
			Code int `json:"code"`
			Err  int `json:"err_code"`
		} `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &a); err != nil {
		t.Fatalf("%.80q: %s", body, answer.Data)
	}
	return a.Error.Code, a.Error.Err
}

// Whatever a host sends in the place of a request for a consumer is answered in JetStream's form, and those that come after it are served.
func TestRequestsForConsumersThatAreJunk(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	g.replica(t, g.URL())
	for _, body := range []string{
		"", "null", "[]", "0", `""`, "{", "{}", "\x00", "\xff\xfe", `{"config":null}`, `{"stream_name":"KV_mabus_agents","config":[]}`, strings.Repeat(`{"config":`, 20_000),
		strings.Repeat("[", 100_000), wholesome + wholesome, strings.Replace(wholesome, `"name"`, `"name":"c","name"`, 1), strings.Replace(wholesome, `"name":"c"`, `"name":7`, 1),
		strings.Replace(wholesome, "60000000000", "6e400", 1), strings.Replace(wholesome, "60000000000", "9223372036854775807", 1), strings.Replace(wholesome, `"c"`, `"\ud800"`, 1),
		strings.Replace(wholesome, `"name"`, `"deliver\u005fsubject":"a","name"`, 1), strings.Replace(wholesome, "}}", `,"metadata":{"a":[]}}}`, 1),
	} {
		if code, errCode := g.ask(t, body); code != 400 || errCode == 0 {
			t.Errorf("%.80q: %d, %d", body, code, errCode)
		}
	}
	for range 2 { // it is there already
		if code, _ := g.ask(t, wholesome); code != 0 {
			t.Errorf("a good one: %d", code)
		}
	}
	if _, err := g.host.JS.Consumer(t.Context(), "KV_mabus_agents", "c"); err != nil {
		t.Error(err)
	}
}

// While JetStream does not answer, a replica has so many requests under way and no more; when it ends, it does so at once, and another has what
// comes then.
func TestRequestsForConsumersAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 64
	g := newGate(t)
	var silent atomic.Bool
	var asked atomic.Int64
	stop := g.replica(t, natstest.Refuse(t, g.URL(), func(subject string) natstest.Refusal {
		if silent.Load() && strings.HasPrefix(subject, "$JS.API.CONSUMER.CREATE.KV_mabus_agents.c") {
			asked.Add(1)
			return natstest.Swallow
		}
		return natstest.Pass
	}, nats.UserCredentials(g.Creds(t, api.KindService, "mabus"))))
	silent.Store(true)
	nc := g.host.JS.Conn()
	over := make(chan *nats.Msg, 2*limit)
	inbox := nc.NewInbox()
	if _, err := nc.ChanSubscribe(inbox, over); err != nil {
		t.Fatal(err)
	}
	for range limit {
		if err := nc.PublishRequest("$JS.API.CONSUMER.CREATE.KV_mabus_agents.c", inbox, []byte(wholesome)); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Eventually(t, patience, func() bool { return asked.Load() == limit }, "%d are asked for, and have no answer", limit)
	if code, errCode := g.ask(t, wholesome); code != 503 || errCode != 10008 {
		t.Errorf("one more: %d, %d", code, errCode)
	}
	if n := asked.Load(); n != limit || len(over) != 0 {
		t.Errorf("%d were asked of JetStream, %d are answered", n, len(over))
	}
	stop()
	g.replica(t, g.URL())
	if code, errCode := g.ask(t, wholesome); code != 0 {
		t.Errorf("another replica: %d, %d", code, errCode)
	}
}

// Without a replica a host hears at once that nobody makes consumers, those that there are go on, and with the first replica there are new ones.
func TestConsumersWithoutARegistry(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	stop := g.replica(t, g.URL())
	js := g.host.JS
	cons, err := js.CreateConsumer(t.Context(), "KV_mabus_agents", jetstream.ConsumerConfig{
		Name: "early", FilterSubject: "$KV.mabus_agents.x.>", InactiveThreshold: time.Minute, // or it is gone when nobody pulls for five seconds
	})
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := js.CreateConsumer(t.Context(), "KV_mabus_agents", jetstream.ConsumerConfig{Name: "late"}); err == nil {
		t.Error("a consumer was made by nobody")
	}
	service, err := jetstream.New(g.ConnectAs(t, api.KindService, "mabus"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if _, err := service.Publish(t.Context(), fmt.Sprintf("$KV.mabus_agents.x.%d", n), []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if m, err := cons.Next(); err != nil || m.Subject() != fmt.Sprintf("$KV.mabus_agents.x.%d", n) {
			t.Errorf("%v, %v", m, err)
		}
	}
	g.replica(t, g.URL())
	if _, err := js.CreateConsumer(t.Context(), "KV_mabus_agents", jetstream.ConsumerConfig{Name: "late"}); err != nil {
		t.Error(err)
	}
}

// The event of a refusal names who has asked, whatever that says of itself.
func TestWhoAsksForConsumersIsKnown(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	g.replica(t, g.URL())
	service := g.ConnectAs(t, api.KindService, "mabus")
	events, err := service.SubscribeSync(api.EventSubject("mabus", "registry", "security", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Flush(); err != nil {
		t.Fatal(err)
	}
	msg := nats.NewMsg("$JS.API.CONSUMER.CREATE.KV_mabus_agents.c")
	for _, name := range []string{"Nats-Request-Info", "nats-request-info"} {
		msg.Header[name] = []string{`{"name_tag":"bob"}`, `{"name_tag":"bob"}`}
	}
	if answer, err := g.host.JS.Conn().RequestMsg(msg, patience); err != nil || !strings.Contains(string(answer.Data), `"error"`) {
		t.Fatalf("%v, %v", answer, err)
	}
	if e, err := events.NextMsg(patience); err != nil || e.Subject != api.EventSubject("mabus", "registry", "security", "h1") || strings.Contains(string(e.Data), "bob") {
		t.Errorf("%v, %v", e, err)
	}
}
