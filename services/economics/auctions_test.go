package economics_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

const credit = api.Micro(1_000_000)

func lot(id string, kind api.AuctionType) api.AuctionSpec {
	return api.AuctionSpec{ID: id, Type: kind, Item: json.RawMessage(`{"gpu":"h100","hours":3}`)}
}

func offer(id string, amount api.Micro) api.AuctionBidRequest {
	return api.AuctionBidRequest{Auction: id, Price: &amount}
}

// export returns a whole transcript as a principal sees it, as of a revision.
func (r *rig) export(by, id, revision string) *api.Transcript {
	r.t.Helper()
	var all api.Transcript
	for {
		page := must(r.t, r.as(by), api.AuctionsTranscript, api.AuctionTranscriptRequest{Auction: id, After: uint64(len(all.Steps)), Limit: 3, MinRevision: revision})
		all.Steps = append(all.Steps, page.Steps...)
		if all.Namespace, all.Entity, all.Head = page.Namespace, page.Entity, page.Head; page.Signature != "" {
			all.Key, all.Signature = page.Key, page.Signature
			return &all
		}
		if len(page.Steps) == 0 {
			r.t.Fatalf("after %d steps of %d there are none", len(all.Steps), page.Version)
		}
	}
}

func TestEnglishAuction(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	r.mint(1000*credit, "a", "b")
	x := must(t, r.as("owner"), api.AuctionsCreate, lot("x", api.AuctionEnglish))
	if x.State != api.AuctionOpen || x.Revision == "" || x.Version != 1 {
		t.Fatalf("%+v", x)
	}
	refused(t, r.as("a"), api.AuctionsCreate, lot("x", api.AuctionEnglish), api.Conflict, api.ReasonAuctionExists)
	heads := []string{x.Head}
	for i, who := range []string{"a", "b", "a"} {
		receipt := must(t, r.as(who), api.AuctionsBid, offer("x", api.Micro(15+5*i)*credit))
		if !receipt.Leading || receipt.Number != uint64(i+2) {
			t.Fatalf("%+v", receipt)
		}
		heads = append(heads, receipt.Head)
	}
	refused(t, r.as("b"), api.AuctionsBid, offer("x", 25*credit), api.FailedPrecondition, api.ReasonBidTooLow)
	refused(t, r.as("owner"), api.AuctionsCancel, api.AuctionCancelRequest{Auction: "x"}, api.FailedPrecondition, api.ReasonCannotCancel)
	at := must(t, r.as("owner"), api.AuctionsClose, api.AuctionRequest{Auction: "x"}).Revision
	got := must(t, r.as("b"), api.AuctionsGet, api.GetRequest{ID: "x", MinRevision: at})
	if got.State != api.AuctionClosed || got.Price != 25*credit || got.Outcome.Awards[0].Bidder != "a" || len(got.Outcome.Awards[0].Contracts) != 1 {
		t.Errorf("%+v", got)
	}
	r.owns("a", at, 975*credit, 25*credit) // for the contract
	r.owns("b", at, 1000*credit, 0)
	bids := must(t, r.as("c"), api.AuctionsBids, api.AuctionBidsRequest{Auction: "x", MinRevision: at}).Bids
	if len(bids) != 2 || bids[0].Bidder != "a" || bids[0].State != api.BidWon || bids[1].State != api.BidLost {
		t.Errorf("bids %+v", bids)
	}
	whole := r.export("c", "x", at)
	if err := transcript.Verify(whole, whole.Key); err != nil {
		t.Error(err)
	}
	have, err := transcript.Heads(whole.Entity, whole.Steps)
	if err != nil || !slices.Equal(have[:len(heads)], heads) || have[len(have)-1] != got.Head {
		t.Errorf("the receipts have the heads %v, the transcript %v (%v)", heads, have, err)
	}
	if again, err := auction.Recompute(whole.Steps); err != nil || again.Outcome.Awards[0].Bidder != "a" {
		t.Errorf("recomputed %+v: %v", again, err)
	}
	refused(t, r.as("a"), api.AuctionsBid, offer("x", 99*credit), api.FailedPrecondition, api.ReasonAuctionNotOpen)
	r.audit()
}

