package economics_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
)

// till is what three accounts have, and how many entries.
type till struct {
	has     [3]api.Micro
	entries [3]uint64
}

type payment struct {
	from, to int
	amount   api.Micro
}

// outcome is what the payer was told: his last entry, or that he has too little.
type outcome struct {
	poor    bool
	number  uint64
	balance api.Micro
}

// ledgerModel is a ledger of three accounts that carries out one payment after the other.
var ledgerModel = porcupine.Model{
	Init: func() any { return till{has: [3]api.Micro{100, 100, 100}, entries: [3]uint64{1, 1, 1}} },
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.(till), input.(payment), output.(outcome)
		if s.has[in.from] < in.amount || out.poor {
			return out.poor && s.has[in.from] < in.amount, s
		}
		s.has[in.from] -= in.amount
		s.has[in.to] += in.amount
		s.entries[in.from]++
		s.entries[in.to]++
		return out.number == s.entries[in.from] && out.balance == s.has[in.from], s
	},
}

// Payments among three accounts, asked for at the same time while replicas come and go, have the outcomes of some order in which they
// follow each other, and which is that of those that did not overlap.
func TestTheLedgerIsLinearizable(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	who := []string{"a", "b", "c"}
	r.mint(100, who...)
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	began := time.Now()
	var mu sync.Mutex
	var history []porcupine.Operation
	var wg sync.WaitGroup
	for n := range 6 {
		ledger := client.New(r.as(who[n%3])).Ledger
		random := rand.New(rand.NewPCG(1, uint64(n)))
		wg.Go(func() {
			for range 40 {
				in := payment{n % 3, (n%3 + 1 + random.IntN(2)) % 3, api.Micro(1 + random.IntN(90))}
				call := time.Since(began)
				got, err := ledger.Transfer(ctx, api.TransferRequest{From: api.AccountID(who[in.from]), To: api.AccountID(who[in.to]), Amount: in.amount})
				out := outcome{poor: api.ReasonOf(err) == api.ReasonInsufficientFunds}
				if err == nil {
					out.number, out.balance = got.Entry.Number, got.Entry.Balance
				} else if !out.poor {
					t.Errorf("%+v: %v", in, err)
				}
				mu.Lock()
				history = append(history, porcupine.Operation{ClientId: n, Input: in, Call: int64(call), Output: out, Return: int64(time.Since(began))})
				mu.Unlock()
			}
		})
	}
	r.stops[0]()
	r.replica(economics.Config{})
	r.stops[1]()
	wg.Wait()
	if result := porcupine.CheckOperationsTimeout(ledgerModel, history, patience); result != porcupine.Ok {
		t.Errorf("%d payments: %s", len(history), fmt.Sprint(result))
	}
	r.audit()
}
