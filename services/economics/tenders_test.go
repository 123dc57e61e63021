package economics_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func digging(id string) api.TenderSpec {
	return api.TenderSpec{ID: id, Task: api.TenderTask{Capability: "dig"}, Budget: 1000}
}

// ended waits for the end of a tender.
func ended(t *testing.T, c *rpc.Conn, id string) *api.Tender {
	t.Helper()
	var since api.TenderState
	for {
		v := must(t, c, api.TendersGet, api.TenderGetRequest{ID: id, Since: since, Wait: api.Duration(patience / 2)})
		if since = v.State; v.State.Over() {
			return v
		}
	}
}

// comes waits until every replica that is asked says that somebody has so much: one may be a moment behind another that has answered.
func (r *rig) comes(who string, available, held api.Micro) {
	r.t.Helper()
	have := func() *api.LedgerAccount {
		return must(r.t, r.as(economics.DefaultOperator), api.AccountsGet, api.AccountGetRequest{Account: api.AccountID(who)})
	}
	natstest.Eventually(r.t, patience, func() bool { a := have(); return a.Available == available && a.Held == held }, "%s has %d and %d held", who, available, held)
}

func TestTaskMarketOverNATS(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	r.mint(10_000, "boss")
	boss := r.as("boss")
	spec := digging("t")
	spec.Bidding, spec.Terms.Fee, spec.Expected = api.Duration(time.Minute), 100_000, 3

	found := make(chan string, 1)
	go func() { // who waits for work is told of it
		resp, err := call(t, r.conns["boss"], api.TendersList, api.TendersListRequest{Capability: "dig", State: api.TenderOpen, Wait: api.Duration(patience / 2)})
		if err != nil || len(resp.Tenders) != 1 {
			found <- fmt.Sprint(resp, err)
			return
		}
		found <- resp.Tenders[0].ID
	}()
	opened := must(t, boss, api.TendersAnnounce, spec)
	if id := <-found; id != "t" || opened.Revision == "" {
		t.Errorf("found is %s", id)
	}
	r.comes("boss", 9000, 1000)
	seen := ""
	for i, who := range []string{"a", "b", "c"} {
		if i == 2 {
			if v := must(t, r.as("a"), api.TendersGet, api.TenderGetRequest{ID: "t", MinRevision: seen}); len(v.Bids) != 1 || v.Bids[0].Bidder != "a" || v.BidCount != 2 {
				t.Errorf("a sees %+v", v)
			}
			if v := must(t, boss, api.TendersGet, api.TenderGetRequest{ID: "t", MinRevision: seen}); len(v.Bids) != 0 || v.BidCount != 2 {
				t.Errorf("the announcer sees %+v", v)
			}
		}
		seen = must(t, r.as(who), api.TendersBid, api.TenderBidRequest{ID: "t", Price: api.Micro(500 + 100*i)}).Revision
	}
	won := must(t, r.as("a"), api.TendersList, api.TendersListRequest{Winner: "a", State: api.TenderAwarded, Wait: api.Duration(patience / 2)})
	if len(won.Tenders) != 1 || won.Tenders[0].Award.Price != 600 {
		t.Fatalf("%+v", won)
	}
	contract := won.Tenders[0].Award.Contract
	if list := must(t, boss, api.ContractsList, api.ContractsListRequest{Party: "a", MinRevision: seen}); len(list.Contracts) != 1 || list.Contracts[0].ID != contract {
		t.Errorf("%+v", list)
	}
	must(t, r.as("a"), api.ContractsDeliver, api.ContractDeliverRequest{ID: contract, Result: []byte(`{"hole":1}`)})
	if c := must(t, boss, api.ContractsGet, api.ContractGetRequest{
		ID: contract, Since: api.ContractOpen,
		Wait: api.Duration(patience / 2),
	}); c.State != api.ContractDelivered || string(c.Result) != `{"hole":1}` {
		t.Errorf("%+v", c)
	}
	quality := api.Decimal(950_000)
	seen = must(t, boss, api.ContractsAccept, api.ContractAcceptRequest{ID: contract, Quality: &quality}).Revision
	if v := ended(t, boss, "t"); v.State != api.TenderDone || len(v.Bids) != 3 || v.Contract.Outcome.Settlement.Paid != 600 {
		t.Errorf("%+v", v)
	}
	r.comes("boss", 9400, 0)
	r.comes("a", 540, 0)
	r.comes("mabus/fees", 60, 0)
	if rep := must(t, boss, api.ReputationGet, api.ReputationGetRequest{Agent: "a", Domain: "dig", MinRevision: seen}); rep.Records != 1 || rep.Quality != quality {
		t.Errorf("%+v", rep)
	}
	natstest.Eventually(t, patience, func() bool { return len(must(t, boss, api.TendersList, api.TendersListRequest{}).Tenders) == 0 }, "it is archived")
	if v := must(t, boss, api.TendersGet, api.TenderGetRequest{ID: "t"}); v.State != api.TenderDone || len(v.Bids) != 3 || v.Contract == nil {
		t.Errorf("from the archive comes %+v", v)
	}
	natstest.Eventually(t, patience, func() bool { return len(must(t, boss, api.ContractsList, api.ContractsListRequest{}).Contracts) == 0 },
		"its contract is too")
	if c := must(t, boss, api.ContractsGet, api.ContractGetRequest{ID: contract}); c.State != api.ContractFulfilled {
		t.Errorf("from the archive comes %+v", c)
	}
	refused(t, boss, api.TendersAnnounce, digging("t"), api.Conflict, api.ReasonTenderExists)
	if s := must(t, boss, api.ContractsStats, api.ContractsStatsRequest{MinRevision: seen}); s.Fulfilled != 1 || s.Paid != 600 || s.Fees != 60 {
		t.Errorf("%+v", s)
	}
	r.audit()
}

