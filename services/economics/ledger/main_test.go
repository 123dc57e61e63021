package ledger_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// failer is a test, of package testing or of rapid.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

var (
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	why   = ledger.Why{Kind: "test", Ref: "auction/a7"}
	a, b  = api.Account("a", "", ""), api.Account("b", "", "")
)

// do does something in one draft, proves it, and applies it unless it is refused.
func do(t failer, s *ledger.State, now time.Time, f func(d *ledger.Draft) error) error {
	t.Helper()
	d := s.Draft()
	d.Now = now
	if err := f(d); err != nil {
		return err
	}
	if err := d.Check(); err != nil {
		t.Fatalf("%v", err)
	}
	d.Apply()
	return nil
}

// must is do for what is not refused.
func must(t failer, s *ledger.State, f func(d *ledger.Draft) error) {
	t.Helper()
	if err := do(t, s, start, f); err != nil {
		t.Fatalf("%v", err)
	}
}

// rich returns a ledger in which a has a million units of credit.
func rich(t failer) *ledger.State {
	t.Helper()
	s := ledger.New()
	must(t, s, func(d *ledger.Draft) error { return d.Issue(a, 1_000_000_000_000, why) })
	return s
}

// refused wants an error of that code and reason, and that the ledger is as it was.
func refused(t *testing.T, s *ledger.State, code api.Code, reason string, f func(d *ledger.Draft) error) {
	t.Helper()
	before := encode(t, s)
	err := do(t, s, start, f)
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Errorf("got %v, want %s (%s)", err, code, reason)
	}
	if !bytes.Equal(before, encode(t, s)) {
		t.Error("what was refused has changed something")
	}
}

func encode(t failer, s *ledger.State) []byte {
	t.Helper()
	raw, err := codec.Marshal(s)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return raw
}

// has wants what an account has available and held.
func has(t failer, s *ledger.State, id api.AccountID, available, held api.Micro) {
	t.Helper()
	if av, he := s.Draft().Balance(id); av != available || he != held {
		t.Fatalf("%s", fmt.Sprintf("%s has %d and holds %d, want %d and %d", id, av, he, available, held))
	}
}
