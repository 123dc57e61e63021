package main

import (
	"bytes"
	"compress/flate"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/examples/agreement"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

const patience = time.Minute

// tree is a small one of 12 files, of words that come again.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for i := range 12 {
		name := filepath.Join(root, "src", string(rune('a'+i))+".go")
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for j := range 300 + 20*i {
			b.WriteString([]string{"func ", "return ", "err != nil ", "range ", "string ", "[]byte "}[(j*j+i*j)%6])
			b.WriteString(strings.Repeat(string(rune('a'+(i+j)%26)), j%7))
		}
		if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "src", "notes.txt"), bytes.Repeat([]byte("not kept"), 9999), 0o600); err != nil {
		t.Fatal(err)
	}
	return root
}

func small(t *testing.T) options {
	t.Helper()
	least, most := 256*api.One, 4096*api.One
	return options{
		server: natstest.Start(t).URL(), services: agreement.Services(), goroot: tree(t), tree: "src", reads: 40, agents: 3, algorithm: "grid",
		params: api.SearchParams{
			ParameterSpace: map[string]api.SearchRange{
				"block": {Min: &least, Max: &most, Steps: 3, Scale: "log", Integer: true}, "level": {Values: values("1", "9")}, "dict": {Values: values("0", "1024")},
			},
			Objective: "minimise",
		},
	}
}

// again is what a candidate costs, computed in another way: block by block with a writer of its own, checked by reading it back.
func again(t *testing.T, data []byte, block, level, dict int, reads int64) int64 {
	t.Helper()
	var sizes []int64
	for at := 0; at < len(data); at += block {
		part := data[at:min(at+block, len(data))]
		var b bytes.Buffer
		w, err := flate.NewWriterDict(&b, level, data[:dict])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(part); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, int64(b.Len()))
		back, err := io.ReadAll(flate.NewReaderDict(&b, data[:dict]))
		if err != nil || !bytes.Equal(back, part) {
			t.Fatalf("the block at %d does not come back: %v", at, err)
		}
	}
	total := int64(dict)
	stored := int64(0)
	for _, n := range sizes {
		stored += n
		total += n + 16
	}
	return total + reads*stored/int64(len(sizes))
}

// whole reads all files of the tree, the first n in steps.
func whole(t *testing.T, root string, n int) (data []byte) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, "src", "*.go"))
	if err != nil || len(names) != 12 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for i, name := range names {
		if i%(12/n) != 0 {
			continue
		}
		part, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, part...)
	}
	return data
}

// do searches with agents of its own and returns what was found.
func do(t *testing.T, o options) api.SearchResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := agreement.Open(ctx, agreement.Config{Server: o.server, Services: o.services, Modules: []agent.Module{measurer}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	config, _ := codec.Marshal(settings{o.goroot})
	var members []string
	for _, name := range []string{"a", "b", "c"} {
		id, err := r.Start(ctx, name, measurer.Name, config)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, id)
	}
	x, err := search(ctx, r, o, members)
	if err != nil {
		t.Fatal(err)
	}
	var result api.SearchResult
	if err := codec.Decode(x.Result, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

func point(t *testing.T, e api.SearchEvaluation) (block, level, dict int) {
	t.Helper()
	for name, v := range map[string]*int{"block": &block, "level": &level, "dict": &dict} {
		if err := codec.Decode(e.Config[name], v); err != nil {
			t.Fatal(err)
		}
	}
	return block, level, dict
}

// TestGrid: every point is measured as a second computation has it, and the best is the best of all.
func TestGrid(t *testing.T) {
	o := small(t)
	result := do(t, o)
	data := whole(t, o.goroot, 12)
	best, seen, by := int64(0), map[[3]int]bool{}, map[string]bool{}
	for _, block := range []int{256, 1024, 4096} {
		for _, level := range []int{1, 9} {
			for _, dict := range []int{0, 1024} {
				if c := again(t, data, block, level, dict, o.reads); best == 0 || c < best {
					best = c
				}
			}
		}
	}
	for _, e := range result.Evaluations {
		block, level, dict := point(t, e)
		seen[[3]int{block, level, dict}] = true
		by[e.Member] = true
		if want := again(t, data, block, level, dict, o.reads); e.Score == nil || *e.Score != api.Decimal(want)*api.One {
			t.Errorf("%d %d %d: %v, want %d (%s)", block, level, dict, e.Score, want, e.Error)
		}
	}
	if len(seen) != 12 || len(by) != 3 || result.Candidates != 12 || result.Failed != 0 {
		t.Errorf("%d points by %d members: %+v", len(seen), len(by), result)
	}
	if result.Best.Score == nil || *result.Best.Score != api.Decimal(best)*api.One {
		t.Errorf("the best is %v, want %d", result.Best.Score, best)
	}
}

// TestHalving: a rung measures as many files as its budget says, and the last has the best of those who got there.
func TestHalving(t *testing.T) {
	o := small(t)
	o.algorithm = "successive_halving"
	few, all := 3*api.One, 12*api.One
	o.params.Candidates, o.params.Eta, o.params.MinBudget, o.params.MaxBudget = 4, 2, &few, &all
	result := do(t, o)
	if !slices.Equal(result.Rungs, []int{4, 2, 1}) || result.Best.Rung != 2 {
		t.Fatalf("rungs %v, the best of %d", result.Rungs, result.Best.Rung)
	}
	for _, e := range result.Evaluations {
		files := 3 << e.Rung
		block, level, dict := point(t, e)
		want := again(t, whole(t, o.goroot, files), block, level, dict, o.reads*int64(files)/12)
		if e.Budget == nil || *e.Budget != api.Decimal(files)*api.One || e.Score == nil || *e.Score != api.Decimal(want)*api.One {
			t.Errorf("rung %d: %v files cost %v, want %d and %d", e.Rung, e.Budget, e.Score, files, want)
		}
	}
}

func TestWhatIsPrinted(t *testing.T) {
	o := small(t)
	var out strings.Builder
	if err := run(t.Context(), &out, o); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if !strings.HasPrefix(lines[0], "12 files of src, 40 reads") || strings.Count(out.String(), " best\n") != 1 || !strings.Contains(out.String(), "candidates  12, of which 0 evaluations failed; stopped: exhausted") {
		t.Errorf("printed\n%s", out.String())
	}
}

// TestRefusals: what cannot be measured is an error, not a number.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]candidate{"level": {100, 17, 0}, "data": {100, 1, 0}} {
		data := []byte("some data")
		if name == "data" {
			data = nil
		}
		if n, err := cost(t.Context(), data, c, 1); err == nil {
			t.Errorf("%s: %d", name, n)
		}
	}
	for _, config := range []string{`{"block":0,"level":1,"dict":0}`, `{"block":1,"level":1,"dict":-1}`, `{"block":"1","level":1,"dict":0}`, `{"block":1.5,"level":1,"dict":0}`, `{"level":1,"dict":0}`} {
		var a api.SearchAsk
		if err := codec.Decode([]byte(`{"candidate":0,"attempt":1,"config":`+config+`}`), &a); err != nil {
			t.Fatal(err)
		}
		if c, err := readCandidate(a.Config); api.CodeOf(err) != api.Invalid {
			t.Errorf("%s: %+v, %v", config, c, err)
		}
	}
	if names, err := list(t.TempDir(), "src"); err == nil {
		t.Errorf("%v", names)
	}
}
