package api_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
)

func TestTheMethodTable(t *testing.T) {
	subjects := map[string]bool{}
	for _, d := range api.Methods {
		subject := api.MethodSubject("mabus", d.Service, d.Noun, d.Verb)
		if subjects[subject] {
			t.Errorf("%s is in the table twice", subject)
		}
		subjects[subject] = true
		for _, token := range []string{d.Service, d.Noun, d.Verb} {
			if !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(token) {
				t.Errorf("%s: the token %q", subject, token)
			}
		}
		if slices.Contains([]string{"as", "agent", "capability", "all", "host", "event", "alert", "task", "result", "parts", "cancel"}, d.Service) {
			t.Errorf("%s takes the place of another kind of subject", subject)
		}
		if !strings.HasSuffix(d.Doc, ".") {
			t.Errorf("%s: the doc %q is no sentence", subject, d.Doc)
		}
		if d.Request != reflect.TypeFor[api.Empty]() && !reflect.PointerTo(d.Request).Implements(reflect.TypeFor[api.Validator]()) {
			t.Errorf("%s: nothing checks %s", subject, d.Request)
		}
	}
}

// Every Method variable of the package must be in the table, or no client would know of it.
func TestTheMethodTableIsComplete(t *testing.T) {
	variables := 0
	for _, file := range parse(t, "agent_methods.go", "host.go", "lease.go", "agenthost.go", "task.go", "task_parts.go", "guard.go", "usage.go", "isolation.go", "lock.go", "primitive.go", "supervision.go", "session_methods.go", "variable_methods.go",
		"econ_ledger_methods.go", "econ_auction_methods.go", "econ_contract_methods.go", "econ_tender_methods.go", "econ_bazaar_methods.go", "econ_reputation_methods.go",
		"econ_market_methods.go", "econ_pricing_methods.go", "econ_risk_methods.go",
		"perf_methods.go", "alert_methods.go", "eventstore_methods.go", "balance_methods.go", "self_methods.go", "config_methods.go", "secret_methods.go", "admin_methods.go", "rules_methods.go") {
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok {
				if generic, ok := lit.Type.(*ast.IndexListExpr); ok {
					if id, ok := generic.X.(*ast.Ident); ok && id.Name == "Method" {
						variables++
					}
				}
			}
			return true
		})
	}
	if variables != len(api.Methods) {
		t.Errorf("%d methods are declared, %d are in the table", variables, len(api.Methods))
	}
}

func parse(t *testing.T, names ...string) []*ast.File {
	t.Helper()
	files := make([]*ast.File, len(names))
	for i, name := range names {
		var err error
		if files[i], err = parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestReasonsAreUniqueAndNameACode(t *testing.T) {
	seen := map[string]string{}
	ast.Inspect(parse(t, "error.go")[0], func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		name := spec.Names[0].Name
		lit, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			t.Fatalf("%s is no literal", name)
		}
		value, err := strconv.Unquote(lit.Value)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[value]; ok {
			t.Errorf("%s and %s are both %q", name, other, value)
		}
		seen[value] = name
		if !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(value) {
			t.Errorf("%s is %q", name, value)
		}
		if spec.Comment.Text() == "" {
			t.Errorf("%s does not say with which code it comes", name)
		}
		return true
	})
	if len(seen) < 30 {
		t.Errorf("only %d reasons were found", len(seen))
	}
	if codes := slices.Compact(slices.Sorted(slices.Values(api.Codes))); len(codes) != len(api.Codes) || len(codes) != 14 {
		t.Errorf("the closed set has %d codes, %d of them different", len(api.Codes), len(codes))
	}
}

func TestValidIDIsItsPattern(t *testing.T) {
	pattern := regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Za-z0-9_-]{0,70}`), rapid.StringMatching(`[A-Za-z0-9_-]{1,5}[.*> /\n]?`)).Draw(t, "id")
		if api.ValidID(id) != pattern.MatchString(id) {
			t.Fatalf("ValidID(%q) is %v", id, api.ValidID(id))
		}
		if (api.CheckID("f", id) == nil) != api.ValidID(id) || (api.CheckOptionalID("f", id) == nil) != (id == "" || api.ValidID(id)) {
			t.Fatalf("the checks of %q differ from ValidID", id)
		}
	})
}

func TestSubjects(t *testing.T) {
	for got, want := range map[string]string{
		api.AgentsGet.Subject("mabus"):                        "mabus.registry.agents.get",
		api.As("mabus", "alice", "mabus.registry.agents.get"): "mabus.as.alice.registry.agents.get",
		api.As("n2", "alice", api.AgentSubject("n2", "a1")):   "n2.as.alice.agent.a1",
		api.As("mabus", "", "mabus.registry.agents.get"):      "mabus.registry.agents.get",
		api.CapabilitySubject("mabus", "sum"):                 "mabus.capability.sum",
		api.AllSubject("mabus", "sum"):                        "mabus.all.sum",
		api.HostSubject("mabus", "h1", "ping"):                "mabus.host.h1.ping",
		api.EventSubject("mabus", "registry", "agents", "a1"): "mabus.event.registry.agents.a1",
		api.TaskSubject("mabus", "sum", api.PriorityLow, "t"): "mabus.task.sum.low.t",
		api.ResultSubject("mabus", "", "t"):                   "mabus.result.-.t",
		api.ResultSubject("mabus", "j", "t"):                  "mabus.result.j.t",
		api.Bucket("mabus", "blobs"):                          "mabus_blobs",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
