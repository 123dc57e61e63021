package client_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// An auction that closes while its transcript is read page by page: what was withheld on the pages before is read again, open.
func TestATranscriptIsOfOneState(t *testing.T) {
	s := newScripted(t)
	var asked atomic.Int64
	s.serve(t, "economics", func(srv *rpc.Server) {
		rpc.Handle(srv, api.AuctionsTranscript, func(_ context.Context, r *api.AuctionTranscriptRequest) (*api.AuctionTranscriptResponse, error) {
			n := asked.Add(1)
			page := &api.AuctionTranscriptResponse{Version: 3, Head: "h", State: api.AuctionClosed, Namespace: "mabus", Entity: "auction/" + r.Auction}
			step := api.TranscriptStep{Number: r.After + 1, What: "sealed", Body: json.RawMessage(`1`)}
			if n < 3 {
				page.State, step.Body, step.Digest = api.AuctionOpen, nil, "d"
			}
			if page.Steps = []api.TranscriptStep{step}; step.Number == page.Version {
				page.Key, page.Signature = "k", "s"
			}
			return page, nil
		})
	})
	x, err := s.Auctions.Transcript(within(t, patience), "a")
	if err != nil {
		t.Fatal(err)
	}
	if asked.Load() != 6 || len(x.Steps) != 3 || x.Signature != "s" || x.Key != "k" || x.Head != "h" || x.Entity != "auction/a" || x.Namespace != "mabus" {
		t.Errorf("after %d pages: %+v", asked.Load(), x)
	}
	for i, step := range x.Steps {
		if step.Number != uint64(i)+1 || len(step.Body) == 0 {
			t.Errorf("step %d: %+v", i+1, step)
		}
	}
}
