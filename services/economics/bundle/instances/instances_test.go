package instances_test

import (
	"slices"
	"testing"

	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/services/economics/bundle/instances"
)

func TestInstances(t *testing.T) {
	for _, kind := range instances.Kinds {
		for _, size := range [][2]int{{1, 1}, {2, 10}, {12, 100}, {30, 200}, {0, -1}, {1000, 1000}} {
			p := instances.Make(kind, size[0], size[1], 5)
			if err := p.Validate(); err != nil {
				t.Errorf("%s %v: %v", kind, size, err)
			}
			if again := instances.Make(kind, size[0], size[1], 5); !slices.Equal(p.Bids, again.Bids) || !slices.Equal(p.Items, again.Items) {
				t.Errorf("%s %v: the same seed gives another instance", kind, size)
			}
			if size[0] >= 12 && slices.Equal(p.Bids, instances.Make(kind, size[0], size[1], 6).Bids) {
				t.Errorf("%s %v: another seed gives the same instance", kind, size)
			}
			if size[0] >= 12 && len(p.Bids) != min(size[1], bundle.MaxBids) {
				t.Errorf("%s %v: %d bids", kind, size, len(p.Bids))
			}
			exclusive := map[string]int{}
			for _, b := range p.Bids {
				exclusive[b.Bidder]++
			}
			substitutes := kind == instances.Arbitrary || kind == instances.Regions || kind == instances.Paths
			if size[0] >= 12 && substitutes != (len(exclusive) < len(p.Bids)) {
				t.Errorf("%s %v: %d bidders for %d bids", kind, size, len(exclusive), len(p.Bids))
			}
		}
	}
}
