package realm_test

import (
	"strconv"
	"testing"

	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/realm"
)

// Commands do not wait until a large state is copied.
func TestALargeStateIsNotFrozen(t *testing.T) {
	s := realm.New()
	one := &ledger.Account{}
	for i := range realm.MaxFrozen - len(s.Ledger.Assets) {
		s.Ledger.Accounts[strconv.Itoa(i)] = one
	}
	if realm.Machine().Freeze(s) == nil {
		t.Errorf("a state of %d rows cannot be frozen", realm.MaxFrozen)
	}
	s.Ledger.Accounts["one more"] = one
	if realm.Machine().Freeze(s) != nil {
		t.Errorf("a state of more than %d rows is frozen", realm.MaxFrozen)
	}
}
