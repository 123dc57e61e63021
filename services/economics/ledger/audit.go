package ledger

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Audit proves the whole ledger: Agree of all Totals, no account below zero, every hold in an account, and in every account as much held
// as its holds are.
func (s *State) Audit() error {
	held := map[api.AccountID]api.Micro{}
	for _, id := range s.Holds.IDs() {
		h := s.Holds[id]
		if s.Accounts[string(h.Account)] == nil || h.Amount <= 0 || h.Amount > api.MaxSupply-held[h.Account] {
			return fmt.Errorf("ledger: hold %s of %d in %s is none", id, int64(h.Amount), h.Account)
		}
		held[h.Account] += h.Amount
	}
	for _, id := range s.Accounts.IDs() {
		a := s.Accounts[id]
		if err := a.sound(api.AccountID(id)); err != nil {
			return err
		}
		if a.Held != held[api.AccountID(id)] {
			return fmt.Errorf("ledger: in %s, %d are held, but its holds are %d", id, int64(a.Held), int64(held[api.AccountID(id)]))
		}
		if n := len(a.Recent); n > 0 && a.Recent[n-1].Balance != a.Available+a.Held || uint64(n) > a.Count {
			return fmt.Errorf("ledger: %s has %d, but its last entry says otherwise", id, int64(a.Available+a.Held))
		}
	}
	if err := s.auditQuotas(); err != nil {
		return err
	}
	for _, t := range s.Totals() {
		if !t.Agree {
			return fmt.Errorf("ledger: of %s, %d were issued, but accounts have %d and hold %d", t.Asset, int64(t.Issued), int64(t.Available), int64(t.Held))
		}
	}
	return nil
}

// auditQuotas proves that what principals have made is what is counted as theirs, as far as it can be told.
func (s *State) auditQuotas() error {
	made := map[string]Quota{}
	add := func(principal string, n Quota) {
		q := made[principal]
		made[principal] = Quota{Assets: q.Assets + n.Assets, Holds: q.Holds + n.Holds, Allowances: q.Allowances + n.Allowances}
	}
	for _, x := range s.Assets {
		add(x.Issuer, Quota{Assets: 1})
	}
	for _, h := range s.Holds {
		add(h.Holder, Quota{Holds: 1})
	}
	for who := range s.Quotas {
		add(who, Quota{})
	}
	for _, a := range s.Allowances {
		add(a.Spec.Account.Owner(), Quota{Allowances: 1})
	}
	for _, who := range slices.Sorted(maps.Keys(made)) {
		have, want := Quota{}, made[who]
		if q := s.Quotas[who]; q != nil {
			have = *q
		}
		if want.Accounts = have.Accounts; who == api.SystemOwner {
			want.Assets = have.Assets // rules make as many as they need
		}
		if who != "" && have != want {
			return fmt.Errorf("ledger: %s has made %+v, but %+v are counted", who, want, have)
		}
	}
	return nil
}

// Totals returns, for each asset in the order of their ids, what was issued of it and what its accounts have.
func (s *State) Totals() []api.AssetTotals {
	sums := map[string]*api.AssetTotals{}
	for id := range s.Assets {
		sums[id] = &api.AssetTotals{Asset: id, Agree: true}
	}
	for id, a := range s.Accounts {
		id := api.AccountID(id)
		t := sums[id.Asset()]
		if t == nil { // an account of no asset
			t = &api.AssetTotals{Asset: id.Asset()}
			sums[id.Asset()] = t
		}
		if isIssue(id) {
			t.Issued -= a.Available
			continue
		}
		t.Accounts++
		// What is too much for the sum is too much for the supply: the balances of a sound ledger are not below zero.
		if a.Available < 0 || a.Held < 0 || a.Available > api.MaxSupply-t.Available || a.Held > api.MaxSupply-t.Held {
			t.Agree = false
			continue
		}
		t.Available += a.Available
		t.Held += a.Held
	}
	totals := make([]api.AssetTotals, 0, len(sums))
	for _, id := range slices.Sorted(maps.Keys(sums)) {
		t := sums[id]
		t.Agree = t.Agree && t.Issued == t.Available+t.Held
		totals = append(totals, *t)
	}
	return totals
}
