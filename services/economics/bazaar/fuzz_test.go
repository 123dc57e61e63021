package bazaar_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/mabus-project/mabus/services/economics/bazaar"
	"github.com/mabus-project/mabus/shared/api"
)

// FuzzCommands sends any bytes as any command of anybody: it is carried out, or refused with an error that can be sent and nothing
// changed; no unit is made or lost.
func FuzzCommands(f *testing.F) {
	kinds := slices.Sorted(maps.Keys(bazaar.Commands))
	for i := range kinds {
		f.Add(i, 0, []byte(`{"id":"m"}`))
		f.Add(i, 1, []byte(`{"market":"m","id":"l","listing":"l","max_cost":"9","item":[]}`))
		f.Add(i, 2, []byte(`{"market":"m","service_type":"dig","price":"9","capabilities":["a"],"expires":"1ns"}`))
	}
	f.Add(0, 0, []byte(`{"id":"n","name":"n","gate":{"required_specializations":["a"]},"listing_fee":"5"}`))
	f.Fuzz(func(t *testing.T, kind, who int, body []byte) {
		w := begin(t, "owner", "p", "buyer")
		w.create(api.BazaarSpec{ID: "m", ListingFee: 3, TransactionFee: 500_000})
		w.list("p", api.ListingSpec{Bazaar: "m", ID: "l", ServiceType: "dig", Price: 5})
		before := w.bytes()
		if _, err := w.Send([]string{"owner", "p", "buyer", "operator", ""}[uint(who)%5], kinds[uint(kind)%uint(len(kinds))], body); err != nil {
			if e := api.AsError(err); e == nil || e.Code == api.Internal {
				t.Fatal(err)
			}
			if w.bytes() != before {
				t.Fatalf("%v has changed something", err)
			}
		}
		w.Pass(2 * api.MaxContractTime * 1e9)
		w.Audit()
		for _, p := range []string{"owner", "p", "buyer"} {
			if _, held := w.Balance(p); held != 0 {
				t.Fatalf("%s holds %s", p, held)
			}
		}
	})
}
