package api_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
)

// Of all pairs of stores and of all namespaces that could mean one stream by both, one is refused at least.
func TestNoTwoNamespacesShareAStore(t *testing.T) {
	refused := map[string]bool{}
	for _, a := range api.Stores {
		for _, b := range api.Stores {
			for _, fenced := range []string{"", api.Fence} {
				for _, x := range []string{"x", "a_b", "x_economics", "KV_x", "OBJ_", "FENCE_x", "FENCE_KV_x", "x_task", "_", "-"} {
					stream := fenced + a.Stream(x)
					before, _ := strings.CutSuffix(b.Stream(""), api.Bucket("", b.Name))
					y, ok := strings.CutPrefix(stream, before)
					y, is := strings.CutSuffix(y, api.Bucket("", b.Name))
					if !ok || !is || x == y || b.Stream(y) != stream {
						continue
					}
					one, other := api.CheckNamespace(x), api.CheckNamespace(y)
					if one == nil && other == nil {
						t.Errorf("%s and %s both have %s: as %s and as %s", x, y, stream, a.Name, b.Name)
					}
					for name, err := range map[string]error{x: one, y: other} {
						if err != nil && api.ValidID(name) {
							refused[name] = true
							if api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != api.ReasonNamespaceTaken {
								t.Errorf("%s: %v", name, err)
							}
						}
					}
				}
			}
		}
	}
	for _, name := range []string{"x_economics", "a_b_economics", "KV_x"} { // or the test is of nothing
		if !refused[name] {
			t.Errorf("%s is not refused", name)
		}
	}
}

// Whatever two namespaces are called, if both are let through their stores are all different.
func TestStoresOfAnyTwoNamespaces(t *testing.T) {
	parts := []string{"x", "_", "-", "_economics", "_task", "_secret", "_perf", "KV_", "OBJ_", "FENCE_", "_log", "_archive", "economics"}
	word := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 1, 4).Draw(t, "parts"), "")
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		if a == b || api.CheckNamespace(a) != nil || api.CheckNamespace(b) != nil {
			t.Skip("one is refused, or there is but one")
		}
		var all []string
		for _, s := range api.Stores {
			for _, ns := range []string{a, b} {
				all = append(all, s.Stream(ns), api.Fence+s.Stream(ns))
			}
		}
		slices.Sort(all)
		if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
			t.Fatalf("%s and %s have %d streams between them", a, b, n)
		}
	})
}

func TestNamespaces(t *testing.T) {
	for name, ok := range map[string]bool{
		"mabus": true, "prod_eu": true, "economics": true, "x-economics": true, "x_task": true, "kv_x": true, "KV": true,
		"": false, "a b": false, "a.b": false, "x_economics": false, "_economics": false, "KV_x": false, "OBJ_x": false, "FENCE_x": false, strings.Repeat("x", 65): false,
	} {
		if err := api.CheckNamespace(name); (err == nil) != ok || err != nil && api.CodeOf(err) != api.Invalid {
			t.Errorf("%q: %v", name, err)
		}
	}
}
