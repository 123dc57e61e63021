package coordination_test

import (
	"testing"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestRules(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, coordination.Config{})
	var r *api.LogRules
	natstest.Eventually(t, patience, func() bool {
		r = must(t, c, api.CoordinationRulesGet, api.Empty{})
		return len(r.Replicas) == 2
	}, "both replicas say what they have")
	for _, m := range r.Replicas {
		if r.Version != 1 || r.Available != 1 || m.Low != 1 || m.High != 1 || !m.Live || m.Seen.IsZero() {
			t.Errorf("%+v", r)
		}
	}
	if r := must(t, c, api.CoordinationRulesUse, api.RulesUseRequest{Version: 1}); r.Version != 1 {
		t.Errorf("the same: %+v", r)
	}
	refused(t, c, api.CoordinationRulesUse, api.RulesUseRequest{Version: 2}, api.FailedPrecondition, api.ReasonRulesMissing)
	for _, version := range []int{-1, 0, api.MaxRulesVersion + 1} {
		refused(t, c, api.CoordinationRulesUse, api.RulesUseRequest{Version: version}, api.Invalid, "")
	}
}
