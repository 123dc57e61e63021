package realm_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/services/economics/risk"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// requests are the types of bodies by kinds.
var requests = func() map[string]reflect.Type {
	all := map[string]reflect.Type{"violations.judge": reflect.TypeFor[risk.JudgeViolation](), "claims.judge": reflect.TypeFor[risk.JudgeClaim]()}
	for _, m := range api.Methods {
		kind := m.Noun + "." + m.Verb
		if _, ok := all[kind]; m.Service == "economics" && realm.Kinds()[kind] && !ok {
			all[kind] = m.Request
		}
	}
	return all
}()

// texts are for strings with a type of their own: what some of them may be.
var texts = []string{
	"", "english", "dutch", "first_price", "vickrey", "uniform", "double", "combinatorial", "multi_attribute", "incentive", "buy", "sell", "limit", "market", "ioc", "fok", "continuous",
	"call", "sealed_bid", "prediction", "midpoint", "mcafee", "first_score", "second_score", "score", "agent", "task", "announcer", "done", "failed", "effort", "quality", "low",
	"critical", "slashing", "volatility", "auctions", "transfers", "gold", "credit", "x1", "x2", "ann", "bob", "late", "operator", "mabus", "a b", "x1/x2",
}

// fill draws a value of a type. Fields that may be absent often are.
func (l *trio) fill(v reflect.Value) {
	switch v.Interface().(type) {
	case api.Micro:
		v.SetInt(pick(l, []int64{0, 1, 1_000_000, 5_000_000, 99_000_000, -1, api.MaxAmount, api.MaxAmount + 1, 1<<63 - 1, -1 << 63}))
		return
	case api.Decimal:
		v.SetInt(pick(l, []int64{0, 1, 50_000, 500_000, 999_999, 1_000_000, 1_000_001, -1, 1<<63 - 1, -1 << 63}))
		return
	case api.Duration:
		v.SetInt(int64(pick(l, []time.Duration{0, 1, time.Millisecond, time.Second, 9 * time.Second, time.Hour, -1, 1<<63 - 1})))
		return
	case api.AccountID:
		v.SetString(pick(l, []string{"", "ann", "bob/main/credit", "ann/main/gold", "eve/savings", "mabus", "mabus/fees/credit", "mabus/issue/gold", "a/b/c/d", "/", "x y"}))
		return
	case json.RawMessage:
		v.SetBytes([]byte(pick(l, spoilt)))
		return
	case time.Time:
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(pick(l, append(slices.Clone(texts), ids...)))
	case reflect.Bool:
		v.SetBool(l.IntN(2) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt(pick(l, []int64{0, 1, 2, 3, 9, -1, api.MaxQuantity, api.MaxQuantity + 1, 1<<63 - 1, -1 << 63}))
	case reflect.Uint64:
		v.SetUint(pick(l, []uint64{0, 1, 2, 3, 1<<64 - 1}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		l.fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), l.IntN(4), 4))
		for i := range v.Len() {
			l.fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range l.IntN(3) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			l.fill(key)
			l.fill(value)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if tag := f.Tag.Get("json"); strings.Contains(tag, ",omit") && l.IntN(3) > 0 {
				continue
			}
			l.fill(v.Field(i))
		}
	}
}

// drawn is a request that has nothing but the right fields.
func (l *trio) drawn(kind string) string {
	v := reflect.New(requests[kind])
	l.fill(v.Elem())
	raw, err := codec.Marshal(v.Interface())
	if err != nil {
		return pick(l, spoilt)
	}
	return string(raw)
}

// request draws what somebody asks for: most of it makes sense.
func (l *trio) request(kind, by string) string {
	switch n := l.IntN(20); {
	case n < 14:
		return l.seed(kind, by)
	case n < 17:
		return l.spoil(l.seed(kind, by))
	case n < 19:
		return l.drawn(kind)
	}
	return pick(l, spoilt)
}

// nouns go together. An economy is about some of them, so that much happens there.
var nouns = [][]string{
	{"accounts", "holds", "allowances", "assets"},
	{"auctions", "contracts"},
	{"auctions"},
	{"tenders", "contracts"},
	{"bazaars", "contracts"},
	{"markets"},
	{"markets"},
	{"reputation", "reports"},
	{"stakes", "violations"},
	{"pools", "policies", "claims"},
	{"breakers", "stakes"},
}

// about draws the kinds that are asked for. Bids and orders come more often.
func (l *trio) about() (kinds []string) {
	some := map[string]bool{}
	for range 1 + l.IntN(2) {
		for _, noun := range pick(l, nouns) {
			some[noun] = true
		}
	}
	all := l.IntN(6) == 0
	for _, kind := range slices.Sorted(maps.Keys(realm.Kinds())) {
		noun, verb, _ := strings.Cut(kind, ".")
		if all || some[noun] {
			kinds = append(kinds, kind)
			switch verb {
			case "bid", "order":
				kinds = append(kinds, kind, kind, kind, kind)
			case "create", "announce", "trade", "reveal", "file", "list_service", "put", "settle", "judge", "appeal", "request_service":
				kinds = append(kinds, kind, kind)
			}
		}
	}
	return kinds
}

