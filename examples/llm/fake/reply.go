package fake

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

var (
	heading  = regexp.MustCompile(`(?im)^[ \t]*(?:summary|text|answer|draft|version)[ \t]*(?:a|b|1|2|one|two)[ \t]*:`)
	howMany  = regexp.MustCompile(`(?i)\b(one|two|three|four|five|six|seven|eight|nine|ten|[0-9]{1,2})[ \t]+sentences?\b`)
	checking = regexp.MustCompile(`(?i)\b(compare|cross-?check|agree|agrees|contradict|consistent)\b`)
	numbers  = []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
)

// defaultSentences is how long a summary is whose prompt does not say "in two sentences".
const defaultSentences = 3

// agreeFrom is how much two texts must share to agree, in percent.
const agreeFrom = 40

// Reply is what the endpoint says to a prompt. A prompt whose first paragraph wants two texts compared (compare, cross-check,
// agree), and that has them under headings such as "Summary A:" and "Summary B:", each on a line of its own or before its
// text, gets
//
//	AGREE
//	overlap: 62%
//	only in A: the sentence of A that shares least with B
//	only in B: the sentence of B that shares least with A
//
// or DISAGREE, below an overlap of 40%, by the words that carry meaning. Any other prompt is summarised, without its first
// paragraph if it has more of them, since that says what to do. It is what every model says but Flaky and Slow, who like the
// beginning and the end of a text best.
func Reply(prompt string) string { return reply(prompt, nil) }

func reply(prompt string, likes taste) string {
	prompt = strings.ReplaceAll(prompt, "\r\n", "\n")
	if at := heading.FindAllStringIndex(prompt, -1); len(at) >= 2 && checking.MatchString(prompt[:at[0][0]]) {
		return compare(prompt[at[0][1]:at[1][0]], prompt[at[1][1]:])
	}
	task, text, ok := strings.Cut(strings.TrimSpace(prompt), "\n\n")
	if !ok || strings.TrimSpace(text) == "" {
		text = task
	}
	n := defaultSentences
	if m := howMany.FindStringSubmatch(task); m != nil && ok {
		if n = slices.Index(numbers, strings.ToLower(m[1])); n < 0 {
			n, _ = strconv.Atoi(m[1])
		}
	}
	return summary(text, max(n, 1), likes)
}

func compare(a, b string) string {
	share := Overlap(a, b)
	verdict := "DISAGREE"
	if share >= agreeFrom {
		verdict = "AGREE"
	}
	out := fmt.Sprintf("%s\noverlap: %d%%", verdict, share)
	for _, side := range []struct{ name, text, other string }{{"A", a, b}, {"B", b, a}} {
		if s := farthest(side.text, side.other); s != "" {
			out += "\nonly in " + side.name + ": " + s
		}
	}
	return out
}

// Overlap is how many of the words that carry meaning in either text are in both, in percent. Two texts without any share
// everything.
func Overlap(a, b string) int {
	in, both, all := map[string]bool{}, 0, 0
	for _, w := range words(a) {
		if !in[w] {
			in[w] = true
			all++
		}
	}
	seen := map[string]bool{}
	for _, w := range words(b) {
		if seen[w] {
			continue
		}
		seen[w] = true
		if in[w] {
			both++
		} else {
			all++
		}
	}
	if all == 0 {
		return 100
	}
	return 100 * both / all
}

// farthest returns the sentence of a text that shares least with another; "" if each shares at least half of its words.
func farthest(text, other string) string {
	in := map[string]bool{}
	for _, w := range words(other) {
		in[w] = true
	}
	worst, least := "", 50
	for _, s := range sentences(text) {
		ws := words(s)
		shared := 0
		for _, w := range ws {
			if in[w] {
				shared++
			}
		}
		if len(ws) > 0 && 100*shared/len(ws) < least {
			worst, least = s, 100*shared/len(ws)
		}
	}
	return worst
}

// tokens splits a text into pieces of at most four letters, with the space before them, so that the pieces make up the text.
func tokens(s string) []string {
	var out []string
	begin, letters := 0, 0
	for i, r := range s {
		space := unicode.IsSpace(r)
		if letters > 0 && (space || letters == 4 || !unicode.IsLetter(r) && !unicode.IsDigit(r)) {
			out = append(out, s[begin:i])
			begin, letters = i, 0
		}
		if !space {
			letters++
		}
	}
	if begin < len(s) {
		out = append(out, s[begin:])
	}
	return out
}
