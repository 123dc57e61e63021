package desk

import (
	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

func allow(a *act.Act, d *ledger.Draft, r *api.AllowanceSpec) (*api.Allowance, error) {
	if err := a.Owns(r.Account); err != nil {
		return nil, err
	}
	if old, ok := d.Allowance(r.ID); ok {
		if err := a.Owns(old.Spec.Account); err != nil {
			return nil, err
		}
	}
	if err := d.Allow(*r); err != nil {
		return nil, err
	}
	x, _ := d.Allowance(r.ID)
	return x.View(), nil
}

func disallow(a *act.Act, d *ledger.Draft, r *api.DeregisterRequest) (*api.Allowance, error) {
	x, ok := d.Allowance(r.ID)
	if !ok {
		return nil, ledger.NoAllowance(r.ID)
	}
	if err := a.Owns(x.Spec.Account); err != nil {
		return nil, err
	}
	d.Disallow(r.ID)
	return x.View(), nil
}
