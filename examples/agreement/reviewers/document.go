package main

import (
	"regexp"
	"strings"
	"unicode"
)

// document is a Markdown document, as far as the criteria need it.
type document struct {
	dir      string // of the document in the tree, with slashes
	lines    []line
	headings []heading
	code     []code
}

// line is a line that is not code.
type line struct {
	number int
	text   string
}

type heading struct {
	number, level int
	text          string
}

// code is a fenced block.
type code struct {
	number   int // of its first line
	language string
	text     string
}

var (
	atx    = regexp.MustCompile(`^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*$`)
	setext = regexp.MustCompile(`^ {0,3}(=+|-+)[ \t]*$`)
	fence  = regexp.MustCompile("^ {0,3}(```+|~~~+)[ \t]*([A-Za-z0-9]*)")
)

// parse reads a document. Headings and fenced code are those of CommonMark; a block that is indented after an empty line is code
// without a language.
func parse(dir, text string) *document {
	d := &document{dir: dir}
	var open *code
	var closing string
	before, indented := "", true // as after an empty line
	for i, l := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		n := i + 1
		if open != nil {
			if strings.HasPrefix(strings.TrimSpace(l), closing) {
				d.code = append(d.code, *open)
				open = nil
			} else {
				open.text += l + "\n"
			}
			before = ""
			continue
		}
		if m := fence.FindStringSubmatch(l); m != nil {
			open, closing = &code{number: n + 1, language: strings.ToLower(m[2])}, m[1]
			continue
		}
		blank := strings.TrimSpace(l) == ""
		if indented && !blank && (strings.HasPrefix(l, "    ") || strings.HasPrefix(l, "\t")) {
			continue
		}
		if m := atx.FindStringSubmatch(l); m != nil {
			d.headings = append(d.headings, heading{n, len(m[1]), m[2]})
		} else if m := setext.FindStringSubmatch(l); m != nil && before != "" {
			level := 2
			if m[1][0] == '=' {
				level = 1
			}
			d.headings = append(d.headings, heading{n - 1, level, strings.TrimSpace(before)})
		}
		d.lines = append(d.lines, line{n, l})
		before, indented = strings.TrimSpace(l), blank
	}
	if open != nil { // it ends with the document
		d.code = append(d.code, *open)
	}
	return d
}

var named = regexp.MustCompile(`\{#([^}\s]+)\}\s*$`)

// anchor is the fragment that a heading is linked by: the one that it names, or its letters and digits in lower case, with dashes for
// spaces.
func anchor(heading string) string {
	if m := named.FindStringSubmatch(heading); m != nil {
		return strings.ToLower(m[1])
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		}
		return -1
	}, strings.TrimSpace(heading))
}
