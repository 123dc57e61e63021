package draft_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/draft"
)

type row struct{ N int }

func (r *row) Clone() *row { c := *r; return &c }

// A draft reads like a copy of the table on which the same was done at once, leaves the table alone, and makes it the same in the end.
func TestADraftIsTheTableToBe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, model := draft.Table[*row]{}, map[string]int{}
		ids := rapid.Map(rapid.IntRange(0, 40), func(n int) string { return fmt.Sprintf("r%02d", n) })
		for _, id := range rapid.SliceOfN(ids, 0, 30).Draw(t, "rows") {
			table[id], model[id] = &row{1}, 1
		}
		before := maps.Clone(model)
		d := draft.Of(table)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			id := ids.Draw(t, "id")
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				d.Put(id, &row{2})
				model[id] = 2
			case 1:
				if r, ok := d.Edit(id); ok {
					r.N++
					model[id]++
				}
			case 2:
				d.Delete(id)
				delete(model, id)
			}
		}
		read := map[string]int{}
		for _, id := range d.IDs() {
			r, _ := d.Get(id)
			read[id] = r.N
		}
		if diff := cmp.Diff(model, read); diff != "" || d.Len() != len(model) {
			t.Fatalf("%d records, want %d: %s", d.Len(), len(model), diff)
		}
		same := func(want map[string]int) {
			t.Helper()
			got := map[string]int{}
			for _, id := range table.IDs() {
				got[id] = table[id].N
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		}
		same(before)
		d.Apply()
		same(model)
	})
}
