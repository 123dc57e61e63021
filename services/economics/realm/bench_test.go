package realm_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// tape applies commands, as a replica does with the entries of its log.
type tape struct {
	t     testing.TB
	e     *engine.Engine[*realm.State]
	now   time.Time
	batch engine.Batch
	data  []byte
}

func newTape(t testing.TB) *tape {
	return &tape{
		t: t, e: engine.New(realm.Machine()), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		batch: engine.Batch{Machine: "economics", Log: "l", Version: 1, Writer: "w"},
	}
}

// apply appends commands as one entry.
func (l *tape) apply(commands ...engine.Command) []engine.Reply {
	b := &l.batch
	b.Number++
	b.Applied, b.AppliedTime, b.Claim, b.Commands = l.e.Seq(), l.e.Time(), l.e.Hash(), commands
	l.data = b.Append(nil)
	a, err := l.e.Apply(engine.Entry{Seq: l.e.Seq() + 1, Time: l.now, Data: l.data})
	if err != nil || a.Skipped != "" {
		l.t.Fatal(err, a.Skipped)
	}
	for _, r := range a.Replies {
		if r.Panic != "" {
			l.t.Fatal(r.Panic)
		}
	}
	for _, f := range a.Started { // outside nothing is archived here; the machine is told that it is
		l.apply(engine.Command{Kind: engine.KindOutcome, Key: f.ID, Body: []byte("{}")})
	}
	return a.Replies
}

var calls int

func command(kind, by string, body any) engine.Command {
	raw, err := codec.Marshal(body)
	if err != nil {
		panic(err)
	}
	calls++
	return engine.Command{Kind: kind, Principal: by, Key: act.Call{ID: fmt.Sprintf("id%024d", calls), Operator: by == "operator"}.String(), Body: raw}
}

func (l *tape) must(c engine.Command) {
	l.t.Helper()
	if r := l.apply(c)[0]; r.Err != nil {
		l.t.Fatalf("%s: %v", c.Kind, r.Err)
	}
}

// BenchmarkBid applies bids on one english auction, 64 in an entry; one operation is one bid.
func BenchmarkBid(b *testing.B) {
	const size = 64
	l := newTape(b)
	for i := range size {
		l.must(command("accounts.mint", "operator", api.MintRequest{To: api.Account(fmt.Sprintf("b%d", i), "", ""), Amount: 900_000_000_000_000}))
	}
	l.must(command("auctions.create", "owner", api.AuctionSpec{ID: "a", Type: api.AuctionEnglish, Item: []byte(`"x"`), Increment: 1, MaxBidders: 1000}))
	price := api.Micro(1_000_000)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += size {
		commands := make([]engine.Command, size)
		for i := range commands {
			price++
			commands[i] = command("auctions.bid", fmt.Sprintf("b%d", i), api.AuctionBidRequest{Auction: "a", Price: new(price)})
			commands[i].ID, commands[i].Hash = fmt.Sprintf("%08x-%04x-7000-8000-%012x", l.now.UnixMilli()>>16, l.now.UnixMilli()&0xffff, n+i), "0123456789abcdef0123456789abcdef"
		}
		for i, r := range l.apply(commands...) {
			if r.Err != nil {
				b.Fatal(i, r.Err)
			}
		}
		l.now = l.now.Add(time.Millisecond)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "bids/s")
}
