package coordination

import (
	"cmp"
	"maps"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// page returns the keys of a page in their order, and where the next begins; "" when this is the last.
func page[T any](all map[string]T, after string, limit int) (keys []string, next string) {
	limit = cmp.Or(limit, api.DefaultPage)
	keys = slices.DeleteFunc(slices.Collect(maps.Keys(all)), func(k string) bool { return k <= after })
	slices.Sort(keys)
	if len(keys) > limit {
		keys = keys[:limit]
		next = keys[limit-1]
	}
	return keys, next
}