// An archived auction is still there to read, and its id is not used again.
func TestArchivedAuction(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	r.mint(1000*credit, "a")
	must(t, r.as("owner"), api.AuctionsCreate, lot("x", api.AuctionVickrey))
	must(t, r.as("a"), api.AuctionsBid, offer("x", 70*credit))
	at := must(t, r.as("owner"), api.AuctionsClose, api.AuctionRequest{Auction: "x"}).Revision
	natstest.Eventually(t, patience, func() bool {
		return len(must(t, r.as("a"), api.AuctionsList, api.AuctionsListRequest{MinRevision: at}).Auctions) == 0
	}, "the auction is archived")
	x := must(t, r.as("b"), api.AuctionsGet, api.GetRequest{ID: "x", MinRevision: at})
	if x.State != api.AuctionClosed || x.Price != 0 || x.Outcome.Awards[0].Bidder != "a" {
		t.Errorf("alone at no reserve: %+v", x)
	}
	if b := must(t, r.as("b"), api.AuctionsBids, api.AuctionBidsRequest{Auction: "x", MinRevision: at}).Bids; len(b) != 1 || b[0].Price != 70*credit {
		t.Errorf("bids %+v", b)
	}
	whole := r.export("b", "x", at)
	if err := transcript.Verify(whole, whole.Key); err != nil {
		t.Error(err)
	}
	if w := must(t, r.as("b"), api.AuctionsWait, api.AuctionWaitRequest{Auction: "x", After: 100, Wait: api.Duration(time.Minute)}); w.State != api.AuctionClosed {
		t.Errorf("%+v", w)
	}
	refused(t, r.as("a"), api.AuctionsCreate, lot("x", api.AuctionVickrey), api.Conflict, api.ReasonAuctionExists)
	refused(t, r.as("a"), api.AuctionsGet, api.GetRequest{ID: "y"}, api.NotFound, api.ReasonAuctionNotFound)
	natstest.Eventually(t, patience, func() bool {
		s := must(t, r.as("a"), api.AuctionsStats, api.Empty{})
		return s.Total == 1 && s.Types[0] == (api.AuctionTypeStats{Type: api.AuctionVickrey, Created: 1, Closed: 1, Bids: 1})
	}, "the auction is counted")
}

// An auction whose time is up sells to its winner, though nobody asks.
func TestAuctionEndsByItself(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	r.mint(1000*credit, "a", "b")
	spec := lot("x", api.AuctionFirstPrice)
	soon := api.Duration(3 * time.Second) // in which the bid comes
	spec.Duration = &soon
	must(t, r.as("owner"), api.AuctionsCreate, spec)
	must(t, r.as("a"), api.AuctionsBid, offer("x", 70*credit))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for after := uint64(2); ; {
		x, err := rpc.Call(ctx, r.as("b"), api.AuctionsWait, &api.AuctionWaitRequest{Auction: "x", After: after, Wait: api.Duration(10 * time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		if after = x.Version; x.State.Ended() {
			if x.State != api.AuctionClosed || x.Price != 70*credit {
				t.Errorf("%+v", x)
			}
			break
		}
	}
}

// What is sealed is nobody's business, wherever one looks, until the auction has closed.
func TestSealedBidsAreSecret(t *testing.T) {
	t.Parallel()
	for _, kind := range []api.AuctionType{api.AuctionVickrey, api.AuctionEnglish} {
		t.Run(string(kind), func(t *testing.T) {
			r := world(t, 1)
			r.mint(100_000*credit, "a", "b")
			must(t, r.as("owner"), api.AuctionsCreate, lot("x", kind))
			const secret = 77_312_345_678 // so long that no time or hash has it by chance
			most := api.Micro(secret)
			bid := api.AuctionBidRequest{Auction: "x", Price: &most}
			if kind == api.AuctionEnglish {
				bid = api.AuctionBidRequest{Auction: "x", Max: &most}
			}
			must(t, r.as("a"), api.AuctionsBid, bid)
			told := func(by string) string {
				var all []string
				for _, subject := range []string{"auctions.get", "auctions.wait", "auctions.list", "auctions.bids", "auctions.transcript"} {
					body := map[string]string{"auctions.get": `{"id":"x"}`, "auctions.list": `{}`}[subject]
					if body == "" {
						body = `{"auction":"x"}`
					}
					msg, err := r.as(by).NC.Request(api.As("mabus", by, "mabus.economics."+subject), []byte(body), patience)
					if err != nil || msg.Header.Get("Nats-Service-Error-Code") != "" {
						t.Fatal(subject, err, msg.Header)
					}
					all = append(all, string(msg.Data))
				}
				return strings.Join(all, "\n")
			}
			if s := told("b"); strings.Contains(s, fmt.Sprint(secret)) {
				t.Errorf("b is told %s", s)
			}
			if s := told("owner"); strings.Contains(s, fmt.Sprint(secret)) {
				t.Errorf("the owner is told %s", s)
			}
			if s := told("a"); strings.Count(s, fmt.Sprint(secret)) != 3 { // the bid, what it holds, and the transcript
				t.Errorf("a is told %s", s)
			}
			sealed := r.export("b", "x", "")
			if err := transcript.Verify(sealed, sealed.Key); err != nil {
				t.Errorf("with what is withheld: %v", err)
			}
			must(t, r.as("owner"), api.AuctionsClose, api.AuctionRequest{Auction: "x"})
			if s := told("b"); strings.Count(s, fmt.Sprint(secret)) < 2 {
				t.Errorf("after the end b is told %s", s)
			}
		})
	}
}
