package gosource

import (
	"go/build/constraint"
	"strings"
)

// countLines tells how many lines src has, how many of them hold code, and how many hold a comment and no code. It reads
// the text once and knows only as much of Go as that takes: comments, and the literals that could hide one.
func countLines(src string) (lines, code, comment int) {
	var hasCode, hasComment bool
	endLine := func() {
		lines++
		if hasCode {
			code++
		} else if hasComment {
			comment++
		}
		hasCode, hasComment = false, false
	}
	for i := 0; i < len(src); i++ {
		switch c := src[i]; c {
		case '\n':
			endLine()
		case ' ', '\t', '\r':
		case '/':
			switch {
			case strings.HasPrefix(src[i:], "//"):
				hasComment = true
				i += lineRest(src[i:]) - 1
			case strings.HasPrefix(src[i:], "/*"):
				end := strings.Index(src[i+2:], "*/")
				stop := len(src)
				if end >= 0 {
					stop = i + 2 + end + 2
				}
				for ; i < stop; i++ {
					switch src[i] {
					case '\n':
						endLine()
					case ' ', '\t', '\r':
					default:
						hasComment = true
					}
				}
				i--
			default:
				hasCode = true
			}
		case '`':
			hasCode = true
			for i++; i < len(src) && src[i] != '`'; i++ {
				if src[i] == '\n' {
					endLine()
				}
				hasCode = true // every line of a raw string is code, also an empty one
			}
			hasCode = true
		case '"', '\'':
			hasCode = true
			for i++; i < len(src) && src[i] != c && src[i] != '\n'; i++ {
				if src[i] == '\\' && i+1 < len(src) && src[i+1] != '\n' {
					i++
				}
			}
			if i < len(src) && src[i] == '\n' {
				i-- // an unfinished literal ends with its line
			}
		default:
			hasCode = true
		}
	}
	if len(src) > 0 && src[len(src)-1] != '\n' {
		endLine()
	}
	return lines, code, comment
}

func lineRest(s string) int {
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		return n
	}
	return len(s)
}

// needsIgnoreTag tells whether the file's build constraint holds only with the tag "ignore".
func needsIgnoreTag(src string) bool {
	for len(src) > 0 {
		n := lineRest(src)
		line := strings.TrimSpace(src[:n])
		src = src[min(n+1, len(src)):]
		switch {
		case constraint.IsGoBuild(line):
			x, err := constraint.Parse(line)
			return err == nil && requires(x, "ignore")
		case line == "" || strings.HasPrefix(line, "//"):
		case strings.HasPrefix(line, "/*"): // a licence text, as a rule
			end := strings.Index(src, "*/")
			if strings.Contains(line, "*/") {
				continue
			}
			if end < 0 {
				return false
			}
			src = src[end+2:]
		default:
			return false
		}
	}
	return false
}

// requires tells whether x can hold only if the tag is set.
func requires(x constraint.Expr, tag string) bool {
	switch x := x.(type) {
	case *constraint.TagExpr:
		return x.Tag == tag
	case *constraint.AndExpr:
		return requires(x.X, tag) || requires(x.Y, tag)
	case *constraint.OrExpr:
		return requires(x.X, tag) && requires(x.Y, tag)
	}
	return false
}
