package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// columns is how long a line of text may be, unless it holds an address, a table or a link's definition, which cannot be broken.
const columns = 80

// criterion is what one reviewer looks at. It returns what it finds wrong, and false if the document has nothing of the kind.
type criterion struct {
	name  string
	doc   string
	check func(d *document, tree fs.FS) (findings []string, applies bool)
}

var criteria = []criterion{
	{"lines", "lines of at most 80 columns", checkLines},
	{"headings", "headings that go down one level at a time, and differ", checkHeadings},
	{"links", "links that lead somewhere within the tree", checkLinks},
	{"code", "Go code that parses", checkCode},
	{"words", "no word twice in a row, and none that is often misspelt", checkWords},
}

var unbreakable = regexp.MustCompile(`https?://|^\s*\||^\s*\[[^\]]+\]:|^<!--`)

func checkLines(d *document, _ fs.FS) (found []string, applies bool) {
	for _, l := range d.lines {
		if n := utf8.RuneCountInString(l.text); n > columns && !unbreakable.MatchString(l.text) {
			found = append(found, fmt.Sprintf("line %d has %d columns", l.number, n))
		}
	}
	return found, len(d.lines) > 0
}

func checkHeadings(d *document, _ fs.FS) (found []string, applies bool) {
	before := 0
	seen := map[string]int{}
	for _, h := range d.headings {
		if before > 0 && h.level > before+1 {
			found = append(found, fmt.Sprintf("line %d goes from level %d to %d", h.number, before, h.level))
		}
		if first := seen[h.text]; first > 0 {
			found = append(found, fmt.Sprintf("line %d is the heading of line %d again", h.number, first))
		} else {
			seen[h.text] = h.number
		}
		before = h.level
	}
	return found, len(d.headings) > 0
}

var (
	inline    = regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)`)
	reference = regexp.MustCompile(`^ {0,3}\[[^\]^]+\]:\s*<?([^\s>]+)>?`)
	span      = regexp.MustCompile("`[^`]*`")
)

// checkLinks follows what does not leave the tree: nothing is fetched.
func checkLinks(d *document, tree fs.FS) (found []string, applies bool) {
	for _, l := range d.lines {
		text := span.ReplaceAllString(l.text, "")
		for _, m := range append(inline.FindAllStringSubmatch(text, -1), reference.FindAllStringSubmatch(text, -1)...) {
			u, err := url.Parse(m[1])
			if err == nil && (u.Scheme != "" || u.Host != "") {
				continue
			}
			applies = true
			switch {
			case err != nil:
				found = append(found, fmt.Sprintf("line %d: %s is no link", l.number, m[1]))
			case !leads(d, tree, u):
				found = append(found, fmt.Sprintf("line %d: %s leads nowhere", l.number, m[1]))
			}
		}
	}
	return found, applies
}

// leads tells whether there is what the link names: a file or a directory, or a heading of this document.
func leads(d *document, tree fs.FS, u *url.URL) bool {
	if u.Path == "" {
		return slices.ContainsFunc(d.headings, func(h heading) bool { return anchor(h.text) == strings.ToLower(u.Fragment) })
	}
	name := path.Join(d.dir, u.Path)
	if strings.HasPrefix(u.Path, "/") {
		name = path.Clean(u.Path[1:])
	}
	_, err := fs.Stat(tree, name)
	return err == nil
}

func checkCode(d *document, _ fs.FS) (found []string, applies bool) {
	for _, c := range d.code {
		if c.language != "go" {
			continue
		}
		applies = true
		if err := parses(c.text); err != nil {
			found = append(found, fmt.Sprintf("the code at line %d does not parse: %v", c.number, err))
		}
	}
	return found, applies
}

// parses tells whether the text is a file of Go, or declarations, or statements.
func parses(text string) error {
	var err error
	for _, as := range []string{"%s", "package p\n%s", "package p\nfunc _() {\n%s\n}\n"} {
		if _, err = parser.ParseFile(token.NewFileSet(), "", fmt.Sprintf(as, text), parser.SkipObjectResolution); err == nil {
			return nil
		}
	}
	return err
}
