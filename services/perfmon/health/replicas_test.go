package health_test

import (
	"testing"

	"github.com/mabus-project/mabus/services/perfmon/health"
)

func TestPartsOfOneReplicaAreOne(t *testing.T) {
	nouns := []string{"locks", "cells", "sessions"}
	of := func(instance string, nouns ...string) health.Answer {
		return health.Answer{Instance: instance, Nouns: nouns}
	}
	for name, c := range map[string]struct {
		answers []health.Answer
		want    int
	}{
		"nobody":                       {nil, 0},
		"one in one part":              {[]health.Answer{of("a")}, 1},
		"two in one part":              {[]health.Answer{of("a"), of("b")}, 2},
		"one in two parts":             {[]health.Answer{of("a", "locks", "cells"), of("a", "sessions")}, 1},
		"two in two parts":             {[]health.Answer{of("a", "locks", "cells"), of("b", "sessions"), of("a", "sessions"), of("b", "locks", "cells")}, 2},
		"a part of one is away":        {[]health.Answer{of("a", "locks", "cells"), of("a", "sessions"), of("b", "locks", "cells")}, 1},
		"the same part of two":         {[]health.Answer{of("a", "sessions"), of("b", "sessions")}, 0},
		"two of a process":             {[]health.Answer{of("a", "locks", "cells"), of("a", "sessions"), of("a", "locks", "cells"), of("a", "sessions")}, 2},
		"two of a process, one part":   {[]health.Answer{of("a"), of("a")}, 2},
		"the parts are not all":        {[]health.Answer{of("a", "locks"), of("a", "sessions")}, 0},
		"one has nouns of its own too": {[]health.Answer{of("a", "locks", "cells", "more"), of("a", "sessions")}, 1},
	} {
		if got := health.Replicas(nouns, c.answers); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if got := health.Replicas(nil, []health.Answer{of("a", "x")}); got != 0 {
		t.Errorf("of a service that nobody knows a part alone counts %d", got)
	}
}
