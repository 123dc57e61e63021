package hostile_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// deputies are others who publish what the attacker wants: JetStream, which answers, and sends what is stored, to any subject, and agents and
// services, which answer where they are told to. A host may use all of them, and nothing comes of it.
func (w *world) deputies(t *testing.T) {
	if _, err := w.op.Agents.Register(w.within(t), api.AgentSpec{ID: "prey"}); err != nil {
		t.Fatal(err)
	}
	t.Run("JetStream", w.jetStreamAsDeputy)
	t.Run("consumers", w.consumersAsDeputies)
	t.Run("agents", w.agentsAsDeputies)
	for range 10 { // of all replicas and goroutines that may have it
		if agent, err := w.op.Agents.Get(w.within(t), api.GetRequest{ID: "prey"}); err != nil || agent.ID != "prey" || len(agent.Command) > 0 {
			t.Fatalf("the agent is gone, or is another: %+v, %v", agent, err)
		}
	}
	natstest.Eventually(t, patience, func() bool {
		state, err := w.op.Agents.Status(w.within(t), "hosted")
		return err == nil && state.Agent.ID == "hosted"
	}, "the host answers")
}

const (
	bait    = ns + ".event.agenthost.bait.x"
	stored  = `{"id":"prey","command":["evil"]}` // a request to deregister the agent, and another record of it
	baitGet = `{"last_by_subj":"` + bait + `"}`
)

// targets are where something would come of a message, each in another way.
var targets = []string{
	ns + ".as.op.registry.agents.deregister", ns + ".registry.agents.deregister", ns + ".as.op.agent.hosted", ns + ".agent.hosted", ns + ".cancel.x",
	"$KV.mabus_agents.prey", "$KV.mabus_locks.prey", "$O.mabus_snapshots.C.prey", ns + ".log.coordination", ns + ".event.registry.agents.nobody",
	"$JS.API.STREAM.DELETE.KV_mabus_locks", "$JS.API.STREAM.PURGE.KV_mabus_agents", "$JS.API.STREAM.CREATE.evil", "$JS.API.CONSUMER.CREATE.mabus_events.x",
	ns + ".consumers.CREATE.mabus_tasks.x", api.InboxPrefix("mabus") + ".x", api.AnswerPrefix("op") + ".x", "_R_.x",
}

// way is one in which JetStream publishes on a reply subject. Each is tried with an inbox of the attacker's first: then there is an answer.
type way struct{ name, subject, body string }

func ways(subject, consumer string) []way {
	return []way{
		{"a direct get", "$JS.API.DIRECT.GET.KV_mabus_state", `{"last_by_subj":"` + subject + `"}`},
		{"a direct get by subject", "$JS.API.DIRECT.GET.KV_mabus_state." + subject, ""},
		{"a get", "$JS.API.STREAM.MSG.GET.KV_mabus_state", `{"last_by_subj":"` + subject + `"}`},
		{"a pull", "$JS.API.CONSUMER.MSG.NEXT.KV_mabus_state." + consumer, `{"batch":1,"no_wait":true}`},
		{"a publication", bait, stored},
		{"a put", "$KV.mabus_leases.bait", `{}`},
		{"what a stream is like", "$JS.API.STREAM.INFO.KV_mabus_state", ""},
		{"what a consumer is like", "$JS.API.CONSUMER.INFO.KV_mabus_state." + consumer, ""},
		{"a consumer made", "$JS.API.CONSUMER.CREATE.KV_mabus_state.more", `{"stream_name":"KV_mabus_state","config":{"name":"more","ack_policy":"none","inactive_threshold":60000000000}}`},
		{"a consumer deleted", "$JS.API.CONSUMER.DELETE.KV_mabus_state.more", ""},
	}
}

