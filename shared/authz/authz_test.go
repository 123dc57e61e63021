package authz_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/authz"
)

// Which methods a kind is granted has its golden file with the table (shared/api), so here they are one line.
var method = regexp.MustCompile(`^mabus\.as\.[^.]+\.(registry|agenthost|coordination|economics|perfmon|loadbalancer|setting)\.[^>]*$`)

const granted = "  <the methods that are granted to the kind>\n"

var update = flag.Bool("update", false, "write the golden files")

var named = []authz.Principal{
	{Name: "ops", Kind: api.KindOperator},
	{Name: "svc", Kind: api.KindService},
	{Name: "h1", Kind: api.KindHost},
	{Name: "h2", Kind: api.KindHost},
	{Name: "ann", Kind: api.KindAgent},
	{Name: "ann2", Kind: api.KindAgent},
	{Name: "eye", Kind: api.KindObserver},
}

// restricted are the kinds that have permissions at all.
var restricted = []api.Kind{api.KindOperator, api.KindHost, api.KindAgent, api.KindObserver}

func TestPermissionsAreAsWrittenDown(t *testing.T) {
	all := map[string]authz.Permissions{"host_stores": authz.Stores("mabus")} // of hosts, in their own account
	for _, kind := range api.Kinds {
		all[string(kind)] = authz.For(kind, "mabus", named)
	}
	for kind, p := range all {
		var b bytes.Buffer
		for _, part := range []struct {
			title string
			list  []string
		}{{"publish", p.Publish.Allow}, {"never publish", p.Publish.Deny}, {"subscribe", p.Subscribe.Allow}, {"never hear", p.Subscribe.Deny}} {
			fmt.Fprintf(&b, "%s:\n", part.title)
			if len(part.list) == 0 && !strings.HasPrefix(part.title, "never") {
				b.WriteString("  everything in the account\n")
			}
			for _, s := range part.list {
				if method.MatchString(s) {
					if !strings.HasSuffix(b.String(), granted) {
						b.WriteString(granted)
					}
					continue
				}
				fmt.Fprintf(&b, "  %s\n", s)
			}
		}
		path := filepath.Join("testdata", kind+".txt")
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("the permissions of kind %s differ from %s: look at the change, then run the test with -update\n%s", kind, path, b.String())
		}
	}
}

// Every method is for exactly the kinds that it is granted to, in the asker's own name and in no other form.
func TestMethodsAreForWhomTheyAreGranted(t *testing.T) {
	for _, kind := range restricted {
		self := map[api.Kind]string{api.KindOperator: "ops", api.KindHost: "h1", api.KindAgent: "ann", api.KindObserver: "eye"}[kind]
		p := authz.For(kind, "mabus", named).As(self)
		for _, d := range api.Methods {
			plain := api.MethodSubject("mabus", d.Service, d.Noun, d.Verb)
			may := func(as string) bool { return p.Publish.Permit(api.As("mabus", as, plain)) }
			if got, want := may(self), d.GrantedTo(kind); got != want {
				t.Errorf("%s as %s itself: %v, want %v", d.Name(), kind, got, want)
			}
			for _, other := range named {
				if other.Name != self && other.Kind != api.KindHost && may(other.Name) {
					t.Errorf("%s: %s speaks as %s", d.Name(), kind, other.Name)
				}
			}
			if got, want := may("agent-of-a-host"), kind == api.KindHost && d.GrantedTo(kind); got != want {
				t.Errorf("%s in the name of an agent without credentials: %s %v, want %v", d.Name(), kind, got, want)
			}
			if p.Publish.Permit(plain) {
				t.Errorf("%s: %s asks in nobody's name", d.Name(), kind)
			}
			for _, alike := range []string{plain + "x", plain + ".x", strings.TrimSuffix(plain, d.Verb) + "none-such", "mabus2" + strings.TrimPrefix(plain, "mabus")} {
				if _, rest, _ := strings.Cut(alike, "."); authz.Match(d.Service+".*.*", rest) && whole(d.Service, d.Noun, kind) {
					continue // the noun is granted whole
				}
				if kind != api.KindOperator && p.Publish.Permit(api.As(strings.SplitN(alike, ".", 2)[0], self, alike)) {
					t.Errorf("%s may ask on %s", kind, alike)
				}
			}
			if p.Subscribe.PermitAll(plain) && kind != api.KindOperator && (kind != api.KindHost || d.Service != "agenthost" && d.Service != "setting") {
				t.Errorf("%s hears what others ask of %s", kind, d.Name())
			}
		}
	}
}

// whole tells whether a noun is granted to a kind with all its verbs.
func whole(service, noun string, kind api.Kind) bool {
	return !slices.ContainsFunc(api.Methods, func(d api.Descriptor) bool {
		return d.Service == service && d.Noun == noun && !d.GrantedTo(kind)
	})
}

