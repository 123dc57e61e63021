package economics_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// A job by the SDK: tasks are announced together, bidders wait for work, bid, win, deliver, and are paid; and a service is bought.
func TestTaskMarketByTheSDK(t *testing.T) {
	t.Parallel()
	const n = 5
	r := world(t, 3)
	r.mint(100_000, "boss", "a")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	boss := client.New(r.as("boss"))
	done := make(chan error, 2)
	for _, who := range []string{"a", "b"} {
		worker := client.New(r.as(who))
		go func() { done <- toil(ctx, worker, who, n) }()
	}
	specs := make([]api.TenderSpec, n)
	for i := range specs {
		specs[i] = digging(fmt.Sprint("t", i))
		specs[i].Invited = []string{"a", "b"}
	}
	results, err := boss.Tenders.AnnounceMany(ctx, specs)
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range results {
		v, err := boss.Tenders.Wait(ctx, res.ID, api.TenderAwarded)
		if err != nil || v.State != api.TenderAwarded {
			t.Fatalf("%+v, %v", v, err)
		}
		c, err := boss.Contracts.Get(ctx, v.Award.Contract)
		if err != nil || c.Provider != "b" {
			t.Fatalf("%+v, %v", c, err)
		}
		if c, err = boss.Contracts.Wait(ctx, c.ID, api.ContractDelivered); err != nil {
			t.Fatal(err)
		}
		if _, err = boss.Contracts.Accept(ctx, api.ContractAcceptRequest{ID: c.ID}); err != nil {
			t.Fatal(err)
		}
		if v, err = boss.Tenders.Wait(ctx, res.ID); err != nil || v.State != api.TenderDone {
			t.Errorf("%+v, %v", v, err)
		}
		if c, err = boss.Contracts.Wait(ctx, c.ID); err != nil || c.Outcome.Settlement.Paid != 200 {
			t.Errorf("%+v, %v", c, err)
		}
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	r.comes("b", n*200, 0)
	if stats, err := boss.Contracts.Stats(ctx); err != nil || stats.Fulfilled != n {
		t.Errorf("%+v, %v", stats, err)
	}
}

// toil bids for n tasks, and delivers those that it wins: all of them, if it is b.
func toil(ctx context.Context, c *client.Client, who string, n int) error {
	price := map[string]api.Micro{"a": 200, "b": 100}[who]
	for bid := 0; bid < n; {
		open, err := c.Tenders.List(ctx, api.TendersListRequest{Capability: "dig", Fresh: true, Wait: api.Duration(patience)})
		if err != nil {
			return err
		}
		bids := make([]api.TenderBidRequest, len(open.Tenders))
		for i := range bids {
			bids[i] = api.TenderBidRequest{ID: open.Tenders[i].ID, Price: price}
		}
		results, err := c.Tenders.BidMany(ctx, bids)
		if err != nil {
			return err
		}
		for _, res := range results {
			if res.Error != nil {
				return res.Error
			}
		}
		bid += len(bids)
	}
	for delivered := 0; who == "b" && delivered < n; {
		for t, err := range c.Tenders.All(ctx, api.TendersListRequest{Winner: who, State: api.TenderAwarded, Limit: 2, Wait: api.Duration(patience)}) {
			if err != nil {
				return err
			}
			_, err = c.Contracts.Deliver(ctx, t.Award.Contract, "dug")
			switch api.ReasonOf(err) {
			case api.ReasonAlreadyDelivered, api.ReasonContractEnded:
				continue
			}
			if err != nil {
				return err
			}
			delivered++
		}
	}
	return nil
}

func TestBazaarByTheSDK(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	r.mint(1000, "buyer")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	owner, p, buyer := client.New(r.as("owner")).Bazaars, client.New(r.as("p")), client.New(r.as("buyer"))
	if _, err := owner.Create(ctx, api.BazaarSpec{ID: "m", Name: "holes"}); err != nil {
		t.Fatal(err)
	}
	if m, err := owner.Get(ctx, "m"); err != nil || m.Owner != "owner" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := p.Bazaars.ListService(ctx, api.ListingSpec{Bazaar: "m", ID: "l", ServiceType: "dig", Price: 300}); err != nil {
		t.Fatal(err)
	}
	if found, err := p.Bazaars.Search(ctx, api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig"}); err != nil || found.Found != 1 {
		t.Errorf("%+v, %v", found, err)
	}
	x, err := buyer.Bazaars.RequestService(ctx, api.ServiceRequest{Bazaar: "m", Listing: "l", MaxCost: 500})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := buyer.Contracts.List(ctx, api.ContractsListRequest{Party: "buyer", Origin: "bazaar/m/"}); err != nil || len(list) != 1 || list[0].ID != x.Contract {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := p.Contracts.Deliver(ctx, x.Contract, nil); err != nil {
		t.Fatal(err)
	}
	if c, err := buyer.Contracts.Reject(ctx, x.Contract, "no hole"); err != nil || c.State != api.ContractBreached {
		t.Errorf("%+v, %v", c, err)
	}
	r.comes("buyer", 1000, 0)
	if list, err := buyer.Bazaars.Transactions(ctx, api.BazaarTransactionsRequest{Bazaar: "m"}); err != nil || len(list) != 1 || list[0].State != api.ContractBreached {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := p.Bazaars.Unlist(ctx, "m", "l"); err != nil {
		t.Error(err)
	}
	if a, err := p.Bazaars.Analytics(ctx, "m"); err != nil || a.Listings != 0 || a.Total.Opened != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := owner.Close(ctx, "m"); err != nil {
		t.Error(err)
	}
	if all, err := buyer.Bazaars.List(ctx, api.BazaarsListRequest{}); err != nil || len(all) > 1 {
		t.Errorf("%+v, %v", all, err)
	}
}
