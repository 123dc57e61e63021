package hostile_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
)

// elsewhere are subjects that are nobody's but the services' and hosts', or another's, by the kinds that may publish there.
func elsewhere() map[string][]api.Kind {
	hosts := []api.Kind{api.KindHost}
	m := map[string][]api.Kind{
		ns + ".agent." + victim:                     nil, // in nobody's name, as services ask in a session's
		ns + ".agent.hosted":                        nil,
		ns + ".capability.echo":                     nil,
		ns + ".all.echo":                            nil,
		ns + ".lb.echo":                             nil,
		ns + ".as." + victim + ".agent.hosted":      nil,
		ns + ".as." + victim + ".capability.echo":   nil,
		ns + ".as." + victim + ".lb.echo":           nil,
		ns + ".as." + victim + ".cancel.x":          nil,
		ns + ".cancel.x":                            nil,
		ns + ".host.h1.ping":                        nil,
		ns + ".host.h1.work.isolate":                nil,
		ns + ".as." + victim + ".host.h1.ping":      nil,
		ns + ".agentctl.nobody.stop":                hosts,
		ns + ".load.h1":                             hosts,
		ns + ".pbft.s":                              hosts,
		ns + ".event.registry.agents.hosted":        nil,
		ns + ".event.economics.security.x":          nil,
		ns + ".event.as." + victim + ".1":           nil,
		ns + ".alert.x":                             nil,
		ns + ".replay.x":                            nil,
		ns + ".log.coordination":                    nil,
		ns + ".task.echo.normal.x":                  nil,
		ns + ".result.-.x":                          nil,
		ns + ".parts.x":                             nil,
		"other.registry.agents.get":                 nil,
		"other.as." + victim + ".registry.agents.x": nil,
		api.InboxPrefix(victim) + ".x":              nil,
		"_INBOX.x":                                  nil,
		"$SRV.PING":                                 {api.KindOperator},
		"$SRV.INFO":                                 {api.KindOperator},
		"$SRV.STATS.mabus-registry":                 {api.KindOperator},
		"$SYS.REQ.SERVER.PING":                      nil,
		"$SYS.REQ.CLAIMS.UPDATE":                    nil,
		"$SYS.REQ.ACCOUNT.PING.CONNZ":               nil,
		"$JS.API.INFO":                              {api.KindOperator},
		"$JS.API.STREAM.LIST":                       {api.KindOperator},
		"$JS.API.STREAM.NAMES":                      {api.KindOperator},
		"$JS.API.ACCOUNT.PURGE.x":                   {api.KindOperator},
	}
	return m
}

// ears are subjects to listen on by the kinds that may.
func ears() map[string][]api.Kind {
	op, hosts, news := []api.Kind{api.KindOperator}, []api.Kind{api.KindHost, api.KindOperator}, []api.Kind{api.KindOperator, api.KindAgent, api.KindObserver}
	return map[string][]api.Kind{
		">": nil, "*": nil, "$SYS.>": nil, "$JS.>": nil, "$JS.API.>": nil, "$KV.>": nil, "$O.>": nil, "$SRV.>": {api.KindHost}, "_INBOX.>": nil, "_ANSWER.>": nil, "_ANSWER.*.>": nil,
		ns + ".>": op, ns + ".as.>": op, ns + ".as." + victim + ".>": op, ns + ".as.*.registry.>": op, ns + ".registry.>": op, ns + ".economics.>": op,
		ns + ".agent." + victim: op, ns + ".as.*.agent." + victim: op,
		ns + ".agent.hosted": hosts, ns + ".as.*.agent.hosted": hosts, ns + ".capability.echo": hosts, ns + ".as.*.capability.echo": hosts, ns + ".all.echo": hosts,
		ns + ".agentctl.*.*": hosts, ns + ".host.h1.>": hosts, ns + ".task.>": op, ns + ".log.>": op,
		ns + ".event.>": news, ns + ".load.*": {api.KindOperator, api.KindAgent, api.KindObserver, api.KindHost},
		api.InboxPrefix(victim) + ".>": nil, api.AnswerPrefix(victim) + ".>": nil, "other.>": nil,
	}
}

