package natstest_test

import (
	"sync"
	"testing"

	"github.com/mabus-project/mabus/shared/natstest"
)

// Whoever has a port has it to the end of its test, whether or not something listens there.
func TestPortsAreGivenOnce(t *testing.T) {
	const askers, ports = 8, 100
	given := map[int]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range askers {
		wg.Go(func() {
			mine := natstest.FreePorts(t, ports)
			mu.Lock()
			defer mu.Unlock()
			for _, port := range mine {
				given[port]++
			}
		})
	}
	wg.Wait()
	if len(given) != askers*ports {
		t.Errorf("%d ports were given %d times", len(given), askers*ports)
	}
}
