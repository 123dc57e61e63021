package run_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/mabus-project/mabus/client/job/input"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// A replica that is stopped while it has a bulk request answers with errors of its parts.
func TestAReplicaThatLeavesIsNotTheEndOfAMarket(t *testing.T) {
	t.Parallel()
	const had, n = 1_000_000, 60
	c, j := rich(t, had)
	j.Limits.MaxInflight = 5
	conn := c.Conn()
	leaves, err := conn.NC.QueueSubscribe(api.As(conn.Namespace, "payer", api.TendersAnnounceMany.Subject(conn.Namespace)), micro.DefaultQueueGroup, func(msg *nats.Msg) {
		var r api.TendersAnnounceManyRequest
		if err := codec.Decode(msg.Data, &r); err != nil {
			t.Error(err)
		}
		resp := &api.TendersAnnounceManyResponse{}
		for i := range r.Tenders {
			resp.Results = append(resp.Results, api.TenderResult{
				ID: r.Tenders[i].ID, Error: api.Errorf(api.Unavailable, "this replica is stopping: ask again").WithReason(api.ReasonDraining),
			})
		}
		body, err := codec.Marshal(resp)
		if err == nil {
			err = msg.Respond(body)
		}
		if err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = leaves.Unsubscribe() }()
	r, err := sell(t.Context(), t, c, j, "m1", values(n), had)
	if err != nil || r.Stats().Done != n-1 {
		t.Fatalf("%+v, %v", r.Stats(), err)
	}
	if paid := balanced(t, c, had, "m1"); paid != r.Market().Paid {
		t.Errorf("%d were paid: %+v", paid, r.Market())
	}
}

// Ids of tenders can be guessed: work does not go to whom somebody else has chosen, or chooses.
func TestATenderOfSomebodyElseIsNotTaken(t *testing.T) {
	t.Parallel()
	const had = 1_000_000
	c, j := rich(t, had)
	if _, err := as(c, "operator").Ledger.Mint(t.Context(), api.MintRequest{To: "eve", Amount: had}); err != nil {
		t.Fatal(err)
	}
	for item, err := range input.Expand([]string{"-"}, input.Options{Stdin: strings.NewReader(values(1))}) {
		if err != nil {
			t.Fatal(err)
		}
		payload, err := item.Payload()
		if err != nil {
			t.Fatal(err)
		}
		task := j.Plan("m1", &item.Input, payload)[0]
		id := "m-" + task.ID + "-0"
		if _, err := as(c, "eve").Tenders.Announce(t.Context(), api.TenderSpec{
			ID: id, Budget: 100, Expected: 1, Task: api.TenderTask{Capability: task.Capability},
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := as(c, "mallory").Tenders.Bid(t.Context(), api.TenderBidRequest{ID: id, Price: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sell(t.Context(), t, c, j, "m1", values(1), had); api.ReasonOf(err) != api.ReasonNotOwner || !strings.Contains(err.Error(), "eve") {
		t.Errorf("%v", err)
	}
	balanced(t, c, had, "m1")
}

// Agents look past tenders that pay too little, however many there are.
func TestTendersThatPayTooLittleHideNoOthers(t *testing.T) {
	t.Parallel()
	const had, n = 1_000_000, 20
	c, j := rich(t, had)
	if _, err := as(c, "operator").Ledger.Mint(t.Context(), api.MintRequest{To: "miser", Amount: had}); err != nil {
		t.Fatal(err)
	}
	miser := as(c, "miser").Tenders
	for part := range 3 {
		cheap := make([]api.TenderSpec, api.MaxBulk/2)
		for i := range cheap {
			cheap[i] = api.TenderSpec{ID: fmt.Sprintf("a-%d-%d", part, i), Budget: 1, Task: api.TenderTask{Capability: "square"}}
		}
		results, err := miser.AnnounceMany(t.Context(), cheap)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.Error != nil {
				t.Fatal(r.Error)
			}
		}
	}
	r, err := sell(t.Context(), t, c, j, "m1", values(n), had)
	if err != nil || r.Stats().Done != n-1 {
		t.Fatalf("%+v, %v", r.Stats(), err)
	}
	balanced(t, c, had, "m1")
}

// A price beyond all bounds is no price that turns round: nobody is paid it, and the run says what is missing.
func TestAPriceBeyondAllBounds(t *testing.T) {
	t.Parallel()
	const had = 1_000_000
	c, j := rich(t, had)
	j.Agents[0].Ask = &api.AgentAsk{Price: 1, PerKiB: api.MaxAmount}
	_, err := sell(t.Context(), t, c, j, "m1", `{"n":1,"pad":"`+strings.Repeat("x", 10_000_000)+`"}`, had)
	if err == nil || !strings.Contains(err.Error(), "budget") {
		t.Errorf("%v", err)
	}
	balanced(t, c, had, "m1")
}
