package job_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/client/job"
)

func TestPlaceOverHosts(t *testing.T) {
	j, err := job.Parse([]byte(`version: 1
name: demo
agents:
  - {name: many, capability: a, module: m, replicas: 5}
  - {name: each, capability: b, command: [x], per_host: 2, tags: [t]}
tasks: [{capability: a}]
`))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]map[string]int{"many": {}, "each": {}}
	for _, p := range j.Place("run", []string{"h2", "h1", "h2"}) {
		if err := p.Spec.Validate(); err != nil {
			t.Errorf("%s: %v", p.Spec.ID, err)
		}
		if !slices.Contains(p.Spec.Tags, "job:run") {
			t.Errorf("%s has tags %v", p.Spec.ID, p.Spec.Tags)
		}
		count[p.Spec.ID[:4]][p.Host]++
	}
	want := map[string]map[string]int{"many": {"h1": 3, "h2": 2}, "each": {"h1": 2, "h2": 2}}
	if d := cmp.Diff(want, count); d != "" {
		t.Error(d)
	}
	if got := j.Place("run", nil); got != nil {
		t.Errorf("placed %v on no host", got)
	}
}

// TestPlaceGrows: when hosts join, every agent that was there is still wanted under its id, and the ids stay unique.
func TestPlaceGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := &job.Job{Agents: []job.Agent{
			{Name: "r", Capability: "c", Module: "m", Replicas: rapid.IntRange(1, 20).Draw(t, "replicas")},
			{Name: "h", Capability: "c", Module: "m", PerHost: rapid.IntRange(1, 5).Draw(t, "per host")},
		}}
		var hosts []string
		for i := range rapid.IntRange(2, 9).Draw(t, "hosts") {
			hosts = append(hosts, fmt.Sprintf("h%d", i))
		}
		before := j.Place("run", hosts[:rapid.IntRange(1, len(hosts)-1).Draw(t, "before")])
		after := map[string]bool{}
		load := map[string]int{}
		for _, p := range j.Place("run", hosts) {
			if after[p.Spec.ID] {
				t.Fatalf("%s is there twice", p.Spec.ID)
			}
			after[p.Spec.ID] = true
			load[p.Host]++
		}
		for _, p := range before {
			if !after[p.Spec.ID] {
				t.Fatalf("%s is no longer wanted", p.Spec.ID)
			}
		}
		for _, a := range hosts {
			for _, b := range hosts {
				if load[a]-load[b] > 1 {
					t.Fatalf("uneven: %v", load)
				}
			}
		}
	})
}

func TestResolve(t *testing.T) {
	base := t.TempDir()
	abs := filepath.Join(base, "abs")
	j := &job.Job{Agents: []job.Agent{
		{Command: []string{"./x.sh", "./arg"}}, {Command: []string{"sh", "x.sh"}, Dir: "sub"}, {Command: []string{abs}, Dir: abs}, {Module: "m"},
	}}
	j.Resolve(base)
	want := []job.Agent{
		{Command: []string{filepath.Join(base, "x.sh"), "./arg"}, Dir: base},
		{Command: []string{"sh", "x.sh"}, Dir: filepath.Join(base, "sub")},
		{Command: []string{abs}, Dir: abs},
		{Module: "m"},
	}
	if d := cmp.Diff(want, j.Agents); d != "" {
		t.Error(d)
	}
}
