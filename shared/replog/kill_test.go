package replog_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog"
)

// A replica dies at each point of a request's path. Whoever asks again within the time that answers are kept, and elsewhere, has the
// one answer; another principal with the same id is another request.
func TestReplicaDiesOnTheWay(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	for _, point := range []string{replog.Queued, replog.Published, replog.Acked, replog.Done} {
		t.Run(point, func(t *testing.T) {
			cfg := base()
			cfg.Realm = point
			others := []*replica{run(t, srv.URL(), cfg), run(t, srv.URL(), cfg)}
			const rounds = 5
			for n := range rounds {
				var victim atomic.Pointer[replica]
				dying := cfg
				replog.At(&dying, func(at string) bool {
					v := victim.Load()
					if v == nil || at != point {
						return true
					}
					v.Cut()
					return false
				})
				l := run(t, srv.URL(), dying)
				c := add("a", 1)
				c.Principal, c.ID, c.Hash = "p", fmt.Sprint("id", n), fmt.Sprint("hash", n)
				victim.Store(l)
				first, err := l.Do(within(t, patience), c)
				second := do(t, others[n%2], c)
				third := do(t, others[(n+1)%2], c)
				if err == nil && string(first.Body) != string(second.Body) {
					t.Errorf("the first answer was %s, the second %s", first.Body, second.Body)
				}
				if string(second.Body) != string(third.Body) || !third.Repeated {
					t.Errorf("answers %+v and %+v", second, third)
				}
				c.Principal = "q"
				if a := do(t, others[0], c); a.Repeated {
					t.Errorf("another principal had %+v", a)
				}
				l.Kill()
			}
			equal(t, others...)
			if got := look(t, others[0], func(s *accounts) int { return s.Counters["a"] }); got != 2*rounds {
				t.Errorf("%d commands were done instead of %d", got, 2*rounds)
			}
			for name, n := range look(t, others[1], func(s *accounts) map[string]int { return s.Done }) {
				if n != 1 {
					t.Errorf("%s was done %d times", name, n)
				}
			}
		})
	}
}