// Everything that the clock does to tenders and contracts, it does by itself.
func TestTendersEndByThemselves(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	r.mint(10_000, "boss")
	boss, a := r.as("boss"), r.as("a")
	soon := api.Duration(100 * time.Millisecond)
	nobody, late, unjudged := digging("nobody"), digging("late"), digging("unjudged")
	nobody.Bidding, late.Bidding, unjudged.Bidding = soon, 30*soon, 30*soon // in which the bids come
	late.Terms.Completion, unjudged.Terms.Judging = soon, soon
	for _, spec := range []api.TenderSpec{nobody, late, unjudged} {
		must(t, boss, api.TendersAnnounce, spec)
		if spec.ID != "nobody" {
			must(t, a, api.TendersBid, api.TenderBidRequest{ID: spec.ID, Price: 400})
		}
	}
	v := must(t, a, api.TendersGet, api.TenderGetRequest{ID: "unjudged", Since: api.TenderOpen, Wait: api.Duration(patience / 2)})
	must(t, a, api.ContractsDeliver, api.ContractDeliverRequest{ID: v.Award.Contract})
	for id, want := range map[string]api.TenderState{"nobody": api.TenderNoBids, "late": api.TenderFailed, "unjudged": api.TenderDone} {
		if v := ended(t, boss, id); v.State != want {
			t.Errorf("%s is %s", id, v.State)
		}
	}
	r.comes("boss", 9000, 0) // who bids alone gets the budget
	r.comes("a", 1000, 0)
	r.audit()
}

