package index

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// maxTypes bounds how many types have a number; events of further ones share number 0, and are found by reading them.
const maxTypes = 10_000

// types gives the types of events numbers, and counts the events of each.
type types struct {
	number map[string]uint16
	names  []string // by number
	counts []int    // by number
	free   []uint16
}

func newTypes() types {
	return types{number: map[string]uint16{}, names: []string{""}, counts: []int{0}}
}

func (t *types) add(name string) uint16 {
	n, ok := t.number[name]
	switch {
	case ok:
	case len(t.free) > 0:
		n = t.free[len(t.free)-1]
		t.free = t.free[:len(t.free)-1]
		t.number[name], t.names[n] = n, name
	case len(t.names) <= maxTypes:
		n = uint16(len(t.names))
		t.names, t.counts = append(t.names, name), append(t.counts, 0)
		t.number[name] = n
	}
	t.counts[n]++
	return n
}

func (t *types) remove(n uint16) {
	if t.counts[n]--; t.counts[n] == 0 && n > 0 {
		delete(t.number, t.names[n])
		t.names[n] = ""
		t.free = append(t.free, n)
	}
}

// meeting tells by number which types a filter may mean; nil for all.
func (t *types) meeting(f *api.EventFilter) []bool {
	if f.Type == "" {
		return nil
	}
	may := make([]bool, len(t.names))
	may[0] = true
	for n, name := range t.names {
		may[n] = may[n] || f.TypeMeets(name)
	}
	return may
}

// Types returns the types that have most events, at most so many, the most frequent first, and how many events are of others.
func (x *Index) Types(most int) (top []api.EventTypeCount, others int) {
	others = x.types.counts[0]
	for name, n := range x.types.number {
		top = append(top, api.EventTypeCount{Type: name, Count: x.types.counts[n]})
	}
	slices.SortFunc(top, func(a, b api.EventTypeCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Type, b.Type))
	})
	for _, c := range top[min(most, len(top)):] {
		others += c.Count
	}
	return top[:min(most, len(top))], others
}
