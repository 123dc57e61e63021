package replogsim_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/test/replogsim"
)

// bank moves money between accounts, holds it for a while, and pays it out. No money comes to be or gets lost.
type bank struct {
	Accounts [accounts]int   `json:"accounts"`
	Holds    map[string]hold `json:"holds"`
	Paying   int             `json:"paying"`
	Paid     int             `json:"paid"`
	Fees     int             `json:"fees"`
}

type hold struct {
	From, Amount int
	// Paying says that it is being paid out.
	Paying bool
}

const (
	accounts = 4
	each     = 1000
)

type (
	moved    struct{ from, to, amount, fee int }
	held     struct{ name, from, amount any }
	released struct{ name string }
	paying   struct{ name string }
	paid     struct {
		name   string
		amount int
	}
)

func bankMachine() engine.Machine[*bank] {
	return engine.Machine[*bank]{
		Name: "bank",
		New: func() *bank {
			b := &bank{Holds: map[string]hold{}}
			for i := range b.Accounts {
				b.Accounts[i] = each
			}
			return b
		},
		Encode: func(b *bank) ([]byte, error) { return codec.Marshal(b) },
		Decode: func(data []byte) (*bank, error) {
			b := new(bank)
			return b, codec.Read(data, b)
		},
		Rules: map[int]engine.Rules[*bank]{
			1: {Decide: decideBank(0), Evolve: evolveBank},
			2: {Decide: decideBank(1), Evolve: evolveBank, Upgrade: func(b *bank) { b.Accounts[0], b.Fees = b.Accounts[0]-5, b.Fees+5 }},
		},
	}
}

func decideBank(fee int) func(*bank, engine.Command) engine.Decision {
	return func(b *bank, c engine.Command) engine.Decision {
		var from, to, amount int
		var name string
		switch c.Kind {
		case "move":
			fmt.Sscan(string(c.Body), &from, &to, &amount)
			if b.Accounts[from] < amount+fee {
				return refused("account %d has only %d", from, b.Accounts[from])
			}
			return engine.Decision{Events: []any{moved{from, to, amount, fee}}, Answer: fmt.Appendf(nil, "%d", b.Accounts[from]-amount-fee)}
		case "hold":
			fmt.Sscan(string(c.Body), &name, &from, &amount)
			if _, ok := b.Holds[name]; ok || b.Accounts[from] < amount {
				return refused("no hold of %d from %d", amount, b.Accounts[from])
			}
			return engine.Decision{
				Events: []any{held{name, from, amount}},
				Timers: []engine.Timer{{ID: name, At: c.Time.Add(time.Duration(1+amount%15) * time.Second)}},
			}
		case "pay":
			name = string(c.Body)
			h, ok := b.Holds[name]
			if !ok || h.Paying {
				return refused("no such hold")
			}
			id := fmt.Sprintf("%s at %d.%d", name, c.Seq, c.Index)
			return engine.Decision{
				Events: []any{paying{name}}, Timers: []engine.Timer{{ID: name}}, Effects: []engine.Effect{{ID: id, Kind: "pay", Body: []byte(name)}},
				Answer: fmt.Appendf(nil, "%d", h.Amount),
			}
		case "fail":
			panic("as asked")
		case engine.KindTimer:
			return engine.Decision{Events: []any{released{c.Key}}}
		case engine.KindOutcome:
			fmt.Sscan(c.Key, &name)
			return engine.Decision{Events: []any{paid{name, b.Holds[name].Amount}}}
		}
		return refused("no such command")
	}
}

func refused(format string, args ...any) engine.Decision {
	return engine.Decision{Err: api.Errorf(api.FailedPrecondition, format, args...)}
}

func evolveBank(b *bank, event any) {
	switch e := event.(type) {
	case moved:
		b.Accounts[e.from] -= e.amount + e.fee
		b.Accounts[e.to] += e.amount
		b.Fees += e.fee
	case held:
		b.Accounts[e.from.(int)] -= e.amount.(int)
		b.Holds[e.name.(string)] = hold{From: e.from.(int), Amount: e.amount.(int)}
	case released:
		b.Accounts[b.Holds[e.name].From] += b.Holds[e.name].Amount
		delete(b.Holds, e.name)
	case paying:
		h := b.Holds[e.name]
		h.Paying = true
		b.Holds[e.name] = h
		b.Paying += h.Amount
	case paid:
		b.Paying -= e.amount
		b.Paid += e.amount
		delete(b.Holds, e.name)
	}
}

// sound returns what is wrong with a bank.
func sound(b *bank) error {
	total, paying := b.Paid+b.Fees, 0
	for i, n := range b.Accounts {
		total += n
		if n < -5 {
			return fmt.Errorf("account %d has %d", i, n)
		}
	}
	for _, h := range b.Holds {
		total += h.Amount
		if h.Paying {
			paying += h.Amount
		}
	}
	if total != accounts*each || b.Paying != paying {
		return fmt.Errorf("there are %d, want %d; %d is being paid, want %d", total, accounts*each, b.Paying, paying)
	}
	return nil
}

func quiet(b *bank) error {
	if b.Paying != 0 {
		return fmt.Errorf("%d is being paid, and there is no effect for it", b.Paying)
	}
	return nil
}

func command(rng *rand.Rand, _ time.Time) engine.Command {
	name := fmt.Sprintf("h%d", rng.IntN(6))
	switch n := rng.IntN(20); {
	case n < 8:
		return engine.Command{Kind: "move", Body: fmt.Appendf(nil, "%d %d %d", rng.IntN(accounts), rng.IntN(accounts), rng.IntN(300))}
	case n < 14:
		return engine.Command{Kind: "hold", Body: fmt.Appendf(nil, "%s %d %d", name, rng.IntN(accounts), rng.IntN(100))}
	case n < 19:
		return engine.Command{Kind: "pay", Body: []byte(name)}
	}
	return engine.Command{Kind: "fail"}
}

func bankOptions() replogsim.Options[*bank] {
	return replogsim.Options[*bank]{Machine: bankMachine(), Command: command, Check: sound, Quiet: quiet}
}