func TestNobodyReachesWhatIsAnothers(t *testing.T) {
	id := rapid.OneOf(rapid.SampledFrom([]string{"ann", "ann2", "eye", "ops", "svc", "h1", "x"}), rapid.StringMatching(`[A-Za-z0-9_-]{1,12}`))
	// What is asked in a name is given below: a tail that begins so may by chance be in one's own, or for a host in nobody's.
	tails := rapid.StringMatching(`[a-z]{1,4}(\.[a-z*]{1,4}){0,3}`).Filter(func(s string) bool { return !strings.HasPrefix(s, "as.") })
	rapid.Check(t, func(t *rapid.T) {
		self, other, tail := id.Draw(t, "self"), id.Draw(t, "other"), tails.Draw(t, "tail")
		if self == other {
			t.Skip("another is drawn: nobody is kept from what is his own")
		}
		who := append(slices.Clone(named), authz.Principal{Name: other, Kind: api.KindAgent})
		for _, kind := range restricted {
			p := authz.For(kind, "mabus", who).As(self, "sum")
			publish := []string{api.InboxPrefix(other) + "." + tail, api.InboxPrefix(self) + "." + tail, "mabus." + tail, "other.as." + self + "." + tail, "$SYS." + tail}
			hear := []string{api.InboxPrefix(other) + "." + tail, api.AnswerPrefix(other) + "." + tail, "_INBOX_*." + tail, "_INBOX.>", ">", "*.>", "other.>", "$SYS.>", "$JS.API.>", "$KV.>", "$JS.>"}
			if kind != api.KindHost {
				publish = append(publish, "mabus.as."+other+"."+tail, "mabus.as."+other+".agent."+self, "mabus.agent."+other)
			} else {
				publish = append(publish, "mabus.as."+other+".agent.x", "mabus.as."+other+".registry.agents.get")
			}
			if kind == api.KindAgent || kind == api.KindObserver {
				publish = append(publish, "$JS.API."+tail, "$KV.mabus_"+tail, "$O.mabus_"+tail, "$JS.ACK."+tail, "$SRV."+tail, "mabus.task."+tail, "mabus.event."+tail, "mabus.result."+tail, "mabus.log."+tail)
				hear = append(hear, "mabus.>", "mabus.as.>", "mabus.as.*.agent.*", "mabus.as.*.agent."+other, "mabus.agent."+other, "mabus.capability.other", "mabus.as."+other+".>", "mabus.log.>", "mabus.task.>", "$SRV.>")
			}
			for _, s := range publish {
				if !strings.Contains(s, "*") && p.Publish.Permit(s) && !known(kind, s) {
					t.Fatalf("%s %s may publish on %s", kind, self, s)
				}
			}
			for _, s := range hear {
				if p.Subscribe.PermitAll(s) {
					t.Fatalf("%s %s may subscribe to %s", kind, self, s)
				}
			}
		}
		host := authz.For(api.KindHost, "mabus", who).As("h1")
		for _, s := range []string{"mabus.agent." + other, "mabus.as.x.agent." + other} {
			if host.Subscribe.Permit(s) {
				t.Fatalf("a host hears what is sent to %s, who has credentials", other)
			}
		}
	})
}

// known are subjects that a random tail may hit: a host's own, and the request for loads.
func known(kind api.Kind, s string) bool {
	if s == "mabus.load.request" {
		return true
	}
	for _, p := range []string{"mabus.agentctl.*.*", "mabus.load.*", "mabus.pbft.*", "mabus.running.*", "mabus.parts.*"} {
		if kind == api.KindHost && authz.Match(p, s) {
			return true
		}
	}
	return false
}

func TestStoresAreForWhomTheyAre(t *testing.T) {
	host, messages := authz.Stores("mabus").As("h1"), authz.For(api.KindHost, "mabus", named).As("h1")
	for _, s := range api.Stores {
		stream := s.Stream("mabus")
		for _, subject := range []string{"$JS.API.STREAM.INFO." + stream, "$JS.API.DIRECT.GET." + stream, "$JS.ACK." + stream + ".x.1.1.1.1.1", "$KV." + api.Bucket("mabus", s.Name) + ".x"} {
			if messages.Publish.Permit(subject) {
				t.Errorf("in the account of the namespace a host may publish on %s", subject)
			}
		}
		for _, verb := range []string{"CREATE", "UPDATE", "DELETE", "SNAPSHOT", "RESTORE"} {
			if host.Publish.Permit("$JS.API.STREAM." + verb + "." + stream) {
				t.Errorf("a host may %s %s", verb, stream)
			}
		}
		private := s.Owner == "economics" || s.Owner == "coordination" || s.Owner == "perfmon" || s.Name == "secret_keys"
		if private && host.Publish.Permit("$JS.API.STREAM.MSG.GET."+stream) {
			t.Errorf("a host may read %s", stream)
		}
		if s.Kind == api.StoreBucket && s.Owner == "registry" && s.Name != "leases" && host.Publish.Permit("$KV."+api.Bucket("mabus", s.Name)+".x") {
			t.Errorf("a host may write %s", stream)
		}
		if own := s.Owner == "agenthost"; own != host.Publish.Permit("$JS.ACK."+stream+".x.1.1.1.1.1") {
			t.Errorf("a host acknowledges what comes out of %s: %v", stream, !own)
		}
		if !authz.For(api.KindOperator, "mabus", named).As("ops").Publish.Permit("$JS.API.STREAM.INFO." + stream) {
			t.Errorf("an operator may not look at %s", stream)
		}
	}
}

func TestNoHostSpeaksForTheSystem(t *testing.T) {
	host := authz.For(api.KindHost, "mabus", nil).As("h1")
	for _, name := range authz.Reserved {
		if host.Publish.Permit("mabus.as." + name + ".economics.accounts.mint") {
			t.Errorf("a host speaks as %s, who has no credentials", name)
		}
	}
	if !host.Publish.Permit("mabus.as.worker.registry.agents.get") {
		t.Error("a host does not speak for its agents")
	}
}

func TestAnUnknownKindMayNothing(t *testing.T) {
	p := authz.For("king", "mabus", named).As("x")
	if p.Publish.Permit("mabus.as.x.registry.agents.list") || p.Subscribe.PermitAll("_INBOX_x.>") {
		t.Error("a kind that there is not is let do something")
	}
}