// ask has a command carried out in an entry of its own. One that is refused must have changed nothing but the log's own book.
func (l *trio) ask(kinds []string, seen map[string]int) {
	l.Helper()
	kind, by := pick(l, kinds), l.who()
	switch l.IntN(3) {
	case 0: // who may do most
		by = "operator"
	case 1:
		by = cmp.Or(l.party(kind), by)
	}
	c := l.command(kind, by, l.request(kind, by))
	look := l.IntN(12) == 0
	before := ""
	if look {
		before = l.digest()
	}
	a := l.apply(c)
	if a.Replies[0].Err == nil {
		seen[kind]++
		return
	}
	if len(a.Events)+len(a.Started)+a.Fired > 0 || look && before != l.digest() {
		l.Fatalf("%s was refused (%v), and has changed something", l.last, a.Replies[0].Err)
	}
}

// live runs an economy for so many commands, and then until all that ends by itself has ended.
func (l *trio) live(commands int, seen map[string]int) {
	l.Helper()
	kinds := l.about()
	l.apply(l.command("assets.create", "ann", `{"id":"gold"}`))
	l.apply(l.command("stakes.configure", "operator", `{"minimum":"1000","unbonding":"4s","appeal":"9s","judging":"30s","retention":"60s","recovery":"60s","rates":{"fraud":0.5}}`))
	l.apply(l.command("pools.create", "ann", `{"id":"x1","rates":{"late":0.1,"fraud":0.2}}`))
	for _, p := range people {
		l.apply(l.command("accounts.mint", "operator", `{"to":"`+p+`","amount":"300000000"}`))
		l.apply(l.command("accounts.mint", "ann", `{"to":"`+p+`/main/gold","amount":"300000000"}`))
	}
	for i := range commands {
		l.ask(kinds, seen)
		l.settle(l.IntN(6))
		if l.IntN(5) == 0 {
			l.pass(time.Duration(l.IntN(4000)) * time.Millisecond)
		}
		if i%50 == 49 {
			l.renew()
			if err := l.state().Ledger.Audit(); err != nil {
				l.Fatalf("%v", err)
			}
		}
	}
	l.settle(0)
	l.end()
}

// end waits for years. Whatever has a time is over then, and holds nothing. What measures or clears by itself for ever is taken away before.
func (l *trio) end() {
	l.Helper()
	for _, id := range l.state().Risk.Breakers.IDs() {
		l.apply(l.command("breakers.remove", "operator", `{"name":"`+id+`"}`))
	}
	for _, id := range l.state().Markets.Markets.IDs() {
		l.apply(l.command("markets.close", "operator", `{"id":"`+id+`"}`))
	}
	for range 12 {
		l.pass(100 * 24 * time.Hour)
	}
	s := l.state()
	if n := len(s.Auctions.Auctions) + len(s.Auctions.Bids) + len(s.Tenders.Tenders) + len(s.Tenders.Bids) + len(s.Contracts.Contracts); n > 0 {
		l.Fatalf("years later: auctions %v, tenders %v, contracts %v", s.Auctions.Auctions.IDs(), s.Tenders.Tenders.IDs(), s.Contracts.Contracts.IDs())
	}
	for _, id := range s.Ledger.Holds.IDs() {
		if kind, _, _ := strings.Cut(id, "/"); !slices.Contains([]string{"hold", "stake", "policy", "market"}, kind) || kind == "hold" && !s.Ledger.Holds[id].ExpiresAt.IsZero() {
			l.Fatalf("years later %s holds %+v", id, s.Ledger.Holds[id])
		}
	}
	if err := s.Ledger.Audit(); err != nil {
		l.Fatalf("%v", err)
	}
	l.renew()
}

// junkSeeds are the economies of a run; -junk.seeds wants more.
var junkSeeds = flag.Uint64("junk.seeds", 14, "how many economies TestJunkLeavesNoTrace runs")

// Whatever is asked, by whomever: it is done, or refused with a reason and without a trace, everywhere in the same way.
func TestJunkLeavesNoTrace(t *testing.T) {
	seen := map[string]int{}
	for seed := range *junkSeeds {
		newTrio(t, seed).live(300, seen)
	}
	missing := slices.DeleteFunc(slices.Sorted(maps.Keys(realm.Kinds())), func(kind string) bool { return seen[kind] > 0 })
	if most := max(0, 24-int(*junkSeeds)/50); len(missing) > most {
		t.Errorf("never accepted, draw better ones: %v", missing)
	}
}
