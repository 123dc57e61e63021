package fake

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// Summary picks the n sentences of a text that say most about it, in the order of the text. What a sentence says is how
// frequent its words are in the text, without those that any text has; a sentence gains less by each further word, so that
// long ones do not always win, and nothing by words of those picked before it.
func Summary(text string, n int) string { return summary(text, n, nil) }

// taste is what a model makes of the sentence at i of so many: its score is multiplied by that. Nil is no taste.
type taste func(i, of int) float64

// tastes make models differ about a text: Flaky prefers what comes early, Slow what comes late.
var tastes = map[string]taste{
	Flaky: func(i, of int) float64 { return 2 - float64(i)/float64(of) },
	Slow:  func(i, of int) float64 { return 1 + float64(i)/float64(of) },
}

func summary(text string, n int, likes taste) string {
	all := sentences(text)
	if len(all) == 0 { // nothing but code
		return strings.Join(strings.Fields(text), " ")
	}
	if len(all) <= n {
		return strings.Join(all, " ")
	}
	count := map[string]int{}
	of := make([][]string, len(all)) // the words of each sentence
	for i, s := range all {
		of[i] = words(s)
		for _, w := range of[i] {
			count[w]++
		}
	}
	picked := make([]bool, len(all))
	said := map[string]bool{}
	for range n {
		best, top := -1, -1.0
		for i := range all {
			if picked[i] {
				continue
			}
			score := weigh(of[i], count, said)
			if n := len(of[i]); n < 3 || n > 40 { // a fragment, or an enumeration
				score /= 4
			}
			if likes != nil {
				score *= likes(i, len(all))
			}
			if score > top {
				best, top = i, score
			}
		}
		picked[best] = true
		for _, w := range of[best] {
			said[w] = true
		}
	}
	var out []string
	for i, s := range all {
		if picked[i] {
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}

// weigh adds up what the words of a sentence are worth, the most frequent first and in full, each further one less.
func weigh(ws []string, count map[string]int, said map[string]bool) float64 {
	own := map[string]bool{}
	var worth []int
	for _, w := range ws {
		if !own[w] && !said[w] {
			own[w] = true
			worth = append(worth, count[w])
		}
	}
	slices.SortFunc(worth, func(a, b int) int { return cmp.Compare(b, a) })
	sum := 0.0
	for i, v := range worth {
		sum += float64(v) / float64(i/4+1)
	}
	return sum
}

// sentences splits at marks that end one and are followed by space, and at empty lines; those without a mark end there too.
// Of Markdown, an item of a list begins one, and headings, tables and code are none.
func sentences(text string) []string {
	var out []string
	for _, paragraph := range prose(text) {
		for line := strings.Join(strings.Fields(paragraph), " "); line != ""; {
			end := sentenceEnd(line)
			out = append(out, strings.TrimSpace(line[:end]))
			line = strings.TrimSpace(line[end:])
		}
	}
	return out
}

// prose returns the paragraphs of a text.
func prose(text string) []string {
	var out []string
	code, last := false, ""
	for line := range strings.Lines(text) {
		bare := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(bare, "```"):
			code = !code
			bare = ""
		case code || strings.HasPrefix(bare, "#") || strings.HasPrefix(bare, "|"):
			bare = ""
		case strings.HasPrefix(bare, "- ") || strings.HasPrefix(bare, "* "):
			bare, last = bare[2:], ""
		}
		if bare != "" && last != "" {
			out[len(out)-1] += " " + bare
		} else if bare != "" {
			out = append(out, bare)
		}
		last = bare
	}
	return out
}

func sentenceEnd(s string) int {
	for i := range len(s) {
		if !strings.ContainsRune(".!?", rune(s[i])) {
			continue
		}
		end := i + 1
		for end < len(s) && strings.ContainsRune(`"')]`, rune(s[end])) {
			end++
		}
		if end == len(s) || s[end] == ' ' && !abbreviation(s[:i]) {
			return end
		}
	}
	return len(s)
}

// abbreviation tells whether a full stop after s ends a word such as "Dr" or an initial, and no sentence.
func abbreviation(s string) bool {
	last := s[strings.LastIndexByte(s, ' ')+1:]
	return len(last) == 1 && last != "I" || slices.Contains([]string{"Dr", "Mr", "Mrs", "Ms", "St", "No", "vs", "e.g", "i.e", "etc", "cf"}, last)
}

// words returns the words that carry meaning, in lower case and without the s of a plural.
func words(text string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		if len(w) > 4 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") {
			w = w[:len(w)-1]
		}
		if len(w) > 2 && !filler[w] {
			out = append(out, w)
		}
	}
	return out
}

var filler = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`about after again all also and any are because been before being between both but can could
		did does down during each few for from further had has have her here him his how into its itself just more most not now
		off once one only other our out over own same she should some such than that the their them then there these they this
		those through too under until upon very was were what when where which while who whom why will with would you your thi`) {
		m[w] = true
	}
	return m
}()
