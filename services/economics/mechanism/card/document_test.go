package card_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/services/economics/mechanism/card"
)

var update = flag.Bool("update", false, "write docs/mechanisms.md anew")

const head = `# Mechanisms

<!-- Written from the cards in services/economics/mechanism/card by its tests, with -args -update. Change the cards, not this page. -->

How auctions and markets find who trades, how much, and at what price: what each mechanism is, when to use it, and what it promises. Each
property names the test that shows it; ` + "`a.TestB`" + ` is TestB in services/economics/a. Where a card says truthful, its test has
tried every deviation of every bidder in every situation on a small grid of values, and for vickrey, uniform, mcafee, combinatorial, the
price in second_score, and english at least 1,000,000 generated deviations (fewer under the race detector).

Where honesty is not always best the card has the **regret**: what the best deviation of one bidder gains over its true value while the
others bid theirs, which it knows. That is the mean and the maximum over 2,000 random situations, with 1 for the highest value that a
bidder can have; a test measures it again. Real bidders do not know what others bid, and gain less.

Everywhere: prices are per unit, in millionths; a bid at the reserve is enough; one bid alone pays the reserve where the price is not the
own bid; among equal bids the earliest wins. In reverse (procurement) bidders sell, the lowest price wins, and the reserve is a ceiling.

`

const commitments = `
## Commitments

Where an auction takes commitments, a bid is first a digest, which hides the price even from the service, and is revealed later. The digest
is SHA-256, in lower-case hex, over six fields, each after its length in bytes as four bytes with the highest first:

1. ` + "`mabus/commitment/1`" + `
2. the id of the auction
3. the bidder
4. the price per unit in millionths, in decimal digits
5. the quantity, in decimal digits
6. the salt, 16 to 128 bytes that must be random and stay secret until then

The lengths keep the end of one field from being read as the beginning of the next. Auction and bidder keep a commitment from being copied.
For auction ` + "`a1`, bidder `agent`, price 1500000, quantity 3 and salt `0123456789abcdef`" + ` it is
` + "`DIGEST`.\n"

func document() string {
	var b strings.Builder
	b.WriteString(head)
	b.WriteString("| mechanism | kind | truthful | regret, mean | regret, most |\n|---|---|---|---|---|\n")
	for _, c := range card.Cards() {
		mean, most, truthful := "", "", ""
		if c.Regret != nil {
			mean, most = c.Regret.Mean.String(), c.Regret.Max.String()
		}
		for _, p := range c.Promises {
			if p.Name == card.Truthful {
				if truthful = p.Holds; p.Holds == card.Conditional {
					truthful = p.Condition
				}
			}
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s | %s |\n", c.Name, c.Name, c.Kind, truthful, mean, most)
	}
	for _, c := range card.Cards() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", c.Name, c.Summary)
		fmt.Fprintf(&b, "- **When**: %s\n- **Rule**: %s\n- **From**: %s.\n\n| property | holds | shown by |\n|---|---|---|\n", c.When, c.Formula, c.Paper)
		for _, p := range c.Promises {
			holds := p.Holds
			if p.Condition != "" {
				holds += ": " + p.Condition
			}
			fmt.Fprintf(&b, "| %s | %s | `%s` |\n", p.Name, holds, p.Test)
		}
		if c.Regret != nil {
			fmt.Fprintf(&b, "\nRegret: %s in the mean, %s at most. %s.\n", c.Regret.Mean, c.Regret.Max, c.Regret.Setting)
		}
	}
	b.WriteString(strings.Replace(commitments, "DIGEST", mechanism.Commitment("a1", "agent", 1_500_000, 3, "0123456789abcdef"), 1))
	return b.String()
}

func TestDocument(t *testing.T) {
	path := filepath.Join("..", "..", "..", "..", "docs", "mechanisms.md")
	want := document()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("docs/mechanisms.md is not what the cards say (%v): run go test ./services/economics/mechanism/card -args -update", err)
	}
}
