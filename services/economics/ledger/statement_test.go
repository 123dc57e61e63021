package ledger_test

import (
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

// With what went to the archive, the entries of an account are without gaps, add up to its balance, have their counterparts, and lead to
// its head.
func TestStatementsAreComplete(t *testing.T) {
	s := rich(t)
	archive := map[api.AccountID][]ledger.Page{}
	const n = 500
	for i := range n {
		at := start.Add(time.Duration(i) * time.Second)
		err := do(t, s, at, func(d *ledger.Draft) error {
			from, to := a, b
			if i%3 == 2 {
				from, to = b, a
			}
			err := d.Transfer(from, to, api.Micro(1+i), ledger.Why{Kind: "k", Ref: strconv.Itoa(i)})
			for _, p := range d.Pages() {
				if read, failed := ledger.ReadPage(p.Sealed()); failed != nil || !reflect.DeepEqual(*read, p) {
					t.Errorf("%v, a page is read as\n%+v, want\n%+v", failed, read, p)
				}
				archive[p.Account] = append(archive[p.Account], p)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	amounts := map[string]api.Micro{}
	for _, id := range []api.AccountID{a, b} {
		r := s.Accounts[string(id)]
		var all []api.LedgerEntry
		head := ""
		for _, p := range archive[id] {
			if len(p.Entries) != api.MaxStatement {
				t.Errorf("a page of %d entries", len(p.Entries))
			}
			if head = ledger.Chain(head, id, p.Entries); head != p.Head {
				t.Error("a page does not lead to its head")
			}
			all = append(all, p.Entries...)
		}
		if head != r.Head || len(r.Recent) < api.MaxStatement {
			t.Errorf("the record has %d entries after %s, the archive ends with %s", len(r.Recent), r.Head, head)
		}
		all = append(all, r.Recent...)
		for rest := r.Recent; len(rest) > 0; rest = rest[min(len(rest), api.MaxStatement):] {
			head = ledger.Chain(head, id, rest[:min(len(rest), api.MaxStatement)])
		}
		if head != r.Current(id) || head == r.Head {
			t.Error("the entries do not lead to the head")
		}
		balance := api.Micro(0)
		for i, e := range all {
			if balance += e.Amount; e.Number != uint64(i+1) || e.Balance != balance {
				t.Fatalf("%s: entry %d is %+v", id, i+1, e)
			}
			if e.Kind == "k" {
				amounts[e.Ref] += e.Amount
			}
		}
		if uint64(len(all)) != r.Count || balance != r.Available {
			t.Errorf("%s: %d entries of %d, in sum %d of %d", id, len(all), r.Count, balance, r.Available)
		}
	}
	for ref, sum := range amounts {
		if sum != 0 {
			t.Errorf("transfer %s is %d in sum", ref, sum)
		}
	}
	if len(amounts) != n {
		t.Errorf("%d transfers", len(amounts))
	}
}

// Whatever is changed in an entry, the head is another.
func TestTheHeadSealsEveryField(t *testing.T) {
	entries := func() []api.LedgerEntry {
		return []api.LedgerEntry{
			{Number: 1, At: start, Counter: b, Amount: 5, Balance: 5, Kind: "x", Ref: "y"},
			{Number: 2, At: start, Counter: b, Amount: -1, Balance: 4, Kind: "x", Ref: ""},
		}
	}
	heads := map[string]bool{ledger.Chain("", a, entries()): true}
	changes := []func(e *api.LedgerEntry){
		func(e *api.LedgerEntry) { e.Number++ }, func(e *api.LedgerEntry) { e.At = e.At.Add(1) }, func(e *api.LedgerEntry) { e.Counter = a },
		func(e *api.LedgerEntry) { e.Amount = -e.Amount }, func(e *api.LedgerEntry) { e.Balance++ }, func(e *api.LedgerEntry) { e.Kind, e.Ref = "", "xy" },
		func(e *api.LedgerEntry) { e.Ref += " " },
	}
	for i := range 2 {
		for _, change := range changes {
			x := entries()
			change(&x[i])
			heads[ledger.Chain("", a, x)] = true
		}
	}
	heads[ledger.Chain("00", a, entries())] = true
	heads[ledger.Chain("", b, entries())] = true
	heads[ledger.Chain("", a, entries()[:1])] = true
	if want := 1 + 2*len(changes) + 3; len(heads) != want {
		t.Errorf("%d heads, want %d", len(heads), want)
	}
}

// Whatever is read as a page says how it is sealed.
func FuzzReadPage(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("\x00\x0da/main/credit\x01\x02\x01b\x0a\x0a\x01k\x00"))
	f.Add([]byte("\x00\x0da/main/credit"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ledger.ReadPage(data)
		if err != nil {
			return
		}
		if _, err := ledger.ReadPage(data[:len(data)-1]); err == nil && p.Entries[len(p.Entries)-1].Ref != "" {
			t.Errorf("%q is a page without its end too", data)
		}
		if p.ID() == "" || len(p.Head) != 64 {
			t.Errorf("%q is read as %+v", data, p)
		}
	})
}
