package agenthost

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	bidWait    = 20 * time.Second // of one request for tenders, which is answered when there are some
	bidPause   = time.Second      // after an error, and between two looks at what the agent has not done yet
	minPromise = time.Minute      // shorter ones are not worth a breach
	margin     = 10               // times the mean time of its tasks is what an agent promises: who is late is not paid
	smooth     = 0.2              // the weight of the newest task in the mean time of one
)

// tally is what the host has measured of an agent's tasks since it took the agent up.
type tally struct {
	mu         sync.Mutex
	mean       time.Duration // of one task; 0 before the first
	done, good int
}

func (r *tally) did(took time.Duration, good bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done++; good {
		r.good++
	}
	if r.mean == 0 {
		r.mean = took
	}
	r.mean += time.Duration(smooth * float64(took-r.mean))
}

// promise is how long the agent needs for one more task behind those that it has, 0 if nobody knows, and the share of its tasks that went
// well, 0 before the first.
func (r *tally) promise(behind int) (time.Duration, api.Decimal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done == 0 {
		return 0, 0
	}
	return margin * r.mean * time.Duration(behind+1), api.Decimal(int64(r.good) * int64(api.One) / int64(r.done))
}

// bid bids for the agent, in its name, as long as it runs here: for every tender of its capabilities for which it may bid and has not.
func (h *hosted) bid() {
	ctx, cancel := context.WithCancel(h.life)
	defer cancel()
	var work sync.WaitGroup
	for _, capability := range h.rec.Capabilities {
		work.Go(func() { h.bidFor(ctx, capability) })
	}
	work.Wait()
}

func (h *hosted) bidFor(ctx context.Context, capability string) {
	conn := h.s.conn.WithPrincipal(h.rec.ID)
	pause := func() {
		select {
		case <-ctx.Done():
		case <-time.After(bidPause):
		}
	}
	for after := ""; ctx.Err() == nil; {
		look := &api.TendersListRequest{State: api.TenderOpen, Capability: capability, Fresh: true, Limit: api.MaxBulk, After: after}
		if after == "" {
			look.Wait = api.Duration(bidWait)
		}
		try, cancel := context.WithTimeout(ctx, bidWait+api.DefaultTimeout.Std())
		open, err := rpc.Call(try, conn, api.TendersList, look)
		if err == nil && len(open.Tenders) > 0 {
			if err = h.s.mayAct(); err == nil {
				err = h.bidIn(try, conn, open.Tenders)
			}
		}
		cancel()
		if after = ""; errors.Is(err, errNothingToBid) && open.Next != "" {
			after = open.Next // those that pay too little must not hide the others
			continue
		}
		if err != nil && ctx.Err() == nil {
			h.s.log.Debug().Err(err).Str("agent", h.rec.ID).Msg("no bids were handed in")
			pause() // without a market there is nobody to answer
		}
	}
}

// errNothingToBid says that the tenders which are open are not worth the agent's price.
var errNothingToBid = errors.New("no tender pays what the agent asks")

// bidIn bids for tenders at the agent's price, which grows with what it has not done yet, and from tender to tender with what it would
// have by then if all who are invited win alike. Each agent goes through them in another order, so that alike ones do not all bid least
// for the same.
func (h *hosted) bidIn(ctx context.Context, conn *rpc.Conn, open []api.Tender) error {
	mine, err := rpc.Call(ctx, conn, api.TendersList, &api.TendersListRequest{State: api.TenderAwarded, Winner: h.rec.ID, Limit: api.MaxPage})
	if err != nil {
		return err
	}
	slots := max(h.rec.Concurrency, 1)
	took, quality := h.tally.promise(len(mine.Tenders) / slots)
	slices.SortFunc(open, func(a, b api.Tender) int { return cmp.Compare(lot(h.rec.ID, a.ID), lot(h.rec.ID, b.ID)) })
	var bids []api.TenderBidRequest
	for i := range open {
		t := &open[i]
		behind := (float64(len(mine.Tenders)) + float64(len(bids))/float64(max(len(t.Invited), 1))) / float64(slots)
		if priceOf(h.rec.Ask, &t.Task, 0) > t.Budget {
			continue
		}
		// However much it has to do, it asks no more than is paid: a tender waits for all who are invited.
		price := min(priceOf(h.rec.Ask, &t.Task, behind), t.Budget)
		bids = append(bids, promised(t, api.TenderBidRequest{ID: t.ID, Price: price}, took, quality))
	}
	if len(bids) == 0 {
		return errNothingToBid
	}
	resp, err := rpc.Call(ctx, conn, api.TendersBidMany, &api.TendersBidManyRequest{Bids: bids})
	if err != nil {
		return err
	}
	return refusal(resp.Results)
}

// lot is the place of a tender in an agent's own order.
func lot(agent, tender string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(agent + "/" + tender))
	return h.Sum64()
}

// refusal is an error of a bid after which to wait: those that will not change make the same tender come again.
func refusal(results []api.TenderResult) error {
	for _, r := range results {
		if r.Error != nil && r.Error.Details.Reason != api.ReasonTenderNotOpen {
			return r.Error
		}
	}
	return nil
}

// promised adds what the agent has shown, where that is more than the terms ask for, to which it is held anyway.
func promised(t *api.Tender, b api.TenderBidRequest, took time.Duration, quality api.Decimal) api.TenderBidRequest {
	if took > 0 && took < t.Terms.Completion.Std() {
		b.Time = api.Duration(max(took, minPromise))
	}
	if quality > t.Terms.QualityGuarantee {
		b.Quality = quality
	}
	return b
}

// loadShare is by how much of the price an agent asks more for each task that it has not done yet.
const loadShare = 0.1

// priceOf is the price of a task for an agent that has so many that are not done.
func priceOf(ask *api.AgentAsk, task *api.TenderTask, behind float64) api.Micro {
	size := int64(len(task.Payload))
	var said struct {
		Bytes int64 `json:"bytes"`
	}
	if len(task.Payload) > 0 && codec.Read(task.Payload, &said) == nil && said.Bytes > 0 {
		size = said.Bytes
	}
	price := float64(ask.Price) + float64(ask.PerKiB)*float64(size)/1024
	return api.Micro(min(math.Ceil(price*(1+loadShare*behind)), api.MaxAmount))
}
