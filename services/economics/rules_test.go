package economics_test

import (
	"testing"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
)

func TestRules(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	op := r.as(economics.DefaultOperator)
	if got := must(t, r.as("a"), api.EconomicsRulesGet, api.Empty{}); got.Version != 1 || len(got.Replicas) != 1 || !got.Replicas[0].Live || got.Replicas[0].High != 1 {
		t.Errorf("%+v", got)
	}
	refused(t, r.as("a"), api.EconomicsRulesUse, api.RulesUseRequest{Version: 1}, api.PermissionDenied, api.ReasonOperatorOnly)
	refused(t, op, api.EconomicsRulesUse, api.RulesUseRequest{Version: 2}, api.FailedPrecondition, api.ReasonRulesMissing)
	if got := must(t, op, api.EconomicsRulesUse, api.RulesUseRequest{Version: 1}); got.Version != 1 {
		t.Errorf("%+v", got)
	}
}
