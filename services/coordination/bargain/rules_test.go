package bargain_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/bargain"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// haggle draws what anybody says, as a function of round and member alone, so that another order changes nothing.
func haggle(t *rapid.T, reliable bool) protocoltest.Answer {
	seed := rapid.Uint32().Draw(t, "seed")
	willing := rapid.Uint32Range(1, 9).Draw(t, "willing")
	return func(member string, round *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
		n := seed
		for _, c := range fmt.Sprintf("%s/%d", member, round.Number) {
			n = n*16777619 ^ uint32(c)
		}
		n >>= 8
		if !reliable && n%5 == 0 {
			return [][]byte{nil, []byte("broken")}[n%2], false
		}
		deal := fmt.Sprintf(`{"m0":%s,"%s":%s}`, api.Decimal(n%400_000), "m1", api.Decimal(n%300_000))
		switch {
		case round.Phase == bargain.PhaseUtilities:
			var a api.BargainUtilitiesAsk
			_ = codec.Read(ask.Ask, &a)
			var u []string
			for i := range a.Candidates {
				u = append(u, api.Decimal(int64(n+uint32(i)*48271)%7_000_000-1_000_000).String())
			}
			return json.RawMessage(`[` + strings.Join(u, ",") + `]`), true
		case round.Phase != bargain.PhaseResponse:
			return json.RawMessage(deal), true
		case n%10 < willing:
			return json.RawMessage(`{"response":"accept","utility":` + api.Decimal(n%2_000_000).String() + `}`), true
		case n%2 == 0:
			return json.RawMessage(`{"response":"counter","offer":` + deal + `}`), true
		}
		return json.RawMessage(`"reject"`), true
	}
}

func session(t *rapid.T, algorithms ...string) func() *api.Session {
	algorithm := rapid.SampledFrom(algorithms).Draw(t, "algorithm")
	members := make([]string, rapid.IntRange(2, 5).Draw(t, "members"))
	for i := range members {
		members[i] = fmt.Sprintf("m%d", i)
	}
	if algorithm == "bilateral_bargaining" {
		members = members[:2]
	}
	params := fmt.Sprintf(`{"total":1,"max_rounds":%d,"discount":%s,"absent":"%s"}`, rapid.IntRange(1, 8).Draw(t, "rounds"),
		api.Decimal(rapid.Int64Range(1, int64(api.One)).Draw(t, "discount")), rapid.SampledFrom([]string{"reject", "abstain"}).Draw(t, "absent"))
	return func() *api.Session { return protocoltest.New(api.SessionNegotiation, algorithm, params, members...) }
}

var all = []string{"alternating_offers", "bilateral_bargaining", "nash"}

// A negotiation ends within its offers, and an agreement is one: everybody whom it binds has made or accepted the offer.
func TestAnyNegotiation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := protocoltest.Play(t, bargain.Negotiation{}, session(t, all...)(), haggle(t, false), func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") })
		var p api.BargainParams
		if err := codec.Read(s.Params, &p); err != nil {
			t.Fatal(err)
		}
		var r api.BargainResult
		protocoltest.Result(t, s, &r)
		if len(s.Rounds) > 2*p.MaxRounds && s.Algorithm != "nash" || s.Algorithm == "nash" && len(s.Rounds) > 2 {
			t.Fatalf("%d rounds for %d offers of %s", len(s.Rounds), p.MaxRounds, s.Algorithm)
		}
		if !r.Agreement {
			if r.Reason == "" || r.Deal != nil || r.Parties != nil {
				t.Fatalf("%+v", r)
			}
			return
		}
		if len(r.Parties) < 2 || p.Absent == "reject" && len(r.Parties) != len(s.Members) {
			t.Fatalf("it binds %+v of %d", r.Parties, len(s.Members))
		}
		if s.Algorithm == "nash" {
			return
		}
		last := s.Rounds[len(s.Rounds)-1]
		for _, party := range r.Parties {
			if party.Member == r.ProposedBy {
				continue
			}
			for _, a := range last.Asks {
				if a.Member == party.Member && !strings.Contains(string(a.Answer), "accept") {
					t.Fatalf("%s is bound by %s and has said %s", a.Member, r.Deal, a.Answer)
				}
			}
		}
	})
}

// Of all candidates that nobody loses by, the one that is chosen has the greatest product of gains, and none is better for one and
// worse for none.
func TestNashIsParetoEfficient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, k := rapid.IntRange(2, 4).Draw(t, "members"), rapid.IntRange(1, 6).Draw(t, "candidates")
		worth := rapid.SliceOfN(rapid.SliceOfN(rapid.Int64Range(-1, 4), k, k), n, n).Draw(t, "worth")
		x, members, names := script{}, []string{}, make([]string, k)
		for i := range n {
			m := fmt.Sprintf("m%d", i)
			b, _ := json.Marshal(worth[i])
			members, x[m] = append(members, m), []string{string(b)}
		}
		for j := range k {
			names[j] = fmt.Sprint(j)
		}
		_, r := play(t, "nash", `{"candidates":[`+strings.Join(names, ",")+`]}`, members, x)
		product := func(j int) int64 { // -1 when somebody loses
			p := int64(1)
			for i := range n {
				if worth[i][j] < 0 {
					return -1
				}
				p *= worth[i][j]
			}
			return p
		}
		for j := range k {
			better, worse := false, !r.Agreement
			for i := range n {
				if r.Agreement {
					better, worse = better || worth[i][j] > worth[i][r.Offer-1], worse || worth[i][j] < worth[i][r.Offer-1]
				}
			}
			if r.Agreement && product(j) > product(r.Offer-1) || better && !worse || !r.Agreement && product(j) >= 0 {
				t.Fatalf("candidate %d is better than %+v", j+1, r)
			}
		}
		if r.Agreement && (fmt.Sprint(product(r.Offer-1)) != r.NashProduct || !*r.ParetoEfficient) {
			t.Fatalf("%+v has the product %d", r, product(r.Offer-1))
		}
	})
}

func TestOrderOfArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		begin, say := session(t, all...), haggle(t, true)
		first := protocoltest.Play(t, bargain.Negotiation{}, begin(), say, nil)
		second := protocoltest.Play(t, bargain.Negotiation{}, begin(), say, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") })
		if string(first.Result) != string(second.Result) {
			t.Fatalf("another order of answers gives another result:\n%s\n%s", first.Result, second.Result)
		}
	})
}

// FuzzAnswer: whatever JSON is answered in all phases, the session goes on to its end.
func FuzzAnswer(f *testing.F) {
	for _, a := range []string{`{"a":1}`, `"accept"`, `{"response":"counter","offer":{"b":1}}`, `{"offer":"x","utility":1}`, `[1,2]`, `{"utilities":[1],"reservation":2}`, `null`, `{"pass":true}`} {
		f.Add(a, a)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		if !codec.Valid([]byte(one)) || !codec.Valid([]byte(two)) {
			t.Skip("a request carries only JSON")
		}
		for _, algorithm := range all {
			for _, params := range []string{`{"max_rounds":3}`, `{"max_rounds":3,"total":5}`, `{"issues":{"x":["y","z"]},"max_rounds":3}`} {
				x := script{"a": {one, two, one, two, one, two}, "b": {two, one, two, one, two, one}}
				play(t, algorithm, params, ab, x)
			}
		}
	})
}