// subjects tries what no method stands for.
func (w *world) subjects(t *testing.T) {
	for _, kind := range append(attackers, api.KindOperator) {
		a := w.attacker(t, kind)
		for subject := range elsewhere() {
			if err := a.nc.PublishRequest(subject, api.InboxPrefix(a.name)+".none", nil); err != nil {
				t.Fatal(err)
			}
		}
		for subject := range ears() {
			if _, err := a.nc.SubscribeSync(subject); err != nil {
				t.Fatal(err)
			}
		}
		a.settle(t)
		for subject, may := range elsewhere() {
			if refused := a.wasRefused("publish", subject); refused == slices.Contains(may, kind) {
				t.Errorf("%s published on %s: refused %v", kind, subject, refused)
			}
		}
		for subject, may := range ears() {
			if refused := a.wasRefused("subscription", subject); refused == slices.Contains(may, kind) {
				t.Errorf("%s listened on %s: refused %v", kind, subject, refused)
			}
		}
	}
}

// everyStore tries to read and to change every store, by every way that JetStream has: hosts also from their own account.
func (w *world) everyStore(t *testing.T) {
	reads := func(stream string) []string {
		return []string{
			"$JS.API.STREAM.INFO." + stream, "$JS.API.STREAM.MSG.GET." + stream, "$JS.API.DIRECT.GET." + stream, "$JS.API.CONSUMER.CREATE." + stream,
			"$JS.API.CONSUMER.CREATE." + stream + ".x", "$JS.API.CONSUMER.LIST." + stream, "$JS.API.CONSUMER.MSG.NEXT." + stream + ".x",
			"$JS.API.CONSUMER.MSG.NEXT." + stream + "." + api.OutboxConsumer, "$JS.ACK." + stream + ".x.1.1.1.1.1",
		}
	}
	deletes := func(stream string) []string {
		return []string{
			"$JS.API.STREAM.DELETE." + stream, "$JS.API.STREAM.SNAPSHOT." + stream, "$JS.API.STREAM.RESTORE." + stream, "$JS.API.STREAM.LEADER.STEPDOWN." + stream,
			"$JS.API.STREAM.PEER.REMOVE." + stream,
		}
	}
	all := []*attacker{w.stores(t)}
	for _, kind := range attackers {
		all = append(all, w.attacker(t, kind))
	}
	for i, a := range all {
		kind, host := a.kind, i == 0
		type try struct {
			store   api.Store
			subject string
			allowed bool // hosts may, with some stores
		}
		var tries []try
		for _, s := range api.Stores {
			stream := s.Stream(ns)
			for _, subject := range reads(stream) {
				tries = append(tries, try{s, subject, host && hostsRead(s, subject)})
			}
			for _, subject := range deletes(stream) {
				tries = append(tries, try{s, subject, false})
			}
			for _, subject := range []string{"$JS.API.STREAM.PURGE." + stream, "$JS.API.STREAM.MSG.DELETE." + stream, "$JS.API.STREAM.CREATE." + stream, "$JS.API.STREAM.UPDATE." + stream} {
				if host && (s.Owner == "agenthost" || s.Owner == "shared" || s.Name == "leases") {
					continue // its own, and what every process makes sure of: authz tells, and has a test
				}
				tries = append(tries, try{s, subject, false})
			}
			if s.Kind == api.StoreBucket && !(host && hostsWrite(s)) {
				tries = append(tries, try{s, "$KV." + api.Bucket(ns, s.Name) + ".x", false})
			}
			if s.Kind == api.StoreObjects && !(host && hostsWrite(s)) {
				tries = append(tries, try{s, "$O." + api.Bucket(ns, s.Name) + ".C.x", false})
			}
		}
		for _, x := range tries {
			if !x.allowed { // what hosts may, they do all day
				if err := a.nc.PublishRequest(x.subject, api.InboxPrefix(a.name)+".none", []byte("{}")); err != nil {
					t.Fatal(err)
				}
			}
		}
		a.settle(t)
		for _, x := range tries {
			if !x.allowed && !a.wasRefused("publish", x.subject) {
				t.Errorf("%s reached %s", kind, x.subject)
			}
		}
	}
}

