package refine

import (
	"strings"
	"unicode/utf8"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// pair is the text of one member in two rounds.
type pair struct{ before, after string }

// Jaccard is how many of the words of both texts are in both (P. Jaccard, 1901): 1 for the same words, 0 for none in common. Words
// are what white space separates, in lower case. Two texts without a word are the same.
func Jaccard(a, b string) api.Decimal {
	x, y := words(a), words(b)
	both := 0
	for w := range x {
		if y[w] {
			both++
		}
	}
	all := len(x) + len(y) - both
	if all == 0 {
		return api.One
	}
	return fixed.MulDiv(api.Decimal(both), api.One, api.Decimal(all))
}

func words(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(strings.ToLower(s)) {
		set[w] = true
	}
	return set
}

// jaccard is the mean over the pairs.
func jaccard(pairs []pair) api.Decimal {
	scores := make([]api.Decimal, len(pairs))
	for i, p := range pairs {
		scores[i] = Jaccard(p.before, p.after)
	}
	return mean(scores, 0)
}

// custom is 0.7 jaccard + 0.3 (1 - |difference of the mean lengths| / larger mean length), lengths in characters.
func custom(pairs []pair) api.Decimal {
	before, after := 0, 0
	for _, p := range pairs {
		before += utf8.RuneCountInString(p.before)
		after += utf8.RuneCountInString(p.after)
	}
	larger := max(before, after)
	if larger == 0 {
		return jaccard(pairs)
	}
	// The means have the same divisor, so their sums compare as they do.
	alike := fixed.MulDiv(api.Decimal(min(before, after)), api.One, api.Decimal(larger))
	return fixed.MulDiv(7*jaccard(pairs)+3*alike, 1, 10)
}

// mean is that of numbers from 0 to 1, or what stands for it when there are none.
func mean(scores []api.Decimal, none api.Decimal) api.Decimal {
	if len(scores) == 0 {
		return none
	}
	var sum api.Decimal
	for _, s := range scores {
		sum += s
	}
	return fixed.MulDiv(sum, 1, api.Decimal(len(scores)))
}

// byLength estimates quality as the reference system did: mean(min(1, characters/100), min(1, words/20)).
func byLength(text string) api.Decimal {
	chars := min(api.One, api.One/100*api.Decimal(utf8.RuneCountInString(text)))
	count := min(api.One, api.One/20*api.Decimal(len(strings.Fields(text))))
	return fixed.MulDiv(chars+count, 1, 2)
}
