package economics_test

import (
	"testing"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestRules(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	op := r.as(economics.DefaultOperator)
	var got *api.LogRules
	natstest.Eventually(t, patience, func() bool {
		got = must(t, r.as("a"), api.EconomicsRulesGet, api.Empty{})
		return len(got.Replicas) > 0
	}, "the replica says what it has")
	if got.Version != 1 || len(got.Replicas) != 1 || !got.Replicas[0].Live || got.Replicas[0].High != 1 {
		t.Errorf("%+v", got)
	}
	refused(t, r.as("a"), api.EconomicsRulesUse, api.RulesUseRequest{Version: 1}, api.PermissionDenied, api.ReasonOperatorOnly)
	refused(t, op, api.EconomicsRulesUse, api.RulesUseRequest{Version: 2}, api.FailedPrecondition, api.ReasonRulesMissing)
	if got := must(t, op, api.EconomicsRulesUse, api.RulesUseRequest{Version: 1}); got.Version != 1 {
		t.Errorf("%+v", got)
	}
}