// hostsRead tells whether a host may use a subject to read a store; those below which there are consumers have theirs.
func hostsRead(s api.Store, subject string) bool {
	switch {
	case strings.HasPrefix(subject, "$JS.ACK.") || strings.HasPrefix(subject, "$JS.API.CONSUMER.LIST."):
		return s.Owner == "agenthost"
	case strings.HasPrefix(subject, "$JS.API.STREAM.INFO."):
		return hostsWrite(s) || slices.Contains(hostsSee, s.Name) || s.Name == "events"
	case strings.HasSuffix(subject, "."+api.OutboxConsumer): // what is taken from there and not acknowledged, no event tells of
		return s.Owner == "agenthost"
	case strings.HasPrefix(subject, "$JS.API.CONSUMER."):
		return (hostsWrite(s) || slices.Contains(hostsSee, s.Name)) && s.Kind != api.StoreObjects && strings.HasSuffix(subject, ".x")
	default:
		return hostsWrite(s) || slices.Contains(hostsSee, s.Name)
	}
}

var hostsSee = []string{"agents", "hosts", "config"}

func hostsWrite(s api.Store) bool {
	return s.Owner == "agenthost" || slices.Contains([]string{"requests", "blobs", "leases"}, s.Name)
}

// floods sends what is too much and what is no message at all. Others are answered meanwhile, and afterwards.
func (w *world) floods(t *testing.T) {
	a := w.attacker(t, api.KindAgent)
	bodies := [][]byte{
		nil, []byte("{"), []byte("[[["), []byte("null"), []byte(`{"id":`), []byte(strings.Repeat("[", 100_000)), []byte(`{"id":"` + strings.Repeat("x", 500_000) + `"}`),
		{0xff, 0xfe, 0},
		[]byte(`{"id":"a","id":"b"}`), []byte(strings.Repeat(`{"a":`, 50_000)),
	}
	for n := range 5_000 {
		subject := []string{"$SRV.PING", "$SRV.INFO", ns + ".as.alice.registry.no.method", ns + ".as.alice.registry.agents.get"}[n%4]
		if err := a.nc.PublishRequest(subject, api.AnswerPrefix(a.name)+".flood", []byte(`{"id":"hosted"}`)); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range api.Methods {
		if !d.GrantedTo(a.kind) {
			continue
		}
		for _, body := range bodies[:5] {
			if err := a.nc.PublishRequest(api.As(ns, a.name, api.MethodSubject(ns, d.Service, d.Noun, d.Verb)), api.AnswerPrefix(a.name)+".junk", body); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, body := range bodies {
		for _, subject := range []string{"registry.agents.get", "economics.accounts.get", "perfmon.deltas.add", "agent.hosted", "lb.echo"} {
			if err := a.nc.PublishRequest(ns+".as.alice."+subject, api.AnswerPrefix(a.name)+".junk", body); err != nil {
				t.Fatal(err)
			}
		}
	}
	honest := w.client(t, api.KindAgent, victim)
	for range 20 {
		if _, err := honest.Agents.Get(w.within(t), api.GetRequest{ID: "hosted"}); err != nil && api.CodeOf(err) != api.Overloaded {
			t.Errorf("%s is not answered: %v", victim, err)
		}
	}
	a.settle(t)
	// Larger than the server takes at all: the connection ends, and nothing else.
	huge := w.attacker(t, api.KindAgent)
	if err := huge.nc.Publish(ns+".as.alice.registry.agents.get", make([]byte, 2*huge.nc.MaxPayload())); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("%v", err)
	}
	if answer, err := honest.Call(w.within(t), "hosted", map[string]int{"n": 1}); err != nil || string(answer) != `{"n":1}` {
		t.Errorf("%s, %v", answer, err)
	}
}
