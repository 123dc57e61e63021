package economics_test

import (
	"context"
	"testing"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestOperatorsAreNamedWhileItRuns(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	s, err := registry.Start(t.Context(), dial(t, r.srv.URL(), ""), registry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.WithoutCancel(t.Context())) })
	mint := func(who string) error {
		_, err := call(t, r.as(who), api.AccountsMint, api.MintRequest{To: api.Account("bob", "", ""), Amount: 5})
		return err
	}
	if err := mint("ann"); api.CodeOf(err) != api.PermissionDenied {
		t.Fatal(err)
	}
	ann, operator := client.New(r.as("ann")), client.New(r.as(economics.DefaultOperator))
	natstest.Eventually(t, patience, func() bool { _, err := ann.Config.Describe(t.Context(), "economics"); return err == nil }, "the section is registered")
	if _, err := ann.Config.Set(t.Context(), "economics.operators", []string{"ann"}); api.ReasonOf(err) != api.ReasonProtectedPath {
		t.Errorf("ann names herself: %v", err)
	}
	if _, err := operator.Config.Set(t.Context(), "economics.operators", []string{}); api.ReasonOf(err) != api.ReasonValueRefused {
		t.Errorf("nobody is an operator: %v", err)
	}
	if _, err := operator.Config.Set(t.Context(), "economics.operators", []string{"ann"}); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		return mint("ann") == nil && api.CodeOf(mint(economics.DefaultOperator)) == api.PermissionDenied
	}, "ann is the operator")
}
