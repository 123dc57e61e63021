package authz

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// access is what hosts may do with a store. Making one or changing its configuration is not among it: that could have a stream record, or
// publish again, all that is said in the account. Services make the stores of hosts.
type access int

const (
	none  access = iota
	tell         // add to it
	read         // look at what is there
	write        // and change single entries
	purge        // and take away many at once
)

// hostAccess is what hosts may do with each store. Their own are those of the service agenthost.
func hostAccess(s api.Store) access {
	switch {
	case s.Owner == "agenthost":
		return purge
	case s.Name == "events":
		return tell
	case s.Name == "requests" || s.Name == "blobs" || s.Name == "leases":
		return write
	case s.Name == "agents" || s.Name == "hosts" || s.Name == "config": // secrets they ask the registry for, one by one
		return read
	default:
		return none
	}
}

// Crossing is what the account of a namespace takes from that of its hosts: what they publish on Local arrives as if it were published on
// Subject, and the server puts a reply subject of its own, which leads back into the account of the hosts, in the place of theirs.
type Crossing struct {
	Local, Subject string
	// Many says that there are many answers to one request. The server remembers such a request until none has come for as long as Quiet,
	// and forgets it at most as long again after that; one that has one answer until that is there.
	Many  bool
	Quiet time.Duration
	// Named has the server say in a header who it is that asks.
	Named bool
}

// How long a pull may be without a message or a heartbeat. A pull from the queues of tasks is answered at once, and there are thousands of
// them in a second.
const (
	pullQuiet = 40 * time.Second // a pull may last for 30 s
	taskQuiet = 5 * time.Second
)

const jsAPI = "$JS.API."

// Crossings are how the hosts of a namespace use its stores: all that they may publish there. With nothing but this, JetStream is no deputy
// of theirs: its answers never are published in the account where what is published counts.
func Crossings(ns string) []Crossing {
	// Without an import that covers it, the server would answer all of $JS.API in the hosts' account itself.
	out := []Crossing{same(jsAPI + "INFO")}
	for _, s := range api.Stores {
		out = append(out, crossings(ns, s, hostAccess(s))...)
	}
	for _, subject := range taskSubjects(ns) {
		out = append(out, same(subject))
	}
	return append(out, same(ns+".event.agenthost.>"))
}

func same(subject string) Crossing { return Crossing{Local: subject, Subject: subject} }

func crossings(ns string, s api.Store, a access) []Crossing {
	if a == none {
		return nil
	}
	stream, own := s.Stream(ns), s.Owner == "agenthost"
	out := []Crossing{same(jsAPI + "STREAM.INFO." + stream)}
	if a == tell {
		return out
	}
	out = append(out, same(jsAPI+"STREAM.MSG.GET."+stream), same(jsAPI+"DIRECT.GET."+stream), same(jsAPI+"DIRECT.GET."+stream+".>"))
	if s.Kind != api.StoreObjects { // whose chunks are got one by one
		out = append(out, consumers(ns, s)...)
	}
	if own {
		out = append(out, same(jsAPI+"CONSUMER.LIST."+stream), same("$JS.ACK."+stream+".>"))
	}
	if a >= write {
		switch s.Kind {
		case api.StoreBucket:
			out = append(out, same("$KV."+api.Bucket(ns, s.Name)+".>"))
		case api.StoreObjects: // an object is taken away by purging its chunks
			out = append(out, same("$O."+api.Bucket(ns, s.Name)+".>"), same(jsAPI+"STREAM.PURGE."+stream))
		}
	}
	if a >= purge {
		out = append(out, same(jsAPI+"STREAM.PURGE."+stream), same(jsAPI+"STREAM.MSG.DELETE."+stream))
	}
	return out
}

// consumers are how hosts read a stream. A consumer can name a subject to deliver to, which would be one of the namespace's account, and
// NATS cannot tell by the subject of the request: so the registry makes the consumers of hosts (api.HostConsumerSubject).
func consumers(ns string, s api.Store) []Crossing {
	stream, quiet := s.Stream(ns), pullQuiet
	if s.Name == "tasks" {
		quiet = taskQuiet
	}
	gate := api.HostConsumerSubject(ns, "")
	return []Crossing{
		{Local: jsAPI + "CONSUMER.CREATE." + stream + ".>", Subject: gate + "CREATE." + stream + ".>", Named: true},
		{Local: jsAPI + "CONSUMER.DELETE." + stream + ".*", Subject: gate + "DELETE." + stream + ".*", Named: true},
		same(jsAPI + "CONSUMER.INFO." + stream + ".*"),
		{Local: jsAPI + "CONSUMER.MSG.NEXT." + stream + ".*", Subject: jsAPI + "CONSUMER.MSG.NEXT." + stream + ".*", Many: true, Quiet: quiet},
	}
}

// Stores are the permissions of hosts in their own account, from which they use stores.
func Stores(ns string) Permissions {
	p := Permissions{Subscribe: Rules{Allow: []string{api.InboxPrefix(name) + ".>"}}}
	for _, c := range Crossings(ns) {
		p.Publish.Allow = append(p.Publish.Allow, c.Local)
	}
	for _, s := range api.Stores { // what is pulled and not acknowledged does not come to whom the outbox belongs
		if own, ok := readable(ns, s.Stream(ns)); ok && !own {
			p.Publish.Deny = append(p.Publish.Deny, jsAPI+"CONSUMER.MSG.NEXT."+s.Stream(ns)+"."+api.OutboxConsumer)
		}
	}
	return p
}

// taskSubjects are those of streams where hosts put tasks and what becomes of them (services/agenthost/tasks).
func taskSubjects(ns string) []string {
	return []string{ns + ".task.*.*.*", ns + ".deadline.*.*.*", ns + ".result.*.*", ns + ".parts.*", ns + ".checkpoint.*", ns + ".questions.*"}
}