// eavesdrop has everything heard that is published in the namespace's account, but for what comes on the way of the requests themselves.
// The function that it returns tells what has come to a target, or has what was stored for a body, once all is over.
func (w *world) eavesdrop(t *testing.T) func(t *testing.T) []string {
	t.Helper()
	service := w.ConnectAs(t, api.KindService, names[api.KindService])
	heard := make(chan *nats.Msg, 100_000)
	sub, err := service.ChanSubscribe(">", heard)
	if err != nil {
		t.Fatal(err)
	}
	if err := service.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T) (found []string) {
		dropped, err := sub.Dropped()
		if err := errors.Join(err, sub.Unsubscribe()); err != nil || dropped > 0 {
			t.Fatalf("%d were not heard: %v", dropped, err)
		}
		wanted := map[string]bool{}
		for _, s := range targets {
			wanted[s] = true
		}
		for len(heard) > 0 {
			m := <-heard
			own := m.Subject == bait || strings.HasPrefix(m.Subject, "$KV.mabus_state.bait.") || strings.HasPrefix(m.Subject, "_R_.") && !wanted[m.Subject]
			if wanted[m.Subject] || !own && string(m.Data) == stored {
				found = append(found, fmt.Sprintf("%s: %.80s", m.Subject, m.Data))
			}
		}
		return found
	}
}

