package upgrade_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	economics "github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// outside are nouns of coordination that have buckets and no log.
var outside = []string{"locks", "elections", "cells", "barriers", "latches", "counters", "sequences", "rules"}

// parts are methods that the edge takes apart into commands of another.
var parts = map[string]string{"variables.coordinate_all": "variables.coordinate"}

// unfrozen are commands that no golden directory needs, and why.
var unfrozen = map[string]string{
	engine.KindClaim:    "a replica claims an effect whose runner is silent for seconds: TestRollingUpgrade kills some",
	engine.KindSnapshot: left["snapshots"],
	engine.KindVerified: left["snapshots"],
}

// ofEngine are the commands of every log.
var ofEngine = []string{engine.KindUse, engine.KindClaim, engine.KindPresent, engine.KindLeave, engine.KindSnapshot, engine.KindVerified}

// known are the commands that the machines have, by their logs.
func known() map[string][]string {
	all := map[string][]string{"economics": slices.Collect(maps.Keys(economics.Kinds()))}
	for _, m := range api.Methods {
		if kind := m.Noun + "." + m.Verb; m.Service == "coordination" && m.Write && !slices.Contains(outside, m.Noun) && parts[kind] == "" {
			all["coordination"] = append(all["coordination"], kind)
		}
	}
	return all
}

// forms are what commands of one kind may be, by the path in their bodies.
var forms = []struct {
	kind, path string
	want       []string
}{
	{"auctions.create", "type", texts(api.AuctionTypes)},
	{"markets.create", "type", texts(api.MarketTypes)},
	{"markets.order", "type", texts(api.OrderTypes)},
	{"markets.order", "side", texts(api.OrderSides)},
	{"tenders.announce", "execution", texts(api.TenderExecutions)},
	{"tenders.announce", "rule", texts(api.TenderRules)},
	{"tenders.complete", "outcome", texts(api.TenderOutcomes)},
	{"reports.ask", "kind", texts(api.ReportKinds)},
	{"sessions.start", "request/type", texts(api.SessionTypes)},
	{"variables.register", "conflict_resolution", texts(api.Resolutions)},
	{"variables.register", "scope", texts(api.VariableScopes)},
}

func texts[T ~string](of []T) (all []string) {
	for _, v := range of {
		all = append(all, string(v))
	}
	return all
}

// alone are what the machines do by themselves, when a timer is due or an effect has brought something, by the beginning of its key. Of the
// effects one is not here: a page of a transcript, which takes 256 steps.
var alone = map[string][]string{
	"economics": {
		"timer ledger/", "timer auction/", "timer tender/", "timer contract/", "timer bazaar/", "timer market/", "timer reputation/", "timer risk/violation/",
		"timer risk/policy/", "timer risk/claim/", "timer risk/breaker/", "outcome save/", "outcome ledger.page/", "outcome auction.solve/",
		"outcome tender.execute/", "outcome tender.check/",
	},
	"coordination": {"timer round/", "timer end/", "timer ended/", "timer archive", "outcome ask/", "outcome archive/"},
}

// Each command that a machine knows was carried out in the log of some golden directory, in each of its forms: rules that come to anything
// else than they did are found out by that.
func TestEveryCommandIsFrozen(t *testing.T) {
	applied := map[string]bool{} // "<log> <kind>", "<log> <kind> <path> <value>"
	for _, dir := range frozen(t) {
		conn, _ := restored(t, dir)
		all, _, _ := logs(t, conn)
		for log, happened := range all {
			note(applied, log, happened)
		}
	}
	for log := range known() {
		for _, kind := range ofEngine {
			if !applied[log+" "+kind] && unfrozen[kind] == "" {
				t.Errorf("no golden directory has a command %s in the log of %s: have it happen in fill", kind, log)
			}
		}
	}
	demand(t, applied, "freeze this version with a story that has it (docs/compatibility.md, \"Golden files\"), or say in unfrozen why none needs to")
}

// note takes note of what has happened.
func note(applied map[string]bool, log string, happened []happening) {
	for _, h := range happened {
		if h.Err != nil {
			continue
		}
		switch h.Kind {
		case engine.KindTimer:
			applied[log+" timer "+h.Key] = true
			continue
		case engine.KindOutcome:
			applied[log+" outcome "+h.Key] = true
			continue
		}
		applied[log+" "+h.Kind] = true
		for _, f := range forms {
			if f.kind == h.Kind {
				applied[fmt.Sprintf("%s %s %s", f.kind, f.path, value(h.Body, f.path))] = true
			}
		}
	}
}

// demand names what has not happened.
func demand(t *testing.T, applied map[string]bool, what string) {
	t.Helper()
	for log, kinds := range known() {
		for _, kind := range kinds {
			if !applied[log+" "+kind] && unfrozen[kind] == "" {
				t.Errorf("the log of %s has no command %s: %s", log, kind, what)
			}
		}
	}
	for _, f := range forms {
		for _, v := range f.want {
			if !applied[fmt.Sprintf("%s %s %s", f.kind, f.path, v)] {
				t.Errorf("no log has a command %s whose %s is %s: %s", f.kind, f.path, v, what)
			}
		}
	}
	for log, some := range alone {
		for _, begin := range some {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(applied)), func(s string) bool { return strings.HasPrefix(s, log+" "+begin) }) {
				t.Errorf("the log of %s has no %s...: %s", log, begin, what)
			}
		}
	}
}

// value is what a body has at a path, as text.
func value(body []byte, path string) string {
	for _, name := range strings.Split(path, "/") {
		var object map[string]json.RawMessage
		if json.Unmarshal(body, &object) != nil {
			return ""
		}
		body = object[name]
	}
	return strings.Trim(string(body), `"`)
}
