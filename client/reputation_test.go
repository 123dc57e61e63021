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
