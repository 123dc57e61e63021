package economics_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// persist asks again while replicas go, under one request id, and then once more: the answer must be the same.
func persist[Req, Resp any](t *testing.T, c *rpc.Conn, id string, m api.Method[Req, Resp], r Req) (resp *Resp, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(rpc.WithRequestID(t.Context(), id), patience)
	defer cancel()
	for done := 0; done < 2; {
		if resp, err = rpc.Call(ctx, c, m, &r); api.CodeOf(err) != api.Unavailable || ctx.Err() != nil {
			done++
		}
	}
	return resp, err
}

// While replicas go and come, tasks are announced, bid for by all at once, awarded, delivered, and accepted by whoever is first: the
// winner of each is paid once, and nothing is held in the end.
func TestContractsAreSettledOnceWhenReplicasGo(t *testing.T) {
	t.Parallel()
	const n = 30
	r := world(t, 3)
	r.mint(n*1000, "boss")
	boss, bidders := r.as("boss"), []string{"a", "b", "c"}
	for _, who := range bidders {
		r.as(who)
	}
	var work sync.WaitGroup
	for i := range n {
		work.Go(func() {
			id := fmt.Sprintf("t%02d", i)
			spec := digging(id)
			spec.Rule, spec.Expected = api.TenderFirstPrice, len(bidders)
			if _, err := persist(t, boss, "announce-"+id, api.TendersAnnounce, spec); err != nil {
				t.Error(err)
				return
			}
			var all sync.WaitGroup
			for k, who := range bidders {
				all.Go(func() {
					if _, err := persist(t, r.conns[who], "bid-"+id, api.TendersBid, api.TenderBidRequest{ID: id, Price: api.Micro(100 + (i+k)%3)}); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			winner, contract := bidders[(3-i%3)%3], "tender-"+id
			if _, err := persist(t, r.conns[winner], "deliver-"+id, api.ContractsDeliver, api.ContractDeliverRequest{ID: contract}); err != nil {
				t.Error(err)
			}
			for _, accept := range []string{"accept-", "again-"} { // with another id it is another request, and comes too late
				_, err := persist(t, boss, accept+id, api.ContractsAccept, api.ContractAcceptRequest{ID: contract})
				late := api.ReasonOf(err) == api.ReasonContractEnded || api.ReasonOf(err) == api.ReasonContractNotFound
				if accept == "accept-" && err != nil || accept == "again-" && !late {
					t.Errorf("%s%s: %v", accept, id, err)
				}
			}
		})
	}
	r.stops[0]()
	r.replica(economics.Config{})
	r.stops[1]()
	work.Wait()
	for _, who := range bidders {
		r.comes(who, n/3*100, 0)
	}
	r.comes("boss", n*900, 0)
	natstest.Eventually(t, patience, func() bool {
		s := must(t, boss, api.ContractsStats, api.ContractsStatsRequest{})
		return s.Opened == n && s.Fulfilled == n && s.Paid == n*100
	}, "each is counted once")
	r.audit()
}
