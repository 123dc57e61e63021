package economics_test

import (
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

// One page after the other has every id once, in order.
func TestPages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table := draft.Table[*ledger.Asset]{}
		for _, n := range rapid.SliceOf(rapid.IntRange(0, 500)).Draw(t, "ids") {
			table[strconv.Itoa(n)] = nil
		}
		limit := rapid.IntRange(0, 7).Draw(t, "limit")
		want := limit
		if limit == 0 {
			want = api.DefaultPage
		}
		var all []string
		for after := ""; ; {
			ids, next := economics.Page(table, after, limit)
			if all = append(all, ids...); next == "" {
				break
			}
			if len(ids) != want || next != ids[len(ids)-1] {
				t.Fatalf("a page of %d is %v, and then comes %q", limit, ids, next)
			}
			after = next
		}
		if !slices.Equal(all, table.IDs()) {
			t.Fatalf("%v of %v", all, table.IDs())
		}
	})
}
