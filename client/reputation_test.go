package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// What is read after a wait is no older than what the wait has told, whichever replica answers.
func TestWhatIsReadAfterAWaitIsNoOlder(t *testing.T) {
	s := newScripted(t)
	const told = "told"
	s.serve(t, "economics", func(srv *rpc.Server) {
		rpc.Handle(srv, api.ReputationWait, func(context.Context, *api.ReputationWaitRequest) (*api.Reputation, error) {
			return &api.Reputation{Version: 1, Revision: told}, nil
		})
		rpc.Handle(srv, api.ReportsGet, func(context.Context, *api.ReportGetRequest) (*api.Report, error) {
			return &api.Report{State: api.ReportSettled, Revision: told}, nil
		})
		rpc.Handle(srv, api.MarketsWait, func(context.Context, *api.MarketWaitRequest) (*api.Market, error) {
			return &api.Market{Version: 1, Revision: told}, nil
		})
		rpc.Handle(srv, api.AccountsWait, func(context.Context, *api.AccountWaitRequest) (*api.LedgerAccount, error) {
			return &api.LedgerAccount{Entries: 1, Revision: told}, nil
		})
		rpc.Handle(srv, api.TendersGet, func(context.Context, *api.TenderGetRequest) (*api.Tender, error) {
			return &api.Tender{State: api.TenderDone, Revision: told}, nil
		})
		rpc.Handle(srv, api.ContractsGet, func(context.Context, *api.ContractGetRequest) (*api.Contract, error) {
			return &api.Contract{State: api.ContractFulfilled, Revision: told}, nil
		})
		rpc.Handle(srv, api.ReputationStats, func(_ context.Context, r *api.ReputationStatsRequest) (*api.ReputationStatsResponse, error) {
			return &api.ReputationStatsResponse{Revision: r.MinRevision}, nil
		})
	})
	ctx := within(t, patience)
	for name, wait := range map[string]func(c *client.Client) error{
		"a reputation": func(c *client.Client) (err error) {
			for _, err = range c.Reputation.Follow(ctx, "a", "", 0) {
				break
			}
			return err
		},
		"a report": func(c *client.Client) error { _, err := c.Reports.Ended(ctx, "a"); return err },
		"a market": func(c *client.Client) (err error) {
			for _, err = range c.Markets.Watch(ctx, "a") {
				break
			}
			return err
		},
		"an account": func(c *client.Client) error { _, err := c.Ledger.Wait(ctx, "a", 0); return err },
		"a tender":   func(c *client.Client) error { _, err := c.Tenders.Wait(ctx, "a"); return err },
		"a contract": func(c *client.Client) error { _, err := c.Contracts.Wait(ctx, "a"); return err },
	} {
		c := client.New(s.Conn())
		if err := wait(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := c.Reputation.Stats(ctx); err != nil || got.Revision != told {
			t.Errorf("%s: afterwards revision %q is asked for, %v", name, got.Revision, err)
		}
	}
}

// inEconomy starts a server with two replicas of the economy, and returns what connects a principal.
func inEconomy(ctx context.Context, t *testing.T) func(principal string) *client.Client {
	t.Helper()
	url := natstest.Start(t).URL()
	connect := func(principal string) *client.Client {
		c, err := client.Connect(ctx, client.Options{URL: url, Principal: principal})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	for range 2 {
		conn, err := rpc.Dial(ctx, rpc.Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		s, err := economics.Start(ctx, conn, economics.Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			stop, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
			defer cancel()
			if err := s.Stop(stop); err != nil {
				t.Error(err)
			}
		})
	}
	return connect
}

func TestAReputationIsFollowed(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	connect := inEconomy(ctx, t)
	op, ann := connect(economics.DefaultOperator), connect("ann")
	for i, ref := range []string{"r1", "r2", "r3"} {
		if _, err := op.Reputation.Record(ctx, api.ReputationRecordRequest{Agent: "a", Ref: ref, Quality: api.One, Satisfaction: api.One}); err != nil {
			t.Fatal(err)
		}
		got, err := op.Reputation.Get(ctx, "a", "") // what the client has written itself
		if err != nil || got.Records != i+1 {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	var after uint64
	for r, err := range ann.Reputation.Follow(ctx, "a", "", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Version <= after {
			t.Fatalf("version %d after %d", r.Version, after)
		}
		if after = r.Version; after >= 4 {
			break
		}
		if _, err := op.Reputation.Penalise(ctx, api.ReputationPenaliseRequest{Agent: "a", Violation: "x", Ref: "v1"}); err != nil && api.ReasonOf(err) != api.ReasonAlreadyPenalised {
			t.Fatal(err)
		}
	}
	if h, err := ann.Reputation.History(ctx, "a", "", 2); err != nil || len(h.Records) != 2 || len(h.Penalties) != 1 {
		t.Errorf("%+v, %v", h, err)
	}
	short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	defer stop()
	for r, err := range ann.Reputation.Follow(short, "a", "", after) {
		if err == nil {
			t.Errorf("%+v", r)
		}
	}
}

func TestAReportIsAwaited(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	connect := inEconomy(ctx, t)
	op, ann, worker := connect(economics.DefaultOperator), connect("ann"), connect("worker")
	if _, err := op.Ledger.Mint(ctx, api.MintRequest{To: "ann", Amount: 1000}); err != nil {
		t.Fatal(err)
	}
	asked, err := ann.Reports.Ask(ctx, api.ReportSpec{Agent: "worker", Kind: api.ReportEffort, Scale: 1000})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan *api.Report, 1)
	go func() {
		r, err := worker.Reports.Ended(ctx, asked.ID)
		if err != nil {
			t.Error(err)
		}
		ended <- r
	}()
	if _, err := worker.Reports.Submit(ctx, asked.ID, 500_000); err != nil {
		t.Fatal(err)
	}
	if _, err := ann.Reports.Settle(ctx, asked.ID, 500_000); err != nil {
		t.Fatal(err)
	}
	if r := <-ended; r == nil || r.State != api.ReportSettled || r.Paid != 1000 {
		t.Errorf("%+v", r)
	}
	if list, err := ann.Reports.List(ctx, api.ReportsListRequest{Agent: "worker"}); err != nil || len(list) != 1 || list[0].ID != asked.ID {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := ann.Reports.Get(ctx, "other"); api.ReasonOf(err) != api.ReasonReportNotFound {
		t.Error(err)
	}
}
