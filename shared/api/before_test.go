package api_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// The files in testdata/before are what earlier versions sent. They are written once, and never again:
//
//	<commit>.jsonl    the body of every request and answer, with every field set
//	<commit>.reasons  the reasons of errors, with their codes
const beforeDir = "testdata/before"

// asks is what a failure demands, beside another form of the change.
const asks = "the compatibility statement (docs/compatibility.md, \"The wire\") has every version understand the one before it, and be understood by it"

// loggedAnew are commands of a replicated log that have other fields than before, and since which version of the rules. A replica of before
// has to apply the same entries, so a field may come into a log with other rules only.
var loggedAnew = map[string]int{}

// Whatever an earlier version has sent is read strictly, means the same, and is said in the same way: a field may come, if it is left out
// where it is not set, and none may go, change its name or its form.
func TestBodiesOfBefore(t *testing.T) {
	types := map[string]reflect.Type{"error": reflect.TypeFor[api.Error](), "event": reflect.TypeFor[api.Event](), "load": reflect.TypeFor[api.HostLoad]()}
	logged := map[string]bool{}
	for _, d := range api.Methods {
		types[d.Name()+".request"], types[d.Name()+".response"] = d.Request, d.Response
		council := d.Service == "coordination" && (d.Noun == "sessions" || d.Noun == "protocols" || d.Noun == "variables")
		logged[d.Name()+".request"] = d.Write && (council || d.Service == "economics")
	}
	for _, file := range before(t, "*.jsonl") {
		for line := range bytes.Lines(file) {
			var was struct {
				Name string          `json:"name"`
				Body json.RawMessage `json:"body"`
			}
			if err := codec.Read(line, &was); err != nil {
				t.Fatal(err)
			}
			typ, ok := types[was.Name]
			if !ok {
				t.Errorf("%s is gone: %s", was.Name, asks)
				continue
			}
			value := reflect.New(typ)
			if err := codec.Decode(was.Body, value.Interface()); err != nil {
				t.Errorf("%s of before is not understood: %v: %s", was.Name, err, asks)
				continue
			}
			again, err := codec.Marshal(value.Interface())
			if err != nil {
				t.Fatal(err)
			}
			request := !strings.HasSuffix(was.Name, ".response")
			if why := differs(t, was.Body, again, !request); why != "" {
				t.Errorf("%s: %s: %s", was.Name, why, asks)
			}
			if golden, err := os.ReadFile(filepath.Join(goldenDir, was.Name+".json")); err != nil || loggedAnew[was.Name] == 0 && logged[was.Name] && differs(t, was.Body, golden, false) != "" {
				t.Errorf("%s has other fields than before, and goes into a log that replicas of before read too: bring a new version of the rules, and then list it in loggedAnew (docs/compatibility.md, \"Rules\"); %v", was.Name, err)
			}
		}
	}
}

func before(t *testing.T, pattern string) (files [][]byte) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(beforeDir, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("there is no %s in %s: %v", pattern, beforeDir, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, data)
	}
	return files
}

// differs says in what got is not what was. With more, fields may have come.
func differs(t *testing.T, was, got []byte, more bool) string {
	t.Helper()
	var w, g any
	for data, into := range map[*[]byte]*any{&was: &w, &got: &g} {
		if err := json.Unmarshal(*data, into); err != nil {
			t.Fatal(err)
		}
	}
	return unlike(w, g, "", more)
}

func unlike(was, got any, at string, more bool) string {
	w, ok := was.(map[string]any)
	g, too := got.(map[string]any)
	if list, isList := was.([]any); isList {
		other, _ := got.([]any)
		if len(list) != len(other) {
			return at + " has another length"
		}
		for i := range list {
			if why := unlike(list[i], other[i], at+"/"+strconv.Itoa(i), more); why != "" {
				return why
			}
		}
		return ""
	}
	if !ok || !too {
		if !reflect.DeepEqual(was, got) {
			return at + " has changed"
		}
		return ""
	}
	for name := range g {
		if _, ok := w[name]; !ok && !more {
			return at + "/" + name + " is sent though nobody has set it, or is new, and services of before refuse fields that they do not know"
		}
	}
	for name := range w {
		other, ok := g[name]
		if !ok {
			return at + "/" + name + " is gone"
		}
		if why := unlike(w[name], other, at+"/"+name, more); why != "" {
			return why
		}
	}
	return ""
}

// Callers act on reasons and codes, so none may go or come with another code.
func TestReasonsOfBefore(t *testing.T) {
	codes := map[string]string{}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range parse(t, names...) {
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Reason") && len(spec.Values) == 1 {
				if lit, ok := spec.Values[0].(*ast.BasicLit); ok {
					value, _ := strconv.Unquote(lit.Value)
					codes[value] = strings.TrimSpace(spec.Comment.Text())
				}
			}
			return true
		})
	}
	for _, file := range before(t, "*.reasons") {
		for line := range strings.Lines(string(file)) {
			reason, code, _ := strings.Cut(strings.TrimSpace(line), " ")
			if now, ok := codes[reason]; !ok || !strings.HasPrefix(now, code) {
				t.Errorf("the reason %s came with %s, now %q: %s", reason, code, now, asks)
			}
		}
	}
}

// The headers that messages have, by which processes of before know each other.
func TestHeadersOfBefore(t *testing.T) {
	for got, want := range map[string]string{
		api.HeaderTimeout: "Mabus-Timeout", api.HeaderRequestID: "Mabus-Request-Id", api.HeaderCausation: "Mabus-Causation", api.HeaderBlob: "Mabus-Blob",
		api.HeaderStream: "Mabus-Stream", api.HeaderKind: "Mabus-Kind", api.HeaderSeq: "Mabus-Seq", api.HeaderCredit: "Mabus-Credit", api.HeaderJob: "Mabus-Job",
		api.HeaderUsage: "Mabus-Usage", api.HeaderSession: "Mabus-Session", api.HeaderCast: "Mabus-Cast", api.HeaderKey: "Mabus-Key", api.HeaderTenant: "Mabus-Tenant",
		api.HeaderCapability: "Mabus-Capability", api.HeaderError: "Nats-Service-Error", api.HeaderErrorCode: "Nats-Service-Error-Code",
	} {
		if got != want {
			t.Errorf("%s was %s: %s", got, want, asks)
		}
	}
}

// The stores that a namespace of before has are still its stores.
func TestStoresOfBefore(t *testing.T) {
	have := map[string]bool{}
	for _, s := range api.Stores {
		have[s.Stream("n")] = true
	}
	for _, was := range []string{
		"KV_n_agents", "KV_n_hosts", "KV_n_services", "KV_n_leases", "KV_n_requests", "KV_n_locks", "KV_n_primitives", "n_log_coordination", "n_archive", "n_log_economics",
		"n_economics_archive", "KV_n_economics_keys", "KV_n_snapshots", "OBJ_n_snapshots", "KV_n_state", "n_events", "n_perf", "n_perf_minutes", "KV_n_alert_rules", "KV_n_alerts",
		"KV_n_alert_letters", "KV_n_balance", "n_tasks", "n_results", "n_parts", "n_task_state", "KV_n_budgets", "KV_n_limits", "OBJ_n_blobs",
	} {
		if !have[was] {
			t.Errorf("%s is no store any more: %s", was, asks)
		}
	}
}
