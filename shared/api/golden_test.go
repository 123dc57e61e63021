package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
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
	new(filler).fill(t, value.Elem(), "")
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

// filler sets every field to a value of its own, so that no field can take another's place unseen.
type filler struct{ n int }

// words are the values of types that have a closed set.
var words = map[reflect.Type]string{
	reflect.TypeFor[api.AgentStatus]():   string(api.AgentRunning),
	reflect.TypeFor[api.Runtime]():       string(api.RuntimeExec),
	reflect.TypeFor[api.RestartPolicy](): string(api.RestartTransient),
	reflect.TypeFor[api.Priority]():      string(api.PriorityHigh),
	reflect.TypeFor[api.TaskStatus]():    string(api.TaskSucceeded),
	reflect.TypeFor[api.HostStatus]():    string(api.HostLive),
	reflect.TypeFor[api.Code]():          string(api.Conflict),
}

func (f *filler) fill(t *testing.T, v reflect.Value, name string) {
	f.n++
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Date(2026, 1, 2, 3, 4, f.n, 0, time.UTC)
		return
	case *json.RawMessage:
		*x = fmt.Appendf(nil, `{"n":%d}`, f.n)
		return
	case *api.Duration:
		*x = api.Duration(f.n)*api.Duration(time.Second) + api.Duration(time.Second/2)
		return
	}
	switch v.Kind() {
	case reflect.String:
		if word, ok := words[v.Type()]; ok {
			v.SetString(word)
			return
		}
		v.SetString(fmt.Sprintf("%s-%d", name, f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(int64(f.n))
	case reflect.Uint64:
		v.SetUint(uint64(f.n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(t, v.Elem(), name)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		one := strings.TrimSuffix(strings.Replace(name, "ies", "ys", 1), "s")
		for i := range v.Len() {
			f.fill(t, v.Index(i), one)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		f.fill(t, key, "key")
		f.fill(t, value, name)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			field, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if field == "" && !v.Type().Field(i).Anonymous {
				t.Fatalf("%s.%s has no name in JSON", v.Type(), v.Type().Field(i).Name)
			}
			f.fill(t, v.Field(i), field)
		}
	default:
		t.Fatalf("%s: the test cannot fill a %s", name, v.Type())
	}
}
