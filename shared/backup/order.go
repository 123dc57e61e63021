package backup

import (
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// first and last are the names of stores in the order of their cuts: see the invariant in the documentation of the package. What is in
// neither comes between them.
var (
	first = []string{"requests"}
	last  = []string{
		"primitives", "locks",
		"state", "agents", "hosts", "services", "leases",
		"budgets",
		"snapshots",
		"log_coordination", "archive",
		"log_economics", "economics_archive", "economics_keys",
		"task_state", "tasks", "results", "parts", "blobs",
		"perf", "perf_minutes", "events",
	}
)

// Order returns stores in the order in which they are cut.
func Order(stores []api.Store) []api.Store {
	rank := func(s api.Store) int {
		if i := slices.Index(first, s.Name); i >= 0 {
			return i
		}
		if i := slices.Index(last, s.Name); i >= 0 {
			i += len(first) + 1
			if s.Kind == api.StoreObjects { // after the bucket that points into it
				return 2*i + 1
			}
			return 2 * i
		}
		return len(first)
	}
	all := slices.Clone(stores)
	slices.SortStableFunc(all, func(a, b api.Store) int { return rank(a) - rank(b) })
	return all
}

// isLog tells whether a store is a replicated log, of which no entry between two others may be missing.
func isLog(s api.Store) bool { return s.Kind == api.StoreStream && strings.HasPrefix(s.Name, "log_") }

// TokenGap is how far the sequence of the locks is moved on by a restore, so that fencing tokens which were given after the back-up are
// not given a second time.
const TokenGap = 1 << 32 // sequences

// gap is how far a restore moves the sequence of a store on.
func gap(s api.Store) uint64 {
	if s.Name == "locks" {
		return TokenGap
	}
	return 0
}
