package desk_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/ledger/desk"
	"github.com/mabus-project/mabus/shared/api"
)

// shapes are how the bodies of commands look, by their kind.
var shapes = map[string]string{
	"accounts.transfer": `{"from":"FROM","to":"TO","amount":"N"}`,
	"accounts.mint":     `{"to":"TO","amount":"N"}`,
	"accounts.burn":     `{"from":"FROM","amount":"N"}`,
	"assets.create":     `{"id":"NAME"}`,
	"holds.create":      `{"account":"FROM","amount":"N","beneficiary":"OTHER","id":"NAME","expires_in":"1m"}`,
	"holds.capture":     `{"to":"TO","amount":"N","id":"NAME"}`,
	"holds.release":     `{"id":"NAME"}`,
	"allowances.set":    `{"id":"NAME","account":"FROM","spender":"OTHER","total":"N"}`,
	"allowances.remove": `{"id":"NAME"}`,
	"with allowance":    `{"from":"FROM","to":"TO","amount":"N","allowance":"NAME"}`,
}

// totals returns what each owner has of each asset, available and held, without the accounts of issue.
func totals(s *ledger.State) map[string]api.Micro {
	sums := map[string]api.Micro{}
	for id, a := range s.Accounts {
		id := api.AccountID(id)
		if id == ledger.IssueAccount(id.Asset()) {
			continue
		}
		sums[id.Owner()+" "+id.Asset()] += a.Available + a.Held
	}
	return sums
}

// street is a ledger whose principals trust nobody.
type street struct {
	*ledger.State
	now      time.Time
	issued   []api.AssetTotals
	accepted map[string]int
}

// ask has a principal ask for something, and proves that nobody else is worse off by it unless he has allowed that.
func (s *street) ask(t *testing.T, shape, who, name, body string) {
	kind, allowed := shape, "" // whose loss the command may be
	switch shape {
	case "holds.capture":
		if h, ok := s.Holds["hold/"+name]; ok && h.Beneficiary == who {
			allowed = h.Account.Owner()
		}
	case "with allowance":
		kind = "accounts.transfer"
		if w, ok := s.Allowances[name]; ok && w.Spec.Spender == who {
			allowed = w.Spec.Account.Owner()
		}
	}
	before, d := totals(s.State), s.Draft()
	d.Now = s.now
	if _, err := desk.Commands[kind](&act.Act{Time: s.now, Principal: who, ID: "made", Ledger: d}, d, []byte(body)); err != nil {
		return
	}
	s.accepted[shape]++
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	d.Apply()
	if err := s.Audit(); err != nil {
		t.Fatal(err)
	}
	after := totals(s.State)
	for key, had := range before {
		owner, _, _ := strings.Cut(key, " ")
		if owner == api.SystemOwner && after[key] != had || after[key] < had && owner != who && owner != allowed {
			t.Fatalf("%s %s as %q: %s was %d and is %d", shape, body, who, key, had, after[key])
		}
	}
	for _, x := range s.Totals() {
		for _, had := range s.issued {
			if x.Asset == had.Asset && x.Issued != had.Issued {
				t.Fatalf("%s %s as %q: there are %d of %s", shape, body, who, x.Issued, x.Asset)
			}
		}
	}
}

// Whatever principals ask for who are no operators, nobody has less than before by somebody else's command, unless he has made a hold for
// him, or an allowance; what the system has stays as it is, and nobody's command makes more of what operators and rules issue.
func TestNobodyTakesWhatIsNotHis(t *testing.T) {
	owners := []string{"a", "b", "c", "mabus"}
	kinds := slices.Sorted(maps.Keys(shapes))
	accounts := []string{"a/pool", "a/pool", "a/pool", "b/pool", "b/pool", "c/pool", "c/pool", "a/pool/share", "a/x/x", "b/x/x", "c/x/x", "mabus/pool", "mabus/issue/x"}
	everybody := []string{"a", "b", "c", "mabus", ""}
	accepted := map[string]int{}
	r := rand.New(rand.NewPCG(1, 2))
	one := func(of []string) string { return of[r.IntN(len(of))] }
	for range 100 {
		s := &street{ledger.New(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), nil, accepted}
		d := s.Draft()
		for _, o := range owners {
			for _, asset := range []string{"credit", "share"} { // rules issue shares
				if err := d.Issue(api.Account(o, "pool", asset), 1000, ledger.Why{Kind: "test"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := d.Allow(api.AllowanceSpec{ID: "y", Account: "a/pool/credit", Spender: "b", Total: 700}); err != nil {
			t.Fatal(err)
		}
		d.Apply()
		s.issued = s.Totals()
		for range 100 {
			s.now = s.now.Add(time.Duration(r.IntN(40)) * time.Second)
			shape, name, first := one(kinds), one([]string{"x", "x", "y"}), r.IntN(len(everybody))
			body := strings.NewReplacer("FROM", one(accounts), "TO", one(accounts), "NAME", name, "N", strconv.Itoa(r.IntN(300)-1), "OTHER", one(owners)).
				Replace(shapes[shape])
			for i := range everybody { // who may do it is among them, and not always the first
				s.ask(t, shape, everybody[(i+first)%len(everybody)], name, body)
			}
		}
	}
	for _, kind := range kinds {
		if accepted[kind] < 5 {
			t.Errorf("%d of %s were accepted: the test sees too little", accepted[kind], kind)
		}
	}
}
