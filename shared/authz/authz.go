// Package authz holds the pure rules of who may publish and subscribe to what in strict mode: the NATS permissions of each kind of
// principal, made of the method table (api.Methods) and the stores (api.Stores).
//
// The permissions are templates for a scoped signing key: {{name()}} stands for the user's name, which is the principal, and
// {{tag(cap)}} for each capability that its credentials name.
//
// Nobody has NATS' own "allow responses". It lets a client publish on the reply subject of whatever it is sent, also where its
// permissions deny it, and the sender chooses that subject: a client that can send itself a message could publish anywhere. Answers
// of agents and hosts go to the asker's answer subjects instead (api.AnswerPrefix), whose last token cannot be guessed.
package authz

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Rules are patterns of subjects as NATS has them. Without a pattern in Allow everything is allowed that is not denied.
type Rules struct {
	Allow []string `json:"allow,omitempty"`
	Deny  []string `json:"deny,omitempty"`
}

// Permissions are what one kind of principal may publish and subscribe to.
type Permissions struct {
	Publish   Rules `json:"publish"`
	Subscribe Rules `json:"subscribe"`
}

// Principal is somebody with credentials of his own.
type Principal struct {
	Name string
	Kind api.Kind
}

// The parts of a template that NATS fills in.
const (
	name       = "{{name()}}"
	capability = "{{tag(" + CapabilityTag + ")}}"
)

// The keys of tags in credentials, which are written <key>:<value>.
const (
	CapabilityTag = "cap"  // a capability under which an agent outside of hosts may be reached
	KindTag       = "kind" // the kind, for the SDK; what is granted goes by the signing key
)

// StoresLabel names the part of a host's credentials file that holds the JWT for the hosts' account.
const StoresLabel = "MABUS STORES JWT"

// Reserved are names in which no host acts, whether they have credentials or not: of services, and of who runs the economy, unless they
// are told otherwise.
var Reserved = []string{"mabus", "operator"}

// Hosts is the name in which every host holds money for what is spent on budgets. Only hosts may have credentials of this name: anybody else would
// have the money, and no host could act in the name any more.
const Hosts = "agenthost"

// For returns the permissions of a kind in a namespace, which has an account of its own. Named are all principals of the namespace that
// have credentials, or had some: hosts may act in nobody's name who has.
func For(kind api.Kind, namespace string, named []Principal) Permissions {
	switch kind {
	case api.KindService:
		return Permissions{} // the account is the namespace's own, and it is theirs: they hold its stores and pass on what others ask
	case api.KindOperator:
		return operator(namespace)
	case api.KindHost:
		return host(namespace, named)
	case api.KindAgent:
		return agent(namespace)
	case api.KindObserver:
		return observer(namespace)
	default:
		return Permissions{Publish: Rules{Deny: []string{">"}}, Subscribe: Rules{Deny: []string{">"}}}
	}
}

// own are the subjects on which a principal hears answers.
func own() []string {
	return []string{api.InboxPrefix(name) + ".>", api.AnswerPrefix(name) + ".>"}
}

// answers is where those who answer messages, or read what is sent in parts, publish.
func answers() string { return api.AnswerPrefix("*") + ".>" }

// messages are the ways in which a principal reaches agents.
func messages(as string) []string {
	return []string{as + ".agent.*", as + ".capability.*", as + ".all.*", as + ".lb.*"}
}

func operator(ns string) Permissions {
	as := ns + ".as." + name
	return Permissions{
		Publish: Rules{Allow: append([]string{
			as + ".>", api.LoadRequestSubject(ns), answers(), "$SRV.>",
		}, everyStore()...)},
		Subscribe: Rules{Allow: append(own(), ns+".>", "$JS.EVENT.>", "$JS.SNAPSHOT.>")},
	}
}

// everyStore is the whole of JetStream in the account. It is not for $JS.API to be subscribed to: that would be to hear what others ask.
func everyStore() []string {
	return []string{"$JS.API.>", "$JS.ACK.>", "$JS.FC.>", "$JS.SNAPSHOT.>", "$KV.>", "$O.>"}
}

// host is without stores, which hosts use from an account of their own (Crossings), and without any subject that a stream records: JetStream
// acknowledges what it has recorded on the reply subject that the sender names.
func host(ns string, named []Principal) Permissions {
	as := ns + ".as.*"
	p := Permissions{
		Publish: Rules{Allow: slices.Concat(
			methods(as, api.KindHost), messages(as), []string{
				as + ".cancel.*", as + ".host.*.>",
				ns + ".agentctl.*.*", ns + ".load.*", ns + ".pbft.*", ns + ".running.*", ns + ".task_ready.*", answers(),
			},
		)},
		Subscribe: Rules{Allow: append(own(),
			ns+".agent.*", as+".agent.*", ns+".capability.*", as+".capability.*", ns+".all.*", as+".all.*",
			ns+".agenthost.*.*", as+".agenthost.>", ns+".host.*.>", as+".host.*.>", ns+".agentctl.*.*", ns+".cancel.*", as+".cancel.*",
			ns+".load.*", as+".load.*", ns+".setting.*.*", as+".setting.*.*", ns+".pbft.*", ns+".running.*", ns+".task_ready.*", ns+".result.*.*", "$SRV.>",
		)},
	}
	for _, n := range Reserved {
		p.Publish.Deny = append(p.Publish.Deny, ns+".as."+n+".>")
	}
	for _, n := range named {
		if n.Kind == api.KindHost {
			continue // a host is one too, and a denial goes before its own right
		}
		p.Publish.Deny = append(p.Publish.Deny, ns+".as."+n.Name+".>")
		if n.Kind == api.KindAgent {
			p.Subscribe.Deny = append(p.Subscribe.Deny, ns+".agent."+n.Name, as+".agent."+n.Name)
		}
	}
	for _, list := range []*[]string{&p.Publish.Deny, &p.Subscribe.Deny} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return p
}

// agent is for agents and programs outside of hosts.
func agent(ns string) Permissions {
	as := ns + ".as." + name
	return Permissions{
		Publish: Rules{Allow: slices.Concat(
			methods(as, api.KindAgent), messages(as), []string{as + ".host.*.ping", as + ".cancel.*", api.LoadRequestSubject(ns), answers()},
		)},
		Subscribe: Rules{Allow: slices.Concat(own(), news(ns), []string{
			ns + ".agent." + name, ns + ".as.*.agent." + name,
			ns + ".capability." + capability, ns + ".as.*.capability." + capability,
			ns + ".all." + capability, ns + ".as.*.all." + capability,
			ns + ".cancel.*", ns + ".as.*.cancel.*",
		})},
	}
}

func observer(ns string) Permissions {
	as := ns + ".as." + name
	return Permissions{
		Publish:   Rules{Allow: append(methods(as, api.KindObserver), as+".cancel.*", api.LoadRequestSubject(ns))},
		Subscribe: Rules{Allow: append(own(), news(ns)...)},
	}
}

// news is what is told to everybody: what events.query and hosts.list answer whoever may only look.
func news(ns string) []string {
	return []string{ns + ".event.>", ns + ".alert.>", ns + ".load.*"}
}
