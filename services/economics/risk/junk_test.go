package risk_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/risk"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// reload writes the state and reads it again, as a snapshot does. Nothing may be lost by it.
func (w *world) reload() {
	w.t.Helper()
	raw, err := codec.Marshal(w.risk)
	if err != nil {
		w.t.Fatal(err)
	}
	again := risk.New()
	if err := codec.Read(raw, again); err != nil {
		w.t.Fatal(err)
	}
	back, err := codec.Marshal(again)
	if err != nil || string(back) != string(raw) {
		w.t.Fatalf("%s was read back as %s (%v)", raw, back, err)
	}
	w.risk = again
}

// Whatever is in a command, it is carried out or refused with a code, and what is refused changes nothing.
func FuzzCommands(f *testing.F) {
	kinds := slices.Sorted(maps.Keys(risk.Commands))
	for i := range kinds {
		for _, body := range []string{
			`{}`, `[]`, `null`, `{"amount":"100000000"}`, `{"amount":"-1"}`, `{"amount":"9223372036854775807"}`, `{"id":"v","accused":"b","kind":"x","ref":"r"}`,
			`{"request":{"id":"v","uphold":true}}`, `{"request":{"id":"c","approve":true}}`, `{"id":"p","rates":{"x":0.1}}`,
			`{"pool":"p","value":"1000000","types":["x"],"term":"1h"}`, `{"policy":"x","type":"x","event":"e"}`,
			`{"name":"b","metric":"slashing","threshold":0.1,"refuse":["orders"]}`, `{"metric":"agent_failures","value":0.5}`,
		} {
			f.Add(uint8(i), true, body)
			f.Add(uint8(i), false, body)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, asOperator bool, body string) {
		w := newWorld(t)
		w.stake("a", 100*unit)
		w.pool(1000*unit, api.PoolTerms{})
		w.give("a", 100*unit)
		must[api.Policy](w, "a", "policies.buy", api.PolicyBuyRequest{ID: "x", Cover: cover(unit)})
		must[api.Claim](w, "a", "claims.file", claim("c", "x", "event"))
		must[api.Violation](w, "b", "violations.report", accuse("v", "a"))
		by := "a"
		if asOperator {
			by = operator
		}
		before := w.bytes()
		err := w.act(by, func(a *act.Act, d *risk.Draft) error {
			_, err := risk.Commands[kinds[int(kind)%len(kinds)]](a, d, []byte(body))
			return err
		})
		if err == nil {
			w.reload()
			w.pass(10 * day)
			return
		}
		if api.CodeOf(err) == api.Internal {
			t.Errorf("%v", err)
		}
		if w.bytes() != before {
			t.Errorf("refused with %v, and something has changed", err)
		}
	})
}