// A job has hundreds of tasks: they are announced, bid for, awarded and settled, and a request that is repeated does nothing twice.
func TestManyTenders(t *testing.T) {
	t.Parallel()
	const n = 120
	r := world(t, 3)
	r.mint(n*1000, "boss")
	boss := r.as("boss")
	specs := make([]api.TenderSpec, n, n+2)
	for i := range specs {
		specs[i] = digging(fmt.Sprintf("t%03d", i))
		specs[i].Expected, specs[i].Execution, specs[i].Task.Job = 3, api.TenderByAnnouncer, "garden"
	}
	dear := digging("dear")
	dear.Budget = n*1000 + 1
	specs = append(specs, dear, digging("a b"))
	ctx := rpc.WithRequestID(t.Context(), "announce")
	for range 2 {
		resp, err := rpc.Call(ctx, boss, api.TendersAnnounceMany, &api.TendersAnnounceManyRequest{Tenders: specs})
		if err != nil || len(resp.Results) != n+2 || resp.Revision == "" {
			t.Fatalf("%+v, %v", resp, err)
		}
		for i, res := range resp.Results[:n] {
			if res.ID != specs[i].ID || res.Error != nil {
				t.Fatalf("%+v", res)
			}
		}
		for i, code := range []api.Code{api.FailedPrecondition, api.Invalid} {
			if e := resp.Results[n+i].Error; e == nil || e.Code != code {
				t.Errorf("%s: %v", specs[n+i].ID, e)
			}
		}
	}
	if again := must(t, boss, api.TendersAnnounceMany, api.TendersAnnounceManyRequest{Tenders: specs[:1]}); again.Results[0].Error == nil ||
		again.Results[0].Error.Code != api.Conflict {
		t.Errorf("%+v", again)
	}
	r.comes("boss", 0, n*1000)
	var bidders sync.WaitGroup
	for i, who := range []string{"a", "b", "c"} {
		conn := r.as(who)
		bidders.Go(func() {
			bids := make([]api.TenderBidRequest, n)
			for k := range bids {
				bids[k] = api.TenderBidRequest{ID: specs[k].ID, Price: api.Micro(100 + (i+k)%3*100)}
			}
			resp, err := call(t, conn, api.TendersBidMany, api.TendersBidManyRequest{Bids: append(bids, api.TenderBidRequest{ID: "none", Price: 1})})
			if err != nil || resp.Results[0].Error != nil || resp.Results[n].Error == nil || resp.Results[n].Error.Details.Reason != api.ReasonTenderNotFound {
				t.Errorf("%v", err)
			}
		})
	}
	bidders.Wait()
	var page *api.TendersListResponse
	natstest.Eventually(t, patience, func() bool {
		page = must(t, boss, api.TendersList, api.TendersListRequest{State: api.TenderAwarded, Job: "garden", Limit: 1000})
		return len(page.Tenders) == n
	}, "every replica has seen them awarded")
	wins := map[string]int{}
	for _, v := range page.Tenders {
		wins[v.Award.Winner]++
		if v.Award.Price != 200 {
			t.Errorf("%+v", v.Award)
		}
		must(t, boss, api.TendersComplete, api.TenderCompleteRequest{ID: v.ID, Outcome: api.OutcomeDone})
	}
	for _, who := range []string{"a", "b", "c"} {
		if wins[who] != n/3 {
			t.Errorf("%v have won", wins)
		}
		r.comes(who, n/3*200, 0)
	}
	r.comes("boss", n*800, 0)
	r.audit()
}

func TestBareJunkForTenders(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	r.mint(10_000, "boss")
	must(t, r.as("boss"), api.TendersAnnounce, digging("t"))
	for _, price := range []string{`"-1"`, `"0"`, `"1.5"`, `"NaN"`, `"1e9"`, `"9223372036854775808"`, `1`, `null`, `"1000000000000001"`} {
		for method, body := range map[string]string{
			"tenders.announce":        `{"id":"u","task":{"capability":"dig"},"budget":%s}`,
			"tenders.bid":             `{"id":"t","price":%s}`,
			"bazaars.list_service":    `{"market":"m","service_type":"dig","price":%s}`,
			"bazaars.request_service": `{"market":"m","listing":"l","max_cost":%s}`,
		} {
			msg, err := r.as("boss").NC.Request("mabus.as.boss.economics."+method, fmt.Appendf(nil, body, price), patience)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(msg.Data), `"code":"invalid"`) {
				t.Errorf("%s with %s: %s", method, price, msg.Data)
			}
		}
	}
	r.comes("boss", 9000, 1000)
}
