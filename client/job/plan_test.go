package job_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/api"
)

func TestMatch(t *testing.T) {
	j := &job.Job{Tasks: []job.Step{
		{Capability: "go", Include: []string{"**/*.go"}, Exclude: []string{"**/testdata/**", "*_gen.go"}},
		{Capability: "any"},
		{Capability: "rows", As: job.KindValue},
		{Capability: "top", Include: []string{"*.{go,s}"}, As: job.KindFile},
	}}
	for _, c := range []struct {
		path string
		kind job.Kind
		want []int
	}{
		{"a.go", job.KindFile, []int{0, 1, 3}},
		{"x/y/a.go", job.KindFile, []int{0, 1}},
		{"x/testdata/a.go", job.KindFile, []int{1}},
		{"testdata/a.go", job.KindFile, []int{1}},
		{"a_gen.go", job.KindFile, []int{1, 3}},
		{"x/a_gen.go", job.KindFile, []int{0, 1}},
		{"b.s", job.KindFile, []int{1, 3}},
		{"rows.jsonl", job.KindValue, []int{1, 2}},
	} {
		if got := j.Match(&job.Input{Path: c.path, Kind: c.kind}); !slices.Equal(got, c.want) {
			t.Errorf("%s %s: steps %v, want %v", c.kind, c.path, got, c.want)
		}
	}
	j.Tasks = j.Tasks[:1]
	if got := j.Plan("run", &job.Input{Path: "b.s", Kind: job.KindFile}, json.RawMessage(`1`)); got != nil {
		t.Errorf("an input of no step is planned: %v", got)
	}
}

func TestPlanCarriesTheStep(t *testing.T) {
	j, err := job.Parse([]byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	got := j.Plan("demo-1", &job.Input{Path: "d/a.txt", Kind: job.KindFile}, json.RawMessage(`{"a":1}`))
	want := []api.TaskSpec{{
		ID: got[0].ID, Job: "demo-1", Name: "d/a.txt", Capability: "count", Priority: "low", Payload: json.RawMessage(`{"a":1}`),
		Attempts: 3, Timeout: j.Tasks[0].Timeout, Backoff: j.Tasks[0].Backoff,
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// The id is part of the format: a job begun by one version is taken up by the next.
	if got[0].ID != "6x7i57zsxs2xsxrfiifp" {
		t.Errorf("id %s", got[0].ID)
	}
}

func TestPlannedTasksAreValidWhateverTheInputIsCalled(t *testing.T) {
	j := &job.Job{Tasks: []job.Step{{Capability: "a"}}}
	for _, name := range []string{"a", strings.Repeat("ü", 2000), "\xff\xfe", strings.Repeat("\xff", 3000)} {
		spec := j.Plan("run", &job.Input{Path: name}, nil)[0]
		if err := spec.Validate(); err != nil || !utf8.ValidString(spec.Name) {
			t.Errorf("%.20q: %.20q, %v", name, spec.Name, err)
		}
	}
}

// TestTaskIDsTellTasksApart: the id is a function of run, step, name and payload, and two of these that differ differ in it.
func TestTaskIDsTellTasksApart(t *testing.T) {
	j := &job.Job{Tasks: []job.Step{{Capability: "a"}, {Capability: "a"}, {Capability: "b"}}}
	type key struct {
		run, path, payload string
		step               int
	}
	seen := map[string]key{}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"a", "b", "a:1", "ab", "", "1"})
		in := &job.Input{Path: word.Draw(t, "path"), Line: rapid.IntRange(0, 2).Draw(t, "line")}
		run, payload := word.Draw(t, "run"), word.Draw(t, "payload")
		specs := j.Plan(run, in, json.RawMessage(payload))
		if len(specs) != 3 {
			t.Fatalf("%d tasks of 3 steps", len(specs))
		}
		for step, s := range specs {
			if !api.ValidID(s.ID) || len(s.ID) != 20 {
				t.Fatalf("id %q", s.ID)
			}
			k := key{run: run, path: in.Name(), payload: payload, step: step}
			if other, ok := seen[s.ID]; ok && other != k {
				t.Fatalf("%+v and %+v are both %s", other, k, s.ID)
			}
			seen[s.ID] = k
		}
	})
}

func TestStepsThatComeAndGoKeepTheIDsOfOthers(t *testing.T) {
	in := &job.Input{Path: "a"}
	one := (&job.Job{Tasks: []job.Step{{Capability: "a"}}}).Plan("run", in, nil)
	two := (&job.Job{Tasks: []job.Step{{Capability: "b"}, {Capability: "a"}}}).Plan("run", in, nil)
	if one[0].ID != two[1].ID {
		t.Errorf("%s became %s", one[0].ID, two[1].ID)
	}
}

func TestJobID(t *testing.T) {
	a, err := job.Parse([]byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	b, err := job.Parse(replace("90s", "91s"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := job.Parse([]byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	if a.ID("x") != again.ID("x") || a.ID("x") == a.ID("y") || a.ID("x", "y") == a.ID("xy") || a.ID("x") == b.ID("x") {
		t.Error("the id must follow from the job and the parts, and from nothing else")
	}
	if !api.ValidID(a.ID("x")) {
		t.Errorf("%q is no id", a.ID("x"))
	}
}
