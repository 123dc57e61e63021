package main

import (
	_ "embed" // the list of words
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// misspelt are words as they are often written, each with what it should be.
var misspelt = readWords(misspeltWords)

//go:embed misspelt.txt
var misspeltWords string

func readWords(text string) map[string]string {
	words := map[string]string{}
	for l := range strings.Lines(text) {
		wrong, right, _ := strings.Cut(strings.TrimSpace(l), " ")
		words[wrong] = right
	}
	return words
}

// twice are words that may stand twice in a row.
var twice = map[string]bool{"that": true, "had": true}

var word = regexp.MustCompile(`[\pL']+|[^\pL'\s]+`)

func checkWords(d *document, _ fs.FS) (found []string, applies bool) {
	before, at := "", 0
	for _, l := range d.lines {
		if l.number != at+1 || strings.TrimSpace(l.text) == "" {
			before = "" // a new paragraph, or code between
		}
		at = l.number
		for _, w := range word.FindAllString(span.ReplaceAllString(l.text, "`"), -1) {
			w = strings.ToLower(w)
			applies = true
			if right := misspelt[w]; right != "" {
				found = append(found, fmt.Sprintf("line %d: %s should be %s", l.number, w, right))
			}
			if w == before && letters(w) && !twice[w] {
				found = append(found, fmt.Sprintf("line %d: %s comes twice", l.number, w))
			}
			before = w
		}
	}
	return found, applies
}

// letters tells whether a token is a word, and not punctuation.
func letters(token string) bool {
	first, _ := utf8.DecodeRuneInString(token)
	return unicode.IsLetter(first)
}
