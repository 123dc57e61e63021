package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

var update = flag.Bool("update", false, "write the golden files anew")

const goldenDir = "testdata/golden"

// TestGolden holds the JSON of every body: a change of it is a change of the protocol, and is seen here first.
func TestGolden(t *testing.T) {
	bodies := map[string]reflect.Type{
		"error": reflect.TypeFor[api.Error](),
		"event": reflect.TypeFor[api.Event](),
		"load":  reflect.TypeFor[api.HostLoad](),
	}
	for _, d := range api.Methods {
		bodies[d.Name()+".request"] = d.Request
		bodies[d.Name()+".response"] = d.Response
	}
	if *update {
		if err := os.RemoveAll(goldenDir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(goldenDir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, typ := range bodies {
		t.Run(name, func(t *testing.T) { checkGolden(t, filepath.Join(goldenDir, name+".json"), typ) })
	}
	files, err := os.ReadDir(goldenDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := bodies[strings.TrimSuffix(f.Name(), ".json")]; !ok {
			t.Errorf("%s belongs to no body", f.Name())
		}
	}
}

func checkGolden(t *testing.T, file string, typ reflect.Type) {
	value := reflect.New(typ)
	fill(t, value.Elem(), "", 1)
	body, err := codec.Marshal(value.Interface())
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, body, "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test ./shared/api -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s differs (go test ./shared/api -update takes the new form):\n%s", file, diff)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, want); err != nil {
		t.Fatal(err)
	}
	back := reflect.New(typ)
	if err := codec.Decode(compact.Bytes(), back.Interface()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(value.Interface(), back.Interface()); diff != "" {
		t.Errorf("the body reads back as another value:\n%s", diff)
	}
}

// number makes an unlikely-to-repeat number of a field's name, so that a new field leaves the others' values alone.
func number(name string, i int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return int(h.Sum32()%50) + i
}

// words are the values of types that have a closed set.
var words = map[reflect.Type]string{
	reflect.TypeFor[api.BalanceStrategy](): string(api.StrategyHash),
	reflect.TypeFor[api.PlanBy]():          string(api.PlanByAgents),
	reflect.TypeFor[api.PlanMoveStatus]():  string(api.MoveMoved),
	reflect.TypeFor[api.PlanRunStatus]():   string(api.PlanStopped),

	reflect.TypeFor[api.LockKind](): "rw", reflect.TypeFor[api.GroupStrategy](): "rest_for_one",
	reflect.TypeFor[api.AgentStatus]():   string(api.AgentRunning),
	reflect.TypeFor[api.Runtime]():       string(api.RuntimeExec),
	reflect.TypeFor[api.RestartPolicy](): string(api.RestartTransient),
	reflect.TypeFor[api.Priority]():      string(api.PriorityHigh),
	reflect.TypeFor[api.TaskStatus]():    string(api.TaskSucceeded),
	reflect.TypeFor[api.HostStatus]():    string(api.HostLive),
	reflect.TypeFor[api.Code]():          string(api.Conflict),
	reflect.TypeFor[api.PartKind]():      string(api.PartProgress),
	reflect.TypeFor[api.HTTPFormat]():    string(api.HTTPChat),
	reflect.TypeFor[api.LimiterScope]():  string(api.LimiterCluster),
	reflect.TypeFor[api.BudgetScope]():   string(api.BudgetJob),
	reflect.TypeFor[api.GuardStage]():    string(api.GuardBreaker),
	reflect.TypeFor[api.SessionType]():   string(api.SessionIterative),
	reflect.TypeFor[api.SessionState]():  string(api.SessionCompleted),
	reflect.TypeFor[api.AskState]():      string(api.AskSilent),
	reflect.TypeFor[api.VariableScope](): string(api.ScopeCluster),
	reflect.TypeFor[api.Resolution]():    string(api.ResolveByConsensus),
	reflect.TypeFor[api.SourceKind]():    string(api.SourceAgent),
	reflect.TypeFor[api.MetricScope]():   string(api.MetricsOfType),
	reflect.TypeFor[api.Statistic]():     string(api.StatP99),
	reflect.TypeFor[api.ExportFormat]():  string(api.ExportCSV),
	reflect.TypeFor[api.UpdateState]():   string(api.UpdatePending),

	reflect.TypeFor[api.CoordinationState](): string(api.CoordinationAdapting),

	reflect.TypeFor[api.AlertSeverity]():   string(api.SeverityCritical),
	reflect.TypeFor[api.AlertComparison](): string(api.AtMost),
	reflect.TypeFor[api.AlertStatus]():     string(api.AlertCleared),
	reflect.TypeFor[api.AlertEnd]():        string(api.EndByHand),
	reflect.TypeFor[api.HealthStatus]():    string(api.Degraded),
}

// fill sets every field to a value of its own, made of its name and its place in a list, so that none can take another's
// place unseen.
func fill(t *testing.T, v reflect.Value, name string, i int) {
	n := number(name, i)
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Date(2026, 1, 2, 3, 4, n, 0, time.UTC)
		return
	case *json.RawMessage:
		*x = fmt.Appendf(nil, `{"n":%d}`, n)
		return
	case *[]byte:
		*x = []byte{byte(n), 0xff}
		return
	case *api.Measure:
		*x = api.Measure(n) + 0.25
		return
	case *api.Duration:
		*x = api.Duration(n)*api.Duration(time.Second) + api.Duration(time.Second/2)
		return
	}
	switch v.Kind() {
	case reflect.String:
		if word, ok := words[v.Type()]; ok {
			v.SetString(word)
			return
		}
		v.SetString(fmt.Sprintf("%s-%d", name, i))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n))
	case reflect.Uint64:
		v.SetUint(uint64(n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), name, i)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		one := strings.TrimSuffix(strings.Replace(name, "ies", "ys", 1), "s")
		for j := range v.Len() {
			fill(t, v.Index(j), one, j+1)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, key, "key", i)
		fill(t, value, name, i)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for j := range v.NumField() {
			field, _, _ := strings.Cut(v.Type().Field(j).Tag.Get("json"), ",")
			if field == "" && !v.Type().Field(j).Anonymous {
				t.Fatalf("%s.%s has no name in JSON", v.Type(), v.Type().Field(j).Name)
			}
			fill(t, v.Field(j), field, i)
		}
	default:
		t.Fatalf("%s: the test cannot fill a %s", name, v.Type())
	}
}
