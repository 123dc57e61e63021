package balance

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	tenantsMost   = 256                      // known by name in one pool
	tenantActive  = 10                       // messages that an agent takes before tenants are held to their shares, unless MaxActive is set
	tenantRecency = int64(time.Second)       // for which one that was refused counts as wanting more
	manyTenants   = "more than can be known" // the name of those beyond; no tenant's, since it is no id
)

// tenants is what each has under way in one pool.
type tenants struct {
	named atomic.Bool // somebody has named one
	mu    sync.Mutex
	of    map[string]*tenant
	total int
}

type tenant struct {
	weight  int
	out     int
	refused int64 // when it last was
}

// admit counts one message for a tenant, or refuses it: when the pool has as much as it should, and the tenant its share. It returns
// nil while nobody has named one.
func (t *tenants) admit(name string, s *settings, members int, now int64) (*tenant, error) {
	if name == "" && !t.named.Load() {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[string]*tenant{}
		t.named.Store(true)
	}
	x := t.find(name, s, now)
	each := s.maxActive
	if each == 0 {
		each = tenantActive
	}
	if capacity := each * float64(members); float64(t.total) >= capacity && !t.alone(x, now) {
		if x.out > 0 && float64(x.out+1) > float64(x.weight)*t.level(capacity, x, now) { // one is little enough
			x.refused = now
			return nil, api.Errorf(api.Overloaded, "tenant %q has %d messages under way, which is its share while others want theirs: try again later", name, x.out).
				WithReason(api.ReasonTenantOverShare)
		}
	}
	x.out++
	t.total++
	return x, nil
}

func (t *tenants) find(name string, s *settings, now int64) *tenant {
	x := t.of[name]
	if x == nil && len(t.of) >= tenantsMost {
		for id, old := range t.of {
			if old.out == 0 && now-old.refused > tenantRecency {
				delete(t.of, id)
			}
		}
		if len(t.of) >= tenantsMost {
			name = manyTenants
			x = t.of[name]
		}
	}
	if x == nil {
		x = &tenant{refused: never}
		t.of[name] = x
	}
	x.weight = max(s.tenants[name], 1)
	return x
}

func (t *tenants) release(x *tenant) {
	if x == nil {
		return
	}
	t.mu.Lock()
	x.out--
	t.total--
	t.mu.Unlock()
}

// wants tells whether a tenant has something under way, or was refused of late.
func (x *tenant) wants(now int64) bool { return x.out > 0 || now-x.refused <= tenantRecency }

func (t *tenants) alone(x *tenant, now int64) bool {
	for _, other := range t.of {
		if other != x && other.wants(now) {
			return false
		}
	}
	return true
}

// level is what a weight of one gets of a capacity, in messages. One that was refused, and asking, wants any number; others want what
// they have.
func (t *tenants) level(capacity float64, asking *tenant, now int64) float64 {
	wants := make([]want, 0, len(t.of))
	for _, x := range t.of {
		if x == asking || now-x.refused <= tenantRecency {
			wants = append(wants, want{weight: float64(x.weight)})
		} else if x.out > 0 {
			wants = append(wants, want{weight: float64(x.weight), bounded: true, most: float64(x.out)})
		}
	}
	return waterLevel(capacity, wants)
}

type want struct {
	weight, most float64
	bounded      bool
}

// waterLevel returns the l at which tenants that each get the lesser of weight times l and what they want have used a capacity up: the
// weighted max-min fair shares. When all want less than there is, it is what the last of them has by weight.
func waterLevel(capacity float64, wants []want) float64 {
	weight := 0.0
	for _, w := range wants {
		weight += w.weight
	}
	slices.SortFunc(wants, func(a, b want) int {
		switch {
		case a.bounded && b.bounded:
			return cmp.Compare(a.most/a.weight, b.most/b.weight)
		case a.bounded:
			return -1
		case b.bounded:
			return 1
		}
		return 0
	})
	level := 0.0
	for _, w := range wants {
		level = capacity / weight
		if !w.bounded || w.most/w.weight >= level {
			return level
		}
		capacity -= w.most
		weight -= w.weight
		level = w.most / w.weight
	}
	return level
}