func (w *world) jetStreamAsDeputy(t *testing.T) {
	a := w.stores(t)
	js, err := jetstream.New(a.nc)
	if err != nil {
		t.Fatal(err)
	}
	const mine = "$KV.mabus_state.bait.x"
	publish := func() {
		if _, err := js.Publish(w.within(t), fmt.Sprintf("$KV.mabus_state.bait.n%d", time.Now().UnixNano()), []byte(stored)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := js.Publish(w.within(t), mine, []byte(stored)); err != nil {
		t.Fatal(err)
	}
	cons, err := js.CreateConsumer(w.within(t), "KV_mabus_state", jetstream.ConsumerConfig{FilterSubject: "$KV.mabus_state.bait.>", AckPolicy: jetstream.AckExplicitPolicy, InactiveThreshold: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	over := w.eavesdrop(t)
	for _, x := range ways(mine, cons.CachedInfo().Name) {
		publish() // for the pull
		if answer, err := a.nc.Request(x.subject, []byte(x.body), patience); err != nil || len(answer.Data)+len(answer.Header) == 0 || strings.Contains(string(answer.Data), `"error"`) {
			t.Errorf("%s is not answered, and tries nothing: %s, %v", x.name, data(answer), err)
		}
		for _, target := range targets {
			publish()
			if err := a.nc.PublishRequest(x.subject, target, []byte(x.body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// An acknowledgement that asks for the next message has it sent to its own reply subject.
	for _, target := range targets {
		publish()
		batch, err := cons.Fetch(1)
		if err != nil {
			t.Fatal(err)
		}
		for m := range batch.Messages() {
			if err := a.nc.PublishRequest(m.Reply(), target, []byte("+NXT")); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Acknowledgements are no reply subjects, so nobody's messages are done with by what is stored.
	ack := "$JS.ACK.KV_mabus_state." + cons.CachedInfo().Name + ".1.1.1.1.1"
	if err := a.nc.PublishRequest("$JS.API.DIRECT.GET.KV_mabus_state", ack, []byte(baitGet)); err != nil {
		t.Fatal(err)
	}
	a.settle(t)
	for _, x := range ways(mine, cons.CachedInfo().Name) { // behind all of that
		publish()
		if _, err := a.nc.Request(x.subject, []byte(x.body), patience); err != nil {
			t.Errorf("%s: %v", x.name, err)
		}
	}
	for _, s := range over(t) {
		t.Errorf("JetStream has published for a host on %s", s)
	}
	if !a.wasRefused("publish with reply of", ack) {
		t.Error("an acknowledgement was taken for a reply subject")
	}
	service, err := jetstream.New(w.ConnectAs(t, api.KindService, names[api.KindService]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.Stream(w.within(t), "KV_mabus_locks"); err != nil {
		t.Errorf("locks: %v", err)
	}
	if _, err := service.Stream(w.within(t), "evil"); err == nil {
		t.Error("a host has made a stream")
	}
}

// consumersAsDeputies has what is stored delivered. What a host may say of a consumer is what concerns pulling.
func (w *world) consumersAsDeputies(t *testing.T) {
	a := w.stores(t)
	over := w.eavesdrop(t)
	if err := a.nc.Publish("$KV.mabus_state.bait.push", []byte(stored)); err != nil {
		t.Fatal(err)
	}
	count := w.countRefusals(t, a.name, api.ReasonNotGranted)
	sent := 0
	for _, target := range targets {
		for _, field := range []string{`"deliver_subject":%q`, `"Deliver_Subject":%q`, `"name":"p","deliver_subject":%q,"deliver_group":"g"`, `"deliver_subject":"","deliver_subject":%q`} {
			body := fmt.Sprintf(`{"stream_name":"KV_mabus_state","config":{"deliver_policy":"all","ack_policy":"none","inactive_threshold":3600000000000,`+field+`}}`, target)
			answer, err := a.nc.Request("$JS.API.CONSUMER.CREATE.KV_mabus_state.p", []byte(body), patience)
			if err != nil || !refused(answer) {
				t.Errorf("a consumer that delivers to %s: %s, %v", target, data(answer), err)
			}
			sent++
		}
	}
	for subject, body := range map[string]string{ // what is not in the way of the host's own streams
		"$JS.API.CONSUMER.DELETE.KV_mabus_agents.events":    "",
		"$JS.API.CONSUMER.CREATE.KV_mabus_agents.events":    `{"stream_name":"KV_mabus_agents","config":{"name":"events"}}`,
		"$JS.API.CONSUMER.CREATE.KV_mabus_agents.x":         `{"stream_name":"KV_mabus_agents","config":{"durable_name":"x"}}`,
		"$JS.API.CONSUMER.CREATE.KV_mabus_agents.y":         `{"stream_name":"KV_mabus_locks","config":{"name":"y"}}`,
		"$JS.API.CONSUMER.CREATE.KV_mabus_state.other.name": `{"stream_name":"KV_mabus_state","config":{"name":"p"}}`,
	} {
		if answer, err := a.nc.Request(subject, []byte(body), patience); err != nil || !refused(answer) {
			t.Errorf("%s %s: %s, %v", subject, body, data(answer), err)
		}
		sent++
	}
	for _, subject := range []string{ // other ways to make one, and that behind the registry
		"$JS.API.CONSUMER.DURABLE.CREATE.KV_mabus_state.p", "$JS.API.CONSUMER.CREATE.KV_mabus_state", "$JS.API.CONSUMER.CREATE.KV_mabus_locks.p", ns + ".consumers.CREATE.KV_mabus_state.p",
	} {
		if err := a.nc.PublishRequest(subject, a.nc.NewInbox(), []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
		a.settle(t)
		if !a.wasRefused("publish", subject) {
			t.Errorf("a host reached %s", subject)
		}
	}
	if got := count(sent); got < sent {
		t.Errorf("%d refusals are told, of %d", got, sent)
	}
	for _, s := range over(t) {
		if !strings.Contains(s, ".consumers.CREATE.") { // on which the requests themselves come
			t.Errorf("JetStream has delivered for a host to %s", s)
		}
	}
}

func refused(answer *nats.Msg) bool {
	var a struct {
		Error *struct{ Code int }
	}
	return answer != nil && json.Unmarshal(answer.Data, &a) == nil && a.Error != nil
}

// agentsAsDeputies has an agent that echoes what it is told say it where it is told to.
func (w *world) agentsAsDeputies(t *testing.T) {
	for _, reply := range []string{targets[0], "$KV.mabus_agents.prey", api.InboxPrefix(victim) + ".x"} {
		for _, kind := range []api.Kind{api.KindAgent, api.KindHost} {
			b := w.attacker(t, kind)
			if err := b.nc.PublishRequest(ns+".as."+b.name+".agent.hosted", reply, []byte(stored)); err != nil {
				t.Fatal(err)
			}
			b.settle(t)
		}
	}
}

func data(msg *nats.Msg) string {
	if msg == nil {
		return ""
	}
	return string(msg.Data)
}
