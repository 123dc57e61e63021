package tender_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/mabus-project/mabus/services/economics/contract/desk"
	"github.com/mabus-project/mabus/services/economics/tender"
	"github.com/mabus-project/mabus/shared/api"
)

// FuzzCommands sends any bytes as any command of anybody: it is carried out, or refused with an error that can be sent and nothing
// changed; no unit is made or lost.
func FuzzCommands(f *testing.F) {
	kinds := slices.Sorted(maps.Keys(tender.Commands))
	kinds = append(kinds, slices.Sorted(maps.Keys(desk.Commands))...)
	for i := range kinds {
		f.Add(i, 0, []byte(`{"id":"t","price":"5","quality":0.9,"outcome":"done","reason":"r"}`))
		f.Add(i, 1, []byte(`{"id":"won","outcome":"failed","result":{"a":1}}`))
		f.Add(i, 2, []byte(`{"id":"tender-won","forfeit":true}`))
	}
	f.Add(0, 0, []byte(`{"task":{"capability":"c"},"budget":"9","rule":"score","weights":{"price":1},"terms":{"bonus":{"max":"9"},"completion":"1ns"},"invited":["a"]}`))
	f.Fuzz(func(t *testing.T, kind, who int, body []byte) {
		w := begin(t)
		w.announce(api.TenderSpec{ID: "t"})
		w.announce(api.TenderSpec{ID: "won", Expected: 1, Execution: api.TenderByAnnouncer})
		w.bid("a", "won", 7)
		before := w.bytes()
		if _, err := w.Send([]string{"boss", "a", "operator", ""}[uint(who)%4], kinds[uint(kind)%uint(len(kinds))], body); err != nil {
			if e := api.AsError(err); e == nil || e.Code == api.Internal {
				t.Fatal(err)
			}
			if w.bytes() != before {
				t.Fatalf("%v has changed something", err)
			}
		}
		w.Pass(2 * api.MaxContractTime * 1e9)
		w.Audit()
		if _, held := w.Balance("boss"); held != 0 {
			t.Fatalf("%s are held", held)
		}
	})
}
