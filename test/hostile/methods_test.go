package hostile_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// nonsense is the body of every attempt: no method takes it, so that whatever gets as far as a service changes nothing there.
var nonsense = []byte(`{"hostile":true}`)

func TestHostile(t *testing.T) {
	w := newWorld(t)
	t.Run("events", w.events)
	t.Run("owners", w.owners)
	t.Run("as itself", w.asItself)
	t.Run("as another", w.asAnother)
	t.Run("for another's inbox", w.forAnother)
	t.Run("subjects", w.subjects)
	t.Run("stores", w.everyStore)
	t.Run("deputies", w.deputies)
	t.Run("floods", w.floods)
}

// attackers are the kinds that the server does not trust. A service may do anything in its namespace, and an operator anything in its name.
var attackers = []api.Kind{api.KindHost, api.KindAgent, api.KindObserver}

// asItself asks every method in its own name: what is granted is answered, and the rest gets no further than the server.
func (w *world) asItself(t *testing.T) {
	for _, kind := range append(attackers, api.KindOperator) {
		a := w.attacker(t, kind)
		answers := a.ask(t, func(d api.Descriptor) string {
			return api.As(ns, a.name, api.MethodSubject(ns, d.Service, d.Noun, d.Verb))
		})
		for _, d := range api.Methods {
			subject := api.As(ns, a.name, api.MethodSubject(ns, d.Service, d.Noun, d.Verb))
			answer, refused := answers[d.Name()], a.wasRefused("publish", subject)
			switch {
			case d.GrantedTo(kind) && refused:
				t.Errorf("%s is granted %s, and NATS refuses it", kind, d.Name())
			case d.GrantedTo(kind) && (answer == nil || answer.Header.Get(api.HeaderErrorCode) != string(api.Invalid)):
				t.Errorf("%s asked %s and got %v", kind, d.Name(), answer)
			case !d.GrantedTo(kind) && (answer != nil || !refused):
				t.Errorf("%s is not granted %s: refused %v, answer %v", kind, d.Name(), refused, answer)
			}
		}
	}
}

// asAnother asks every method in the names of others who have credentials, and in nobody's.
func (w *world) asAnother(t *testing.T) {
	for _, kind := range append(attackers, api.KindOperator) {
		a := w.attacker(t, kind)
		for _, other := range []string{victim, "op", "mabus", ""} {
			if other == a.name {
				continue
			}
			at := func(d api.Descriptor) string {
				return api.As(ns, other, api.MethodSubject(ns, d.Service, d.Noun, d.Verb))
			}
			answers := a.ask(t, at)
			for _, d := range api.Methods {
				if !a.wasRefused("publish", at(d)) || answers[d.Name()] != nil {
					t.Errorf("%s asked %s as %q: %v", kind, d.Name(), other, answers[d.Name()])
				}
			}
		}
	}
}

// ask publishes a request to every method, and returns the answers by the names of the methods, once the server has had its say and all who
// were asked have answered.
func (a *attacker) ask(t *testing.T, subject func(d api.Descriptor) string) map[string]*nats.Msg {
	t.Helper()
	prefix := api.AnswerPrefix(a.name) + "." + nats.NewInbox()[len("_INBOX."):] + "."
	sub, err := a.nc.SubscribeSync(prefix + "*")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	for i, d := range api.Methods {
		if err := a.nc.PublishRequest(subject(d), prefix+strconv.Itoa(i), nonsense); err != nil {
			t.Fatal(err)
		}
	}
	a.settle(t)
	want := 0
	for _, d := range api.Methods {
		if !a.wasRefused("publish", subject(d)) {
			want++
		}
	}
	answers := map[string]*nats.Msg{}
	for len(answers) < want {
		msg, err := sub.NextMsg(patience)
		if err != nil {
			t.Errorf("%s: %d of %d answers: %v", a.kind, len(answers), want, err)
			break
		}
		i, err := strconv.Atoi(msg.Subject[len(prefix):])
		if err != nil {
			t.Fatal(err)
		}
		answers[api.Methods[i].Name()] = msg
	}
	return answers
}

// forAnother asks for answers that go to somebody else. Nothing arrives there, and as many are counted as were sent.
func (w *world) forAnother(t *testing.T) {
	bob := w.ConnectAs(t, api.KindAgent, victim)
	var heard []*nats.Subscription
	for _, subject := range []string{api.InboxPrefix(victim) + ".>", api.AnswerPrefix(victim) + ".>"} {
		sub, err := bob.SubscribeSync(subject)
		if err != nil {
			t.Fatal(err)
		}
		heard = append(heard, sub)
	}
	if err := bob.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	a := w.attacker(t, api.KindAgent)
	count := w.countRefusals(t, a.name, api.ReasonForeignReply)
	sent := 0
	for _, d := range api.Methods {
		if !d.GrantedTo(a.kind) {
			continue
		}
		for _, reply := range []string{api.InboxPrefix(victim) + ".1", api.AnswerPrefix(victim) + ".x.1", ns + ".as." + victim + ".agent.hosted", "$KV.mabus_agents.hosted"} {
			if err := a.nc.PublishRequest(api.As(ns, a.name, api.MethodSubject(ns, d.Service, d.Noun, d.Verb)), reply, nonsense); err != nil {
				t.Fatal(err)
			}
			if d.Service != "setting" { // which every process answers, and none counts
				sent++
			}
		}
	}
	for _, subject := range []string{"agent.hosted", "capability.echo", "all.echo", "lb.echo", "host.h1.ping"} {
		for _, reply := range []string{api.InboxPrefix(victim) + ".1", api.AnswerPrefix(victim) + ".x.1"} {
			if err := a.nc.PublishRequest(ns+".as."+a.name+"."+subject, reply, nonsense); err != nil {
				t.Fatal(err)
			}
			sent++
		}
	}
	a.settle(t)
	if got := count(sent); got != sent {
		t.Errorf("%d refusals were counted, want %d", got, sent)
	}
	if _, err := w.op.Call(w.within(t), "hosted", nil); err != nil { // behind all of that
		t.Error(err)
	}
	for _, sub := range heard {
		if msg, err := sub.NextMsg(time.Millisecond); err == nil {
			t.Errorf("%s heard %s on %s", victim, msg.Data, msg.Subject)
		}
	}
}

// countRefusals begins to add up the events of refusals to a principal for a reason, those that were left out included. The function that it
// returns waits for as many.
func (w *world) countRefusals(t *testing.T, principal, reason string) func(want int) int {
	t.Helper()
	sub, err := w.op.Conn().NC.SubscribeSync(api.EventSubject(ns, "*", "security", principal))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.op.Conn().NC.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	return func(want int) (total int) {
		defer func() { _ = sub.Unsubscribe() }()
		heard := map[string]bool{}
		for total < want {
			msg, err := sub.NextMsg(patience)
			if err != nil {
				return total
			}
			var e api.Event
			var r api.Refusal
			if err := codec.Read(msg.Data, &e); err != nil {
				t.Error(err)
			}
			if heard[e.ID] { // it is sent again if it was not heard of in time that it is stored, and stored once
				continue
			}
			heard[e.ID] = true
			if err := codec.Read(e.Data, &r); err != nil || e.Type != api.EventRefused || e.Principal != principal {
				t.Errorf("%+v, %v", e, err)
			}
			if r.Reason == reason {
				total += r.Count
			}
			total += r.LeftOut
		}
		return total
	}
}
