// Package check measures a tree of Go source once more, in one process and by other means than the agents of the job: it
// counts tokens where they walk syntax trees, and lines where they read escaped JSON. What the job reports must be what
// this package finds.
package check

import (
	"bufio"
	"bytes"
	"fmt"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Result is what a tree comes to.
type Result struct {
	// GoFiles to ParseErrors are of *.go files. Those that do not parse count as files and lines, and as nothing else.
	GoFiles, TestFiles, ParseErrors int
	Lines, CodeLines, CommentLines  int
	Packages                        int // folders with a file that parses
	Functions, Methods              int
	Complexity                      int // the sum over functions and methods
	// Asm figures are of *.s files.
	AsmFiles, AsmLines, AsmSymbols, AsmComments int
}

// Totals measures every *.go and *.s file below root but those in .git folders. It follows no links.
func Totals(root string) (Result, error) {
	var r Result
	packages := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" && name != root {
			return fs.SkipDir
		}
		ext := filepath.Ext(name)
		if !d.Type().IsRegular() || ext != ".go" && ext != ".s" {
			return nil
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if ext == ".s" {
			r.assembly(src)
		} else if r.goFile(name, src) {
			packages[filepath.Dir(name)] = true
		}
		return nil
	})
	if err != nil {
		return Result{}, fmt.Errorf("measure %s: %w", root, err)
	}
	r.Packages = len(packages)
	return r, nil
}

// goFile adds one file, and tells whether it parses.
func (r *Result) goFile(name string, src []byte) bool {
	r.GoFiles++
	if strings.HasSuffix(name, "_test.go") {
		r.TestFiles++
	}
	file := token.NewFileSet().AddFile(name, -1, len(src))
	tokens := scan(file, src)
	r.lines(src, file, tokens)
	if _, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution); err != nil {
		r.ParseErrors++
		return false
	}
	r.declarations(tokens)
	return true
}

type lexeme struct {
	line    int
	token   token.Token
	literal string
}

func scan(file *token.File, src []byte) []lexeme {
	var s scanner.Scanner
	s.Init(file, src, nil, scanner.ScanComments)
	var all []lexeme
	for {
		pos, tok, lit := s.Scan()
		all = append(all, lexeme{file.PositionFor(pos, false).Line, tok, lit})
		if tok == token.EOF {
			return all
		}
	}
}

// lines sorts lines into those that a token is on, those that only a comment is on, and others.
func (r *Result) lines(src []byte, file *token.File, tokens []lexeme) {
	const code, comment = 1, 2
	text := strings.Split(string(src), "\n")
	on := make([]int, len(text)+1)
	for _, t := range tokens {
		if t.token == token.EOF || t.token == token.SEMICOLON && t.literal == "\n" {
			continue
		}
		kind := code
		if t.token == token.COMMENT {
			kind = comment
		}
		end := t.line
		if t.token == token.COMMENT || t.token == token.STRING {
			// The scanner drops carriage returns from literals, never line breaks.
			end += strings.Count(t.literal, "\n")
		}
		for line := t.line; line <= end; line++ {
			if kind == comment && strings.TrimSpace(text[line-1]) == "" {
				continue
			}
			on[line] |= kind
		}
	}
	for _, kind := range on {
		if kind&code != 0 {
			r.CodeLines++
		} else if kind == comment {
			r.CommentLines++
		}
	}
	r.Lines += bytes.Count(src, []byte("\n"))
	if len(src) > 0 && src[len(src)-1] != '\n' {
		r.Lines++
	}
}

// declarations counts the functions of a file that parses, and the tokens that add to their complexity. A function is
// declared where a statement outside all brackets begins with func; a method, where a bracket follows.
func (r *Result) declarations(tokens []lexeme) {
	depth, inside, start := 0, false, true
	for i, t := range tokens {
		switch t.token {
		case token.COMMENT:
			continue
		case token.LPAREN, token.LBRACE, token.LBRACK:
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			depth--
		case token.SEMICOLON:
			if depth == 0 {
				inside, start = false, true
				continue
			}
		case token.FUNC:
			if depth == 0 && start {
				inside = true
				r.Complexity++
				if next(tokens[i+1:]) == token.LPAREN {
					r.Methods++
				} else {
					r.Functions++
				}
			}
		case token.IF, token.FOR, token.CASE, token.LAND, token.LOR:
			if inside {
				r.Complexity++
			}
		}
		start = false
	}
}

func next(tokens []lexeme) token.Token {
	for _, t := range tokens {
		if t.token != token.COMMENT {
			return t.token
		}
	}
	return token.EOF
}

// assembly adds one assembly file, a line at a time.
func (r *Result) assembly(src []byte) {
	r.AsmFiles++
	in := bufio.NewScanner(bytes.NewReader(src))
	in.Buffer(nil, len(src)+1)
	block := false
	for in.Scan() {
		r.AsmLines++
		line := strings.TrimLeft(in.Text(), " \t")
		first, rest, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		switch {
		case block:
			r.AsmComments++
			block = !strings.Contains(line, "*/")
		case strings.HasPrefix(line, "//"):
			r.AsmComments++
		case strings.HasPrefix(line, "/*"):
			r.AsmComments++
			block = !strings.Contains(line[2:], "*/")
		case first == "TEXT" && rest != "":
			r.AsmSymbols++
		}
	}
}
